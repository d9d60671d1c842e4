"""What holds for each choice of `optimizer=`: groups, state, compilation, a run from its YAML."""

import copy
import functools
import io
import math

import numpy as np
import pytest
import torch
from omegaconf import DictConfig
from torch import nn
from torch._dynamo.testing import CompileCounter

from disciplined.mistakes import Mistake
from disciplined.optimizers.groups import parameter_groups
from disciplined.optimizers.scheduled import Scheduled
from disciplined.training import assembly
from disciplined.training.config import choices, compose
from disciplined.training.planning import plan
from disciplined.training.record import Record
from disciplined.training.run import run

OPTIMIZERS = choices("optimizer")
STEPS = [name for name in OPTIMIZERS if not name.startswith("keras_")]  # theirs are among these
SMALL = ["model=three_layer", "dataset=digits", "total_batch_size=64", "trainer=cpu"]


@functools.cache
def composed(name: str) -> DictConfig:
    """Kept, for what reads the optimiser's part alone."""
    return compose([f"optimizer={name}"])


def made(name: str, network: nn.Module) -> Scheduled:
    optimizer = assembly.optimizer(composed(name), parameter_groups(network))
    assert isinstance(optimizer, Scheduled)
    return optimizer


def momentum(name: str, t: int = 0) -> float:
    return 0.0 if "adagrad" in name else 0.9 - 0.01 * t


def two_layers() -> nn.Module:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2))
    network.multipliers = {"0.bias": (2.0, 0.0), "1.bias": (2.0, 0.0)}  # pyright: ignore
    return network


def step(optimizer: Scheduled, network: nn.Module, name: str, t: int, make_step=None) -> None:
    for p in network.parameters():
        p.grad = torch.full_like(p, math.cos(t))
    optimizer.schedule(
        lr=0.1 + 0.01 * t,
        momentum=momentum(name, t),
        weight_decay=1e-3 * t,
        clipping=1.0 + t,
    )
    (make_step or optimizer.step)()


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_state_is_there_from_the_beginning_and_survives_a_checkpoint(name):
    """Byte for byte, through a file and into a network of its own; nothing is added by stepping."""
    network, other = two_layers(), two_layers()
    optimizer = made(name, network)
    before = {k: sorted(v) for k, v in optimizer.state_dict()["state"].items()}
    for t in range(3):
        step(optimizer, network, name, t)
    taken = optimizer.state_dict()
    assert {k: sorted(v) for k, v in taken["state"].items()} == before
    assert sorted(before) == [0, 1, 2, 3]
    file = io.BytesIO()
    torch.save(taken, file)
    file.seek(0)
    other.load_state_dict(network.state_dict())
    resumed = made(name, other)
    resumed.load_state_dict(torch.load(file, weights_only=True))
    for key, states in taken["state"].items():
        for state, tensor in states.items():
            found = resumed.state_dict()["state"][key][state]
            assert found.dtype == tensor.dtype and torch.equal(found, tensor), state
    for t in range(3, 6):
        step(optimizer, network, name, t)
        step(resumed, other, name, t)
    for a, b in zip(network.parameters(), other.parameters(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("name", STEPS)
def test_a_changing_value_recompiles_nothing_and_is_not_stale(name):
    """One graph, which no value read from the device may break (`fullgraph`)."""
    torch._dynamo.reset()
    network, plain = two_layers(), two_layers()
    optimizer, eager = made(name, network), made(name, plain)
    counter = CompileCounter()
    compiled = torch.compile(lambda: optimizer.step(), backend=counter, fullgraph=True)
    graphs = set()
    for t in range(6):
        step(optimizer, network, name, t, compiled)
        step(eager, plain, name, t)
        graphs.add(counter.frame_count) if t > 1 else None
    assert len(graphs) == 1
    for a, b in zip(network.parameters(), plain.parameters(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.slow
@pytest.mark.parametrize("name", STEPS)
def test_compiled_the_step_is_the_eager_one(name):
    torch._dynamo.reset()
    network, plain = two_layers(), two_layers()
    optimizer, eager = made(name, network), made(name, plain)
    compiled = torch.compile(lambda: optimizer.step())
    for t in range(6):
        step(optimizer, network, name, t, compiled)
        step(eager, plain, name, t)
    for a, b in zip(network.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_multipliers_act(name):
    """Twice the rate is twice the first step; no decay where there is none."""
    weights = [nn.Parameter(torch.full((1,), 0.5, dtype=torch.float64)) for _ in range(3)]
    mults = [(1.0, 0.0), (2.0, 0.0), (1.0, 1.0)]
    groups = [
        {"params": [w], "lr_mult": m, "decay_mult": d}
        for w, (m, d) in zip(weights, mults, strict=True)
    ]
    optimizer = assembly.optimizer(composed(name), groups)
    optimizer.schedule(lr=0.01, momentum=momentum(name), weight_decay=0.3)  # pyright: ignore
    for weight in weights:
        weight.grad = torch.full_like(weight, 1e-4)
    optimizer.step()
    single, double, decayed = (0.5 - w.item() for w in weights)
    assert single > 0
    assert double == pytest.approx(2 * single, rel=1e-9)
    assert decayed > single * (1 + 1e-9)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_parameter_without_a_gradient_is_left_alone(name):
    network = two_layers()
    optimizer = made(name, network)
    step(optimizer, network, name, 0)
    kept = copy.deepcopy(optimizer.state[network[0].weight])
    weight = network[0].weight.detach().clone()
    for p in network.parameters():
        p.grad = torch.ones_like(p)
    network[0].weight.grad = None
    optimizer.step()
    assert torch.equal(network[0].weight, weight)
    assert all(torch.equal(optimizer.state[network[0].weight][k], v) for k, v in kept.items())


MOMENTA = {
    "sgd": (0.95, 0.9), "sgd_pytorch": (0.95, 0.9),
    "nesterov": (0.95, 0.9), "nesterov_pytorch": (0.95, 0.9),
    "adam": (0.9, 0.9), "adamw": (0.9, 0.9), "keras_adam": (0.9, 0.9), "adadelta": (0.9, 0.9),
    "rmsprop": (0.0, 0.0), "adagrad": (0.0, 0.0), "keras_sgd": (0.0, 0.0),
    "keras_rmsprop": (0.0, 0.0), "keras_adagrad": (0.0, 0.0),
}  # fmt: skip


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optimiser_that_has_no_velocity_chooses_its_own_momentum(name):
    """Over the schedule's choice, under the user's; the model's is meant for SGD's velocity."""
    lenet = ["model=lenet", "dataset=mnist", f"optimizer={name}"]

    def seen(*more: str) -> float:
        return plan(compose([*lenet, *more])).momentum.value(0)

    assert (seen(), seen("schedule=constant")) == MOMENTA[name]
    if name in ("adam", "keras_sgd"):  # one that suggests a momentum, one that has none
        assert seen("schedule=range_test", "recipe=lenet") == MOMENTA[name][1]
        assert seen("schedule=constant", "momentum=linear") == 0.95
        assert seen("momentum=constant", "momentum.value=0.7") == 0.7
    if name == "keras_sgd":
        assert seen("momentum.value=0.99") == 0.99


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_run_of_two_updates_from_its_yaml(name, no_picture, tmp_path):
    """The network moves with the second update too, and its loss stays finite."""
    asked = [*SMALL, f"optimizer={name}", "schedule=constant", "schedule.lr=0.1", "duration=2it"]
    cfg = compose([*asked, "evaluate_every=1it", "precision=fp32", f"output_dir={tmp_path}"])
    assert run(cfg, quiet=True) == 0
    rows = Record(plan(cfg).folder).rows()
    losses = [row["test_loss"] for row in rows]
    assert len(losses) == 2 and np.isfinite(losses).all() and losses[0] != losses[1]


@pytest.mark.parametrize("wanted", ["momentum=constant", "momentum=linear"])
@pytest.mark.parametrize("name", ["adagrad", "keras_adagrad"])
def test_a_momentum_that_there_is_not_leaves_nothing(name, wanted, tmp_path):
    asked = [*SMALL, f"optimizer={name}", wanted, "duration=2it", "schedule=constant"]
    with pytest.raises(Mistake, match="AdaGrad has no momentum"):
        run(compose([*asked, f"output_dir={tmp_path}"]), quiet=True)
    assert list(tmp_path.rglob("*")) == []


def test_other_settings_of_an_optimiser_are_another_run():
    keys = [
        plan(compose(["optimizer=adam", *changed])).key
        for changed in ([], ["optimizer.eps=1e-7"], ["optimizer.convention=pytorch"])
    ]
    assert len(set(keys)) == 3
