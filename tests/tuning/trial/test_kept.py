"""A trial leaves no trace: everything it may change is back, byte for byte and in place."""

import copy
import random
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from disciplined.mistakes import Mistake
from disciplined.tuning.trial.kept import Kept


def network() -> nn.Module:
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 3))


def loader(**settings: Any) -> DataLoader:
    data = TensorDataset(torch.randn(40, 4), torch.randint(0, 3, (40,)))
    return DataLoader(data, batch_size=8, shuffle=True, **settings)


def train(
    model: nn.Module, optimizer: torch.optim.Optimizer, batches: Any, passes: int = 2
) -> None:
    model.train()
    for _ in range(passes):
        for images, labels in batches:
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(images), labels).backward()
            optimizer.step()


OPTIMIZERS = {
    "sgd": lambda w: torch.optim.SGD(w, lr=0.1, momentum=0.9, nesterov=True),
    "adamw": lambda w: torch.optim.AdamW(w, lr=0.01),
    "rmsprop": lambda w: torch.optim.RMSprop(w, lr=0.01, momentum=0.5),
    "tensor rate": lambda w: torch.optim.SGD(w, lr=torch.tensor(0.1)),
}


@pytest.mark.parametrize("kind", OPTIMIZERS)
@pytest.mark.parametrize("begun", [False, True], ids=["fresh", "begun"])
def test_training_after_a_trial_is_what_it_would_have_been(kind: str, begun: bool):
    found = []
    for trial in (False, True):
        model, generator = network(), torch.Generator().manual_seed(7)
        torch.manual_seed(1)
        batches = loader(generator=generator)
        optimizer = OPTIMIZERS[kind](model.parameters())
        if begun:
            train(model, optimizer, batches)
        if trial:
            kept = Kept(model, optimizer, [batches])
            model.eval()
            for group in optimizer.param_groups:
                group["own"] = 1
                if kind != "tensor rate":
                    group["lr"] = 5.0
            train(model, optimizer, batches, 3)
            random.random(), np.random.rand(), torch.rand(3)
            kept.put_back()
        train(model, optimizer, batches)
        drawn = (random.Random(0).random(), torch.rand(2).tolist())
        found.append((model.state_dict(), optimizer.state_dict(), generator.get_state(), drawn))
    plain, after = found
    assert str(plain[1]["param_groups"]) == str(after[1]["param_groups"])
    assert torch.equal(plain[2], after[2]) and plain[3] == after[3]
    for name, value in plain[0].items():
        assert torch.equal(value, after[0][name]), name
    flat = torch.utils._pytree.tree_leaves  # type: ignore[attr-defined]
    for one, other in zip(flat(plain[1]["state"]), flat(after[1]["state"]), strict=True):
        assert torch.equal(torch.as_tensor(one), torch.as_tensor(other))


def test_tensors_flags_gradients_and_random_states_stay_the_same_objects():
    model = network()
    model[2].eval()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    batches = loader()
    train(model, optimizer, batches)
    model.train()
    model[2].eval()
    weights = [(id(w), w.detach().clone(), id(w.grad)) for w in model.parameters()]
    momenta = [id(state["momentum_buffer"]) for state in optimizer.state.values()]
    states = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state()
    kept = Kept(model, optimizer, [batches])
    train(model, optimizer, batches)
    optimizer.state.clear()
    optimizer.zero_grad()
    random.random(), np.random.rand()
    for _ in range(2):
        kept.put_back()
        for w, (identity, value, gradient) in zip(model.parameters(), weights, strict=True):
            assert id(w) == identity and torch.equal(w, value) and id(w.grad) == gradient
        assert [id(s["momentum_buffer"]) for s in optimizer.state.values()] == momenta
        assert model.training and not model[2].training
        assert random.getstate() == states[0]
        assert np.random.get_state()[1].tolist() == states[1]
        assert torch.equal(torch.get_rng_state(), states[2])
        train(model, optimizer, batches)


def test_further_objects_and_samplers_are_put_back():
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    average = torch.optim.swa_utils.AveragedModel(model)
    scaler = torch.amp.GradScaler("cpu", init_scale=8.0)
    sampler = torch.utils.data.DistributedSampler(range(40), num_replicas=2, rank=0)  # type: ignore[arg-type]
    sampler.set_epoch(5)
    data = TensorDataset(torch.randn(40, 4), torch.randint(0, 3, (40,)))
    batches = DataLoader(data, batch_size=8, sampler=sampler)
    before = copy.deepcopy(average.state_dict())
    kept = Kept(model, optimizer, [batches], [average, scaler])
    train(model, optimizer, batches)
    average.update_parameters(model)
    scaler.load_state_dict({**scaler.state_dict(), "scale": 2.0})
    sampler.set_epoch(9)
    kept.put_back()
    assert sampler.epoch == 5 and scaler.get_scale() == 8.0
    assert all(torch.equal(v, before[k]) for k, v in average.state_dict().items())


def test_mistakes():
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(Mistake, match="others: object has no state_dict"):
        Kept(model, optimizer, others=[object()])
    lazy = nn.LazyLinear(3)
    with pytest.raises(Mistake, match="weight: has no weights yet"):
        Kept(lazy, optimizer)
