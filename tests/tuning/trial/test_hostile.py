"""Models, optimisers, batches and losses as users really have them: each works, or says in a line
why not, and leaves no trace."""

import copy
import dataclasses
import random
from collections import UserDict, defaultdict
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from own_loop import problem
from torch import nn
from torch.utils.data import DataLoader, Dataset, IterableDataset, SubsetRandomSampler

from disciplined import range_test
from disciplined.mistakes import Mistake


def network() -> nn.Module:
    torch.manual_seed(4)
    return nn.Sequential(nn.Linear(6, 16), nn.BatchNorm1d(16), nn.Dropout(0.2), nn.Linear(16, 3))


def sgd(model: nn.Module, lr: float = 0.1) -> torch.optim.Optimizer:
    return torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)


def batches(size: int = 240, **settings: Any) -> DataLoader:
    return DataLoader(problem(size), **({"batch_size": 24, "shuffle": True} | settings))


def trial(model: nn.Module, optimizer: Any = None, data: Any = None, **settings: Any) -> Any:
    """A short test, after which everything is as it was."""
    optimizer = optimizer or sgd(model)
    before = copy.deepcopy((model.state_dict(), optimizer.state_dict()))
    settings = {"high": 1.0, "iterations": 10, "points": 5, "validation": batches(60)} | settings
    try:
        return range_test(model, optimizer, batches() if data is None else data, **settings)
    finally:
        assert same(before, (model.state_dict(), optimizer.state_dict()))


def same(one: Any, other: Any) -> bool:
    leaves = torch.utils._pytree.tree_leaves  # type: ignore[attr-defined]
    pairs = list(zip(leaves(one), leaves(other), strict=True))
    return all(torch.equal(a, b) if isinstance(a, torch.Tensor) else bool(a == b) for a, b in pairs)


# --- optimisers and groups ---------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["Adam", "AdamW", "RMSprop", "Adagrad", "LBFGS"])
def test_optimisers(kind: str):
    model = network()
    found = trial(model, getattr(torch.optim, kind)(model.parameters(), lr=0.01), high=0.1)
    assert np.isfinite(found.train_loss).all()


def test_groups_keep_their_proportions():
    model = network()
    groups = [
        {"params": model[0].parameters(), "lr": 0.01},  # type: ignore[union-attr]
        {"params": model[3].parameters(), "lr": 0.1},  # type: ignore[union-attr]
    ]
    optimizer = torch.optim.SGD(groups, momentum=0.9)
    seen = []

    def step(batch: Any) -> float:
        seen.append([group["lr"] for group in optimizer.param_groups])
        return 1.0

    trial(model, optimizer, step=step)
    assert [b for _, b in seen] == pytest.approx([t / 10 for t in range(10)])
    assert [a for a, _ in seen] == pytest.approx([b / 10 for _, b in seen])


def test_weights_that_only_the_optimiser_knows():
    """A learned temperature, the other network of two."""
    model, other = network(), nn.Parameter(torch.ones(()))
    optimizer = torch.optim.SGD([*model.parameters(), other], lr=0.1)

    def loss(net: nn.Module, batch: Any) -> torch.Tensor:
        return nn.functional.cross_entropy(net(batch[0]) * other, batch[1])

    trial(model, optimizer, loss=loss)
    assert float(other.detach()) == 1.0 and other.grad is None


# --- models ------------------------------------------------------------------------------------


class Keeping(nn.Module):
    """Tied and frozen weights, a buffer that is not there yet, counters, an average of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Linear(6, 6), nn.Linear(6, 6)
        self.two.weight = self.one.weight
        self.head = nn.Linear(6, 3)
        self.head.bias.requires_grad_(False)
        self.register_buffer("cache", None)
        self.calls, self.average, self.log = 0, {"w": torch.zeros(3)}, [1.0]

    def forward(self, points: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        self.log.append(float(points.mean()))
        self.cache = points.detach().clone()
        self.average["w"].mul_(0.9).add_(self.head.bias.detach() + 1)
        return self.head(self.two(self.one(points).relu()))


def test_what_a_model_keeps_beside_its_weights():
    model = Keeping()
    average = model.average["w"]
    trial(model)
    assert (model.calls, model.cache, model.log) == (0, None, [1.0])
    assert model.average["w"] is average and not average.any()


def test_parts_held_in_evaluation_stay_so():
    model = network()
    model[1].eval()
    before = copy.deepcopy(model[1].state_dict())
    seen = []

    def loss(net: Any, batch: Any) -> torch.Tensor:
        seen.append((net.training, net[1].training, net[2].training))
        return nn.functional.cross_entropy(net(batch[0]), batch[1])

    trial(model, loss=loss)
    assert set(seen) == {(True, False, True), (False, False, False)}
    assert same(before["running_mean"], model[1].running_mean)
    assert model.training and not model[1].training
    model.eval()
    trial(model)
    assert not any(part.training for part in model.modules())


def test_a_compiled_model():
    plain = network()
    compiled = torch.compile(network(), backend="eager")
    found = [trial(m, seeds=1) for m in (plain, compiled)]
    assert found[0].val_loss == pytest.approx(found[1].val_loss, rel=1e-5)
    assert compiled.training


def test_scaled_losses_accumulation_and_an_average():
    model = network()
    optimizer = sgd(model)
    average = torch.optim.swa_utils.AveragedModel(model)
    scaler = torch.amp.GradScaler("cpu", init_scale=64.0)
    before = copy.deepcopy((average.state_dict(), scaler.state_dict()))

    def step(batch: Any) -> torch.Tensor:
        optimizer.zero_grad()
        losses = []
        for points, labels in zip(batch[0].chunk(2), batch[1].chunk(2), strict=True):
            with torch.autocast("cpu", torch.bfloat16):
                losses.append(nn.functional.cross_entropy(model(points), labels) / 2)
            scaler.scale(losses[-1]).backward()
        scaler.step(optimizer)
        scaler.update()
        average.update_parameters(model)
        return torch.stack(losses).sum()

    found = trial(model, optimizer, step=step, others=[average, scaler])
    assert np.isfinite(found.train_loss).all()
    assert same(before, (average.state_dict(), scaler.state_dict()))


def test_sharded_models_are_refused(monkeypatch: pytest.MonkeyPatch):
    class FullyShardedDataParallel(nn.Module):
        pass

    module = SimpleNamespace(FullyShardedDataParallel=FullyShardedDataParallel)
    monkeypatch.setitem(__import__("sys").modules, "torch.distributed.fsdp", module)
    model = network()
    model.append(FullyShardedDataParallel())  # type: ignore[operator]
    with pytest.raises(Mistake, match="its weights are sharded over processes"):
        trial(model)


# --- batches -----------------------------------------------------------------------------------


class Hugging(nn.Module):
    """Takes a batch by names, gives loss and logits."""

    def __init__(self) -> None:
        super().__init__()
        self.network = network()

    def forward(self, points: torch.Tensor, labels: torch.Tensor) -> Any:
        logits = self.network(points)
        return SimpleNamespace(loss=nn.functional.cross_entropy(logits, labels), logits=logits)


@pytest.mark.parametrize("kind", [dict, UserDict, lambda b: defaultdict(list, b)])
def test_batches_by_name(kind: Callable[..., Any]):
    points, labels = problem(60).tensors
    named = [kind({"points": p, "labels": k}) for p, k in zip(points.split(20), labels.split(20))]  # noqa: B905
    found = trial(Hugging(), data=named, validation=named)
    pairs = [(b["points"], b["labels"]) for b in named]
    other = trial(network(), data=pairs, validation=pairs)
    assert found.val_loss == pytest.approx(other.val_loss)
    assert found.val_accuracy == pytest.approx(other.val_accuracy)


@dataclasses.dataclass
class Pair:
    points: torch.Tensor
    labels: torch.Tensor
    names: list[str]


def test_batches_of_a_class_of_ones_own():
    points, labels = problem(20).tensors

    def loss(net: nn.Module, batch: Pair) -> torch.Tensor:
        return nn.functional.cross_entropy(net(batch.points), batch.labels)

    found = trial(network(), data=[Pair(points, labels, ["a"])], loss=loss, validation=None)
    assert found.images == 0 and np.isfinite(found.train_loss).all()


class Stream(IterableDataset):
    """Begins anew every time, or only once."""

    def __init__(self, once: bool):
        points, labels = problem(48).tensors
        self.items: Any = list(zip(points, labels, strict=True))
        self.items = iter(self.items) if once else self.items

    def __iter__(self) -> Iterator[Any]:
        return iter(self.items)


def test_streams():
    anew = DataLoader(Stream(False), 8)
    found = trial(network(), data=anew, validation=anew, validation_images=20)
    assert (found.images, found.part) == (24, "the first")
    with pytest.raises(Mistake, match="batches: is empty when it is passed over again"):
        trial(network(), data=DataLoader(Stream(True), 8))


def test_one_batch_is_passed_over_again_and_again():
    found = trial(network(), data=batches(24), seeds=2)
    assert np.isfinite(found.train_loss).all() and found.train_loss.shape == (2, 10)


class Noisy(Dataset):
    """Draws from generators of its own."""

    def __init__(self) -> None:
        self.points, self.labels = problem(48).tensors
        self.numpy, self.python = np.random.default_rng(3), random.Random(3)
        self.transforms = [SimpleNamespace(torch=torch.Generator().manual_seed(3))]

    def __len__(self) -> int:
        return 48

    def __getitem__(self, i: int) -> Any:
        noise = self.numpy.normal() + self.python.random()
        noise += float(torch.rand((), generator=self.transforms[0].torch))
        return self.points[i] + noise, self.labels[i]


def test_generators_that_a_data_set_keeps_are_put_back():
    data = Noisy()
    plain = [float(x.sum()) for x, _ in DataLoader(Noisy(), 8)]
    trial(network(), data=DataLoader(data, 8), validation=None)
    assert [float(x.sum()) for x, _ in DataLoader(data, 8)] == plain


# --- what is held out --------------------------------------------------------------------------


def test_some_of_the_images_held_out_are_measured_the_same_at_every_point():
    asked: list[int] = []

    class Told(Dataset):
        def __len__(self) -> int:
            return 1000

        def __getitem__(self, i: int) -> Any:
            asked.append(i)
            return problem(60)[i % 60]

    half = SubsetRandomSampler(range(500, 1000))  # the usual split by samplers
    held_out = DataLoader(Told(), 32, sampler=half)
    found = trial(network(), validation=held_out, validation_images=100)
    assert found.images == 100 and "100 images, drawn once out of those held out" in str(found)
    each = np.reshape(asked, (5, 100))
    assert (each == each[0]).all() and len(set(each[0])) == 100
    assert each.min() >= 500 and np.ptp(each[0]) > 400, "over the whole set, of the sampler's half"
    assert trial(network(), validation=held_out, validation_images=None).images == 500
    assert "all of those held out" in str(trial(network()))
    few = trial(network(), validation=list(batches(240)), validation_images=50)
    assert few.images == 72 and few.part


def test_repetitions_that_are_equal_are_told():
    model = nn.Linear(6, 3)
    found = trial(model, data=list(batches()), seeds=3)
    assert "all 3 repetitions are equal, so their spread says nothing" in str(found)
    assert "are equal" not in str(trial(model, seeds=3))


# --- losses ------------------------------------------------------------------------------------


def cross_entropy(net: nn.Module, batch: Any, **settings: Any) -> torch.Tensor:
    return nn.functional.cross_entropy(net(batch[0]), batch[1], **settings)


def test_a_loss_that_is_not_finite_from_the_first():
    found = trial(network(), loss=lambda net, b: cross_entropy(net, b) * torch.nan)
    assert found.stopped == [0] and found.suggested.max_lr is None
    assert "the first loss was not finite: look at model and data" in str(found)
    assert found.figure() is not None


def test_losses_below_zero_end_where_they_explode():
    """A log-likelihood, that falls from -1 to -3 and then goes up without end."""
    values = [*np.linspace(-1, -3, 60), *np.linspace(-3, 50, 40)]
    told = iter(values)
    model = network()
    found = range_test(model, sgd(model), batches(), high=1.0, iterations=100, points=50,
                       step=lambda _: next(told))  # fmt: skip
    (end,) = found.stopped
    assert end is not None and 5 < values[end] < 8
    falling = iter(np.linspace(5, -50, 100))
    found = range_test(
        model, sgd(model), batches(), high=1.0, iterations=100, step=lambda _: next(falling)
    )
    assert found.stopped == [None]


def test_regression_has_no_accuracy():
    points, _ = problem(60).tensors
    data = [(points, points.sum(1, keepdim=True))]
    model = nn.Linear(6, 1)

    def loss(net: nn.Module, batch: Any) -> torch.Tensor:
        return nn.functional.mse_loss(net(batch[0]), batch[1])

    found = trial(model, data=data, validation=data, loss=loss, high=0.02, iterations=60, points=30)
    assert np.isnan(found.val_accuracy).all() and found.suggested.max_lr is not None
    with pytest.raises(Mistake, match="labels are no class numbers; give loss="):
        trial(model, data=data)


def test_labels_that_are_shares_of_classes():
    points, labels = problem(60).tensors
    soft = [(points, nn.functional.one_hot(labels, 3).float())]
    hard = [(points, labels)]
    found, other = (trial(network(), data=d, validation=d) for d in (soft, hard))
    assert found.val_loss == pytest.approx(other.val_loss, rel=1e-5)
    assert found.val_accuracy == pytest.approx(other.val_accuracy)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"loss": lambda n, b: (cross_entropy(n, b), {})}, "loss: gave a tuple; expected the loss"),
        ({"loss": lambda n, b: cross_entropy(n, b, reduction="none")}, r"shape \[24\]; expected"),
        ({"step": lambda _: None}, "step: gave None; expected the loss"),
        ({"step": lambda _: (1.0, 2)}, "step: gave a tuple"),
        ({"measure": lambda *_: {"loss": 1.0, "accuracy": 93.0}}, "accuracy=93: expected a share"),
        ({"measure": lambda _, b: {"loss": b[0]}}, r"measure: loss has shape \[24, 6\]"),
        ({"data": [{"points": problem(9).tensors[0]}]}, "gives no loss; give loss="),
        ({"iterations": 2.5}, "iterations=2.5: expected a whole number from 2 on"),
        ({"validation_images": 0}, "validation_images=0: expected a whole number from 1 on"),
        ({"high": "fast"}, "high=fast: expected a finite number"),
        ({"stop": 1.0}, "stop=1.0: expected more than 1"),
        ({"beside": {"lr": (0.1, 0.2)}}, "beside=lr: it is what rises"),
        ({"beside": {"momentum": (0.9,)}}, "beside=momentum: .* expected from and to"),
        ({"beside": {"momentum": (-0.9, 0.1)}}, "beside=momentum: .* two numbers from 0 on"),
        ({"over": "momentum", "high": 1.5}, "high=1.5: a momentum is below 1"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_said(settings: dict[str, Any], said: str):
    model = Nameless() if "data" in settings else network()
    with pytest.raises(Mistake, match=said):
        trial(model, **settings)


def test_a_model_without_weights_is_said():
    with pytest.raises(Mistake, match="model: has no weights"):
        range_test(nn.Identity(), sgd(network()), batches(), high=1.0)


def test_an_accuracy_that_is_no_number_at_first_ends_nothing():
    model, asked = network(), []

    def measure(net: nn.Module, batch: Any) -> dict[str, float]:
        asked.append(batch)
        return {"loss": 1.0, "accuracy": 0.5 if len(asked) > 1 else float("nan")}

    found = trial(model, measure=measure, validation=list(batches(24)))
    assert np.isnan(found.val_accuracy[0, 0]) and (found.val_accuracy[0, 1:] == 0.5).all()


def test_what_a_model_begins_to_keep_in_the_test_is_gone_after_it():
    class Lazy(nn.Linear):
        def forward(self, points: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
            self.seen = getattr(self, "seen", 0) + 1
            if self.seen == 1:
                self.register_buffer("first", points.mean(0))
            return super().forward(points)

    model = Lazy(6, 3)
    trial(model)
    assert not hasattr(model, "seen") and not hasattr(model, "first")


class Nameless(nn.Linear):
    """Answers a batch by names with a tensor."""

    def __init__(self) -> None:
        super().__init__(6, 3)

    def forward(self, points: torch.Tensor) -> torch.Tensor:
        return super().forward(points)


def test_a_model_that_answers_with_several_things():
    class Two(nn.Linear):
        def forward(self, points: torch.Tensor) -> Any:  # type: ignore[override]
            return super().forward(points), None

    with pytest.raises(Mistake, match="model gives a tuple for labels that are a Tensor"):
        trial(Two(6, 3))


def test_numbers_of_numpy_are_numbers():
    found = trial(network(), high=np.float32(0.5), iterations=np.int64(4), points=np.int64(2))
    assert found.val_loss.shape == (1, 2)


# --- faults ------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [KeyboardInterrupt, RuntimeError])
@pytest.mark.parametrize("where", ["training", "validation"])
def test_a_fault_in_the_middle_leaves_no_trace(fault: type[BaseException], where: str):
    model = network()
    state = torch.get_rng_state()

    def failing(net: nn.Module, batch: Any) -> torch.Tensor:
        failing.calls += net.training == (where == "training")  # type: ignore[attr-defined]
        if failing.calls > 3:  # type: ignore[attr-defined]
            raise fault("here")
        return cross_entropy(net, batch)

    failing.calls = 0  # type: ignore[attr-defined]
    model[2].eval()
    with pytest.raises(fault):
        trial(model, loss=failing)
    assert model.training and not model[2].training
    assert torch.equal(torch.get_rng_state(), state)
    assert all(weight.grad is None for weight in model.parameters())
