"""What is concluded from records made up to have known answers: noise, edges, divergence."""

import math

import numpy as np
import pytest
from scipy import stats

from disciplined.tuning.checklist.conclusions import (
    Arm,
    Size,
    bisected,
    choice,
    flat,
    scores,
    worthwhile,
)


def arm(value: float, *losses: float, diverged: int = 0) -> Arm:
    return Arm(value, {"final_val_loss": losses} if losses else {}, diverged)


def test_the_best_and_what_is_told_from_it():
    arms = [arm(0.9, 0.60, 0.61, 0.62), arm(0.95, 0.50, 0.51, 0.52), arm(0.97, 0.51, 0.50, 0.53)]
    found = choice(arms)
    assert found.best.value == 0.95 and found.seeds == 3 and found.edge == ""
    assert [a.value for a in found.level] == [0.97]
    assert [a.value for a in found.worse] == [0.9]
    assert not found.all_level


def test_the_test_is_students_on_logarithms_with_everybodys_spread():
    """Told from the best exactly where the two-sided p, computed here, is below 5 % / 3 pairs."""
    best, third = np.array([0.50, 0.52, 0.54]), np.array([0.8, 0.9, 0.85])
    for shift in np.linspace(0.0, 0.2, 41):
        other = np.array([0.51, 0.53, 0.56]) + shift
        logs = [np.log(x) for x in (best, other, third)]
        pooled = math.sqrt(np.mean([x.var(ddof=1) for x in logs]))
        t = (logs[1].mean() - logs[0].mean()) / (pooled * math.sqrt(2 / 3))
        told = 2 * stats.t.sf(t, 6) < 0.05 / 3
        found = choice([arm(1, *best), arm(2, *other), arm(3, *third)])
        assert (2 in [a.value for a in found.worse]) == told, shift
        assert (found.unseen is None) == told


def test_noise_alone_is_level_nineteen_times_in_twenty():
    random = np.random.default_rng(0)
    false = 0
    for _ in range(1000):
        arms = [arm(v, *np.exp(0.1 * random.standard_normal(3))) for v in range(1, 6)]
        false += not choice(arms).all_level
    assert false <= 65  # 50 and two standard deviations


def test_one_seed_tells_nothing():
    found = choice([arm(0.9, 0.6), arm(0.95, 0.5)])
    assert found.best.value == 0.95 and found.seeds == 1
    assert found.level == found.worse == () and found.unseen is None


def test_without_any_spread_nothing_is_told():
    found = choice([arm(1, 0.5, 0.5), arm(2, 0.6, 0.6)])
    assert found.all_level


def test_a_loss_of_nothing_has_a_logarithm():
    assert choice([arm(1, 0.0, 0.0), arm(2, 0.6, 0.5)]).best.value == 1


@pytest.mark.parametrize(
    ("losses", "edge"),
    [((0.1, 0.5, 0.9), "lowest"), ((0.9, 0.1, 0.5), ""), ((0.9, 0.5, 0.1), "highest")],
)
def test_the_edge_of_the_grid(losses: tuple[float, ...], edge: str):
    tried = [arm(v, x, x * 1.01) for v, x in zip((1e-3, 1e-2, 1e-1), losses, strict=True)]
    assert choice(tried).edge == edge


def test_nothing_lies_below_zero_and_beyond_what_diverged():
    assert choice([arm(0, 0.1, 0.11), arm(1, 0.5, 0.51)]).edge == ""
    tried = [arm(0.1, 0.5, 0.51), arm(1, 0.1, 0.11), arm(10, diverged=2)]
    assert choice(tried).best.value == 1 and choice(tried).edge == ""


def test_what_diverged_once_is_not_chosen():
    tried = [arm(0.1, 0.5, 0.51), arm(1, 0.1, diverged=1)]
    assert choice(tried).best.value == 0.1
    assert choice([arm(1, diverged=2), arm(2)]) is None
    assert choice([arm(1, math.inf), arm(2, 0.3)]).best.value == 2


ROWS = [
    {"iteration": 10, "val_loss": 0.2, "val_accuracy": 0.5, "test_loss": 0.0},
    {"iteration": 20, "val_loss": 0.7, "val_accuracy": 0.6, "test_loss": 0.0},
    {"iteration": 30, "val_loss": 0.4, "val_accuracy": 0.7, "test_loss": 0.0},
    {"iteration": 40, "val_loss": 0.5, "val_accuracy": 0.8, "test_loss": 0.0},
]


def test_what_a_run_is_compared_by():
    assert scores("momentum", ROWS) == {
        "lowest_val_loss": 0.2,
        "final_val_loss": 0.5,
        "final_val_accuracy": 0.8,
    }
    assert scores("weight_decay", ROWS, snapshot=10)["lowest_val_loss"] == 0.4
    assert next(iter(scores("sensitivity", ROWS).items())) == ("final_val_loss", 0.5)
    broken = [*ROWS, {"iteration": 50, "val_loss": math.nan, "val_accuracy": 0.1}]
    assert scores("sensitivity", broken)["final_val_loss"] == math.inf
    assert scores("momentum", broken)["lowest_val_loss"] == 0.2
    assert scores("momentum", [])["lowest_val_loss"] == math.inf


def test_the_flat_part_is_within_a_tenth_of_the_way_to_guessing():
    guessing = math.log(10)
    losses = [guessing, 0.62, 0.55, 0.4, 0.55, 2.0]  # the limit: 0.4 + 0.19
    tried = [arm(10.0**i, x) for i, x in enumerate(losses)]
    assert [a.value for a in flat(tried, choice(tried), 10)] == [1e2, 1e3, 1e4]
    gap = [arm(1, 0.4), arm(2, 1.5), arm(3, 0.41)]
    assert [a.value for a in flat(gap, choice(gap), 10)] == [1]


def test_the_exponent_is_bisected_to_one_figure():
    assert bisected([0, 1e-6, 1e-5, 1e-4], 1e-5) == [3e-6, 1e-5, 3e-5]
    assert bisected([1e-4, 1e-3, 1e-2], 1e-4) == [1e-4, 3e-4]
    assert bisected([3e-4, 1e-3, 3e-3], 1e-3) == [3e-4, 1e-3, 3e-3]
    assert bisected([1e-3], 1e-3) == [3e-4, 1e-3, 3e-3]


def test_the_batch_beyond_which_nothing_is_gained():
    sizes = [
        Size(32, (100.0, 90.0)),
        Size(64, (190.0,)),
        Size(128, (200.0,)),
        Size(256, fits=False),
    ]
    assert worthwhile(sizes).size == 64
