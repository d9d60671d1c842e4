"""A run at a tenth of its length has the same schedule as the whole one, at every share of it."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from disciplined.training.config import compose
from disciplined.training.planning import plan

LENET = ["model=lenet", "dataset=mnist", "duration=50ep", "total_batch_size=100"]  # 600it an epoch
CHOICES = {
    "constant": [],
    "cosine": [],
    "cosine_restarts": ["schedule.factor=2", "schedule.period=1500it"],
    "decay": ["schedule.stepsize=10ep"],
    "exp_range": ["schedule.stepsize=2000it"],
    "exponential": [],
    "exponential in stairs": ["schedule.staircase=true"],
    "exponential by updates": ["schedule.every=1it", "schedule.gamma=0.99994"],
    "exponential by a share": ["schedule.every=0.1dur"],
    "inv": [],
    "inverse_time": [],
    "inverse_time by epochs": ["schedule.every=1ep", "schedule.decay=0.1"],
    "inverse_time auto by epochs": ["schedule.every=1ep"],
    "hann": ["schedule.stepsize=2000it"],
    "linear": [],
    "multistep": ["schedule.milestones=[10ep,20000it]"],
    "onecycle": ["schedule.stepsize=20ep"],
    "onecycle_as_written": ["schedule.stepsize=20ep"],
    "piecewise_constant": ["schedule.values=[1,2]", "schedule.milestones=[1500it]"],
    "polynomial": [],
    "range_test": [],
    "range_test_exponential": [],
    "rex": [],
    "staged": [],
    "step": [],
    "triangular": ["schedule.stepsize=2000it"],
    "triangular2": ["schedule.stepsize=2000it"],
    "warmup_linear": ["schedule.warmup=5ep"],
    "warmup_stable_decay": [],
    "welch": ["schedule.stepsize=2000it"],
}


def rates(overrides: list[str], shares: np.ndarray) -> np.ndarray:
    found = plan(compose([*LENET, *overrides]))
    return found.learning_rate.values(np.rint(shares * found.iterations).astype(int))  # pyright: ignore


@pytest.mark.parametrize("choice", CHOICES)
def test_every_schedule_keeps_its_shape(choice: str) -> None:
    overrides = [f"schedule={choice.partition(' ')[0]}", *CHOICES[choice]]
    # off the jumps, which come at the beginning of a stair
    shares = (np.arange(300) * 10 + 3) / 3000
    whole, short = rates(overrides, shares), rates([*overrides, "scale=0.1"], shares)
    assert_allclose(short, whole, rtol=1e-9, atol=1e-15)


def test_stairs_shorter_than_an_update_come_several_at_once() -> None:
    """Every update a factor of 0.9, at a tenth of the length ten of them."""
    asked = ["schedule=exponential", "schedule.every=1it", "schedule.gamma=0.9", "duration=200it"]
    asked += ["schedule.staircase=true", "schedule.lr=1"]
    assert_allclose(rates([*asked, "scale=0.1"], np.arange(20) / 20), 0.9 ** (10 * np.arange(20)))
    # and 2.5 updates of the whole run are one of this
    values = rates([*asked, "scale=0.4"], np.arange(80) / 80)
    assert_allclose(values, 0.9 ** np.floor(2.5 * np.arange(80)))
