"""Our policies beside torch's schedulers, where torch computes the same thing.

Not compared: OneCycleLR, whose peak and end lie an iteration earlier and whose phases are other
ones than the author's. Torch multiplies from step to step, hence the tolerances.
"""

from typing import Any

import numpy as np
import pytest
import torch
from torch.optim import lr_scheduler

from disciplined.schedules import cycles, decays, momentum, range_tests
from disciplined.schedules.segments import Schedule


class Settings(torch.optim.Optimizer):
    """What a scheduler asks of an optimiser, and nothing that loads half of torch for it."""

    def __init__(self, lr: float) -> None:
        self.defaults = {"lr": lr, "momentum": 0.9}
        self.param_groups = [dict(self.defaults)]

    def step(self, closure: Any = None) -> None:
        """Nothing: the settings are what is looked at."""


def torch_values(
    scheduler: type, iterations: int, lr: float = 1.0, what: str = "lr", **asked: Any
) -> np.ndarray:
    """What torch sets the optimiser's rate (or momentum) to, for updates 0 .. iterations - 1."""
    optimiser = Settings(lr)
    schedule = scheduler(optimiser, **asked)
    values = []
    for _ in range(iterations):
        values.append(float(optimiser.param_groups[0][what]))
        optimiser.step()
        schedule.step()
    return np.array(values)


def ours(schedule: Schedule, iterations: int) -> np.ndarray:
    return schedule.values(np.arange(iterations))


def test_constant() -> None:
    expected = torch_values(lr_scheduler.ConstantLR, 20, lr=0.1, factor=1.0)
    assert ours(decays.constant(0.1), 20) == pytest.approx(expected, rel=1e-15)


def test_multistep() -> None:
    expected = torch_values(
        lr_scheduler.MultiStepLR, 120, lr=0.35, gamma=0.1, milestones=[50, 50, 70]
    )
    schedule = decays.multistep(0.35, 0.1, [50, 50, 70])
    assert ours(schedule, 120) == pytest.approx(expected, rel=1e-12)


def test_multistep_as_a_staircase() -> None:
    # the author's ImageNet runs: times 0.94 every 20,000 iterations
    expected = torch_values(lr_scheduler.StepLR, 100, lr=0.1, gamma=0.94, step_size=20)
    schedule = decays.multistep(0.1, 0.94, [20, 40, 60, 80])
    assert ours(schedule, 100) == pytest.approx(expected, rel=1e-12)


def test_range_test() -> None:
    expected = torch_values(
        lr_scheduler.LinearLR, 120, lr=0.4, start_factor=0.05, end_factor=1.0, total_iters=100
    )
    schedule = range_tests.range_test(0.02, 0.4, 100)
    assert ours(schedule, 120) == pytest.approx(expected, rel=1e-9)


def test_triangular() -> None:
    expected = torch_values(
        lr_scheduler.CyclicLR, 200, base_lr=0.1, max_lr=3.0, step_size_up=37, cycle_momentum=False
    )
    schedule = cycles.triangular(0.1, 3, 37, 200)
    assert ours(schedule, 200) == pytest.approx(expected, rel=1e-9)


def test_the_cycle_of_onecycle_as_written() -> None:
    expected = torch_values(
        lr_scheduler.CyclicLR, 75, base_lr=0.1, max_lr=3.0, step_size_up=37, cycle_momentum=False
    )
    schedule = cycles.onecycle_as_written(0.1, 3, 37, 100)
    assert ours(schedule, 75) == pytest.approx(expected, rel=1e-9)


def test_cyclical_momentum() -> None:
    # triangular2 halves the rate's swing, and momentum's with it
    expected = torch_values(
        lr_scheduler.CyclicLR,
        400,
        what="momentum",
        base_lr=0.1,
        max_lr=3.0,
        step_size_up=37,
        mode="triangular2",
        base_momentum=0.85,
        max_momentum=0.95,
    )
    schedule = momentum.cyclical(0.95, 0.85, 37, 400)
    assert ours(schedule, 400) == pytest.approx(expected, rel=1e-9)


def test_linear_momentum_is_a_line() -> None:
    expected = torch_values(
        lr_scheduler.LinearLR, 120, lr=1.0, start_factor=0.7, end_factor=1.0, total_iters=100
    )
    assert ours(momentum.linear(0.7, 1.0, 100), 120) == pytest.approx(expected, rel=1e-9)
