"""A range test around somebody's own loop: what it measures, when it stops, and no trace of it."""

import copy
import random
from typing import Any

import numpy as np
import pytest
import torch
from own_loop import problem
from torch import nn
from torch.utils.data import DataLoader, DistributedSampler

from disciplined import range_test
from disciplined.mistakes import Mistake


def network() -> nn.Sequential:
    torch.manual_seed(4)
    return nn.Sequential(nn.Linear(6, 16), nn.BatchNorm1d(16), nn.Tanh(), nn.Linear(16, 3))


def batches(**settings: Any) -> DataLoader:
    return DataLoader(problem(240), batch_size=24, shuffle=True, **settings)


def sgd(model: nn.Module, lr: float = 0.1) -> torch.optim.Optimizer:
    return torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)


def fitted(test: bool, **settings: Any) -> tuple[list[torch.Tensor], str, tuple[float, ...]]:
    """Training for three passes, with a range test before it or not."""
    random.seed(1), np.random.seed(1), torch.manual_seed(1)
    model, loader = network(), batches(**settings)
    optimizer = sgd(model)
    if test:
        held_out = DataLoader(problem(60), batch_size=25)
        range_test(model, optimizer, loader, validation=held_out, high=2.0, iterations=25, seeds=2)
    for _ in range(3):
        for points, labels in loader:
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(points), labels).backward()
            optimizer.step()
    states = [value.clone() for value in model.state_dict().values()]
    drawn = (random.random(), float(np.random.rand()), float(torch.rand(())))
    return states, str(optimizer.state_dict()), drawn


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"generator": torch.Generator()},
        {"num_workers": 2},
        {"num_workers": 1, "persistent_workers": True},
    ],
    ids=["plain", "generator", "workers", "workers that stay"],
)
def test_a_range_test_then_fit_is_fit_byte_for_byte(settings: dict[str, Any]):
    found = []
    for test in (False, True):
        if "generator" in settings:
            settings["generator"].manual_seed(9)
        found.append(fitted(test, **settings))
    for one, other in zip(found[0][0], found[1][0], strict=True):
        assert torch.equal(one, other)
    assert found[0][1:] == found[1][1:]


def test_what_is_measured_is_what_a_bare_loop_measures():
    def averaging() -> nn.Sequential:  # the plain mean of all batches seen
        model = network()
        model[1].momentum = None
        return model

    model, data = averaging(), list(batches())
    held_out = list(DataLoader(problem(50), batch_size=20))
    optimizer = sgd(model)
    found = range_test(
        model, optimizer, data, validation=held_out, low=0.1, high=0.4, iterations=12, points=4
    )
    assert found.rows.tolist() == [3, 6, 9, 12] and found.stopped == [None]
    assert found.values == pytest.approx(0.1 + 0.3 * np.arange(12) / 12)

    model = averaging()
    optimizer = sgd(model)
    losses, rows = [], []
    for t in range(12):
        if t % 3 == 0:
            model[1].reset_running_stats()
        points, labels = data[t % len(data)]
        for group in optimizer.param_groups:
            group["lr"] = found.values[t]
        loss = nn.functional.cross_entropy(model(points), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
        if (t + 1) % 3 == 0:
            model.eval()
            points, labels = problem(50).tensors
            with torch.no_grad():
                outputs = model(points)
            rows.append(
                (
                    float(nn.functional.cross_entropy(outputs, labels)),
                    float((outputs.argmax(1) == labels).float().mean()),
                )
            )
            model.train()
    assert found.train_loss[0] == pytest.approx(losses, rel=1e-6)
    assert found.val_loss[0] == pytest.approx([loss for loss, _ in rows], rel=1e-5)
    assert found.val_accuracy[0] == pytest.approx([accuracy for _, accuracy in rows])
    (curve,) = found.curves
    assert curve.values.tolist() == found.values[[2, 5, 8, 11]].tolist()
    assert curve.train_loss == pytest.approx(np.reshape(losses, (4, 3)).mean(1), rel=1e-6)


def test_a_constant_loss_is_read_as_it_is():
    """Lightning's finder draws a loss of 1.0 as 0.505, 0.673, ..."""
    model = network()
    optimizer = sgd(model)
    found = range_test(
        model, optimizer, batches(), high=1.0, iterations=30, step=lambda _: torch.tensor(1.0)
    )
    assert (found.train_loss == 1.0).all() and (found.curves[0].train_loss == 1.0).all()
    assert found.suggested.max_lr is None, "nothing can be read off a constant"
    assert "nothing" in str(found)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_ends_a_repetition(bad: float):
    losses = iter([1.0, 0.9, 0.8, bad, 0.7] * 100)
    model = network()
    found = range_test(
        model,
        sgd(model),
        batches(),
        high=1.0,
        iterations=20,
        points=5,
        step=lambda _: next(losses),
        validation=list(batches()),
    )
    assert found.stopped == [3]
    assert np.isfinite(found.train_loss[0, :3]).all() and np.isnan(found.train_loss[0, 3:]).all()
    assert np.isnan(found.val_loss).all(), "what came after the first row says nothing"
    assert found.curves[0].diverged_at == pytest.approx(found.values[3])


def test_it_stops_by_itself_and_repetitions_differ():
    model = nn.Linear(6, 3)
    before = copy.deepcopy(model.state_dict())
    found = range_test(model, sgd(model), batches(), high=1e4, iterations=300, seeds=3, points=60)
    assert all(end is not None and end < 290 for end in found.stopped)
    assert len({tuple(row[:20]) for row in found.train_loss}) == 3
    again = range_test(model, sgd(model), batches(), high=1e4, iterations=300, seeds=3, points=60)
    assert np.array_equal(found.train_loss, again.train_loss, equal_nan=True)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    on = range_test(model, sgd(model), batches(), high=50.0, iterations=40, stop=None)
    assert on.stopped == [None]


def test_samplers_of_several_processes_give_every_repetition_an_order_of_its_own():
    data = problem(240)
    sampler = DistributedSampler(data, num_replicas=2, rank=1, shuffle=True)
    sampler.set_epoch(3)
    loader = DataLoader(data, batch_size=24, sampler=sampler)
    model = network()
    found = range_test(model, sgd(model), loader, high=0.1, iterations=8, seeds=3)
    assert len({tuple(row) for row in found.train_loss}) == 3 and sampler.epoch == 3


def test_batches_of_names_and_of_nothing_weigh_what_they_hold():
    model = network()
    points, labels = problem(30).tensors
    held_out = [
        {"name": ["a"] * 20, "point": points[:20], "label": labels[:20]},
        {"name": ["b"] * 10, "point": points[20:], "label": labels[20:]},
        {"name": [], "point": points[:0], "label": labels[:0]},
    ]

    def loss(net: nn.Module, batch: Any) -> torch.Tensor:
        return nn.functional.cross_entropy(net(batch["point"]), batch["label"])

    found = range_test(
        model, sgd(model, 1e-9), held_out[:1], validation=held_out, high=1e-12, iterations=2,
        points=1, loss=loss, move=lambda batch: batch,
    )  # fmt: skip
    model[1].momentum = 1.0  # the statistics of the one batch
    model.train()
    model(points[:20])
    model.eval()
    with torch.no_grad():
        expected = float(nn.functional.cross_entropy(model(points), labels))
    assert found.val_loss[0, 0] == pytest.approx(expected, rel=1e-5)
    assert np.isnan(found.val_accuracy).all()


def test_a_momentum_is_measured_but_none_is_suggested():
    model = network()
    held_out = list(batches())
    found = range_test(
        model, sgd(model), batches(), over="momentum", low=0.5, high=0.99, iterations=20,
        validation=held_out,
    )  # fmt: skip
    assert found.suggested.max_lr is None and "momentum" in found.suggested.why


def test_fresh_weights_for_every_repetition():
    model = network()
    drawn = []

    def fresh(net: nn.Module) -> None:
        for part in net.modules():
            if isinstance(part, nn.Linear):
                part.reset_parameters()
        drawn.append(net[0].weight.detach().clone())  # type: ignore[index]

    first = model[0].weight.detach().clone()  # type: ignore[index]
    range_test(model, sgd(model), batches(), high=1.0, iterations=5, seeds=2, fresh=fresh)
    assert len(drawn) == 2 and not torch.equal(*drawn)
    assert torch.equal(model[0].weight, first)  # type: ignore[index]


def test_momentum_rises_or_falls_beside_the_rate():
    model = network()
    optimizer = sgd(model)
    seen = []

    def step(batch: Any) -> float:
        group = optimizer.param_groups[0]
        seen.append((group["lr"], group["momentum"]))
        return 1.0

    range_test(
        model,
        optimizer,
        batches(),
        high=1.0,
        iterations=10,
        step=step,
        beside={"momentum": (0.95, 0.85)},
    )
    assert [lr for lr, _ in seen] == pytest.approx([t / 10 for t in range(10)])
    assert [m for _, m in seen] == pytest.approx([0.95 - 0.01 * t for t in range(10)])
    seen.clear()
    range_test(
        model, optimizer, batches(), over="momentum", low=0.5, high=0.9, iterations=4, step=step
    )
    assert seen == [(0.1, pytest.approx(0.5 + 0.1 * t)) for t in range(4)]
    assert optimizer.param_groups[0]["momentum"] == 0.9


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"shape": "cubic"}, "shape=cubic: expected linear or exponential"),
        ({"shape": "exponential"}, "low=0: an exponential test begins above 0"),
        ({"iterations": 1}, "iterations=1: expected"),
        ({"low": 2.0}, "high=1.0: expected more than low=2.0"),
        ({"low": 1.0}, "high=1.0: expected more than low=1.0"),
        ({"high": float("inf")}, "high=inf: expected a finite number"),
        ({"seeds": 0}, "seeds=0"),
        ({"over": "speed"}, "over=speed: expected one of lr"),
        ({"batches": iter([1, 2])}, "batches: can be passed over only once"),
        ({"validation": iter([1, 2])}, "validation: can be passed over only once"),
        ({"batches": []}, "batches: is empty"),
        ({"batches": [torch.ones(3, 6)]}, "batches: expected (images, labels)"),
        ({"validation": []}, "validation: is empty"),
        ({"measure": lambda *_: 1.0}, "measure: expected"),
        ({"others": [3]}, "others: int has no state_dict"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_mistakes_are_one_line_and_leave_no_trace(settings: dict[str, Any], said: str):
    model = network()
    optimizer = sgd(model)
    before = copy.deepcopy(model.state_dict())
    told = {"batches": batches(), "validation": list(batches()), "high": 1.0, "iterations": 4}
    with pytest.raises(Mistake) as caught:
        range_test(model, optimizer, **told | settings)  # type: ignore[arg-type]
    assert said in str(caught.value) and "\n" not in str(caught.value)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert optimizer.param_groups[0]["lr"] == 0.1 and not optimizer.state
