"""The rules on curves whose answer is known because they were made so.

A made test: accuracy at chance, a rise centred where it is told, a plateau, a fall; noise on top.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from disciplined.mistakes import Mistake
from disciplined.tuning.reading import Curve, Reading, readings, suggested
from disciplined.tuning.reading.curve import Constant

POINTS = (20, 50, 200, 2000)


def grid(n: int, shape: str = "exponential") -> np.ndarray:
    return np.linspace(0, 1, n) if shape == "linear" else np.logspace(-4, 0, n)


def ramp(
    x: np.ndarray, start: float, end: float, low: float = 0.1, high: float = 0.9
) -> np.ndarray:
    """From low to high between two rates, straight in the logarithm."""
    with np.errstate(divide="ignore"):
        return np.interp(np.log(x), np.log([start, end]), [low, high])


def made(n: int, seed: int | None = None, noise: float = 0.01, **told: float) -> Curve:
    """Rises from 0.001 to 0.01, falls from 0.2 to 0.4."""
    x = grid(n)
    accuracy = ramp(x, 0.001, 0.01) - ramp(x, 0.2, 0.4, 0, 0.8)
    if seed is not None:
        accuracy = accuracy + noise * np.random.default_rng(seed).normal(size=n)
    loss = 2.5 * (1 - accuracy)
    return Curve(x, loss, loss, accuracy, shape="exponential", **told)


def read(*curves: Curve) -> dict[str, Reading]:
    return {one.rule: one for one in readings(curves)}


def steps(value: float | None, right: float, n: int) -> float:
    """How many points of the grid lie between a reading and the right answer."""
    assert value is not None
    return abs(math.log(value / right)) / math.log(1e4) * (n - 1)


@pytest.mark.parametrize("n", POINTS)
def test_without_noise_every_rule_reads_to_the_point(n: int):
    r = read(made(n))
    # A rise has begun 5 % up, a fall 5 % down; both in the logarithm's straight line.
    assert steps(r["starts"].value, 0.001 * 10**0.05, n) <= 1.5
    assert steps(r["falls"].value, 0.2 * 2**0.05, n) <= 1.5
    assert 0.001 <= (r["steepest"].value or 0) <= 0.01
    assert 0.001 <= (r["tenth"].value or 0) <= 0.0201
    assert r["ragged"].value is None and r["diverges"].value is None
    assert (r["falls"].metric, r["tenth"].metric) == ("val_accuracy", "val_loss")


@pytest.mark.parametrize("n", POINTS)
def test_with_noise_within_a_window(n: int):
    r = read(*(made(n, seed) for seed in range(5)))
    near = max(2.0, n / 20)
    assert steps(r["starts"].value, 0.001 * 10**0.05, n) <= near
    assert steps(r["falls"].value, 0.2 * 2**0.05, n) <= near
    assert r["ragged"].value is None
    assert all(v is not None for v in r["falls"].each)


@pytest.mark.parametrize("n", [100, 400, 2000])
def test_where_noise_sets_in_it_is_ragged(n: int):
    x = grid(n, "linear")
    rng = np.random.default_rng(n)
    accuracy = np.interp(x, [0, 0.1, 0.2], [0.1, 0.5, 0.7])
    accuracy += rng.normal(size=n) * np.where(x > 0.6, 0.06, 0.005)
    r = read(Curve(x, val_accuracy=accuracy))
    assert r["ragged"].value == pytest.approx(0.6, abs=0.05)
    assert r["falls"].value is None and "to the end, 1" in r["falls"].reason
    s = suggested(list(r.values()))
    assert s.max_lr == r["ragged"].value and s.base_lr == pytest.approx((s.max_lr or 0) / 10)


def test_the_earlier_of_ragged_and_falls_is_the_maximum():
    x = grid(400, "linear")
    accuracy = np.interp(x, [0, 0.1, 0.2, 0.8, 0.9], [0.1, 0.5, 0.7, 0.7, 0.1])
    accuracy += np.random.default_rng(3).normal(size=400) * np.where(x > 0.5, 0.06, 0.005)
    r = read(Curve(x, val_accuracy=accuracy))
    assert r["ragged"].value == pytest.approx(0.5, abs=0.05)
    assert r["falls"].value == pytest.approx(0.8, abs=0.1)  # the noise hides a tenth of the fall
    assert suggested(list(r.values())).max_lr == r["ragged"].value


@pytest.mark.parametrize("n", POINTS)
def test_a_dip_is_no_fall_and_the_second_basin_counts(n: int):
    x = grid(n)
    # Two basins of the loss: at 0.01 and, deeper, at 0.1; beyond it rises for good.
    at = np.log([1e-4, 1e-3, 0.01, 0.03, 0.1, 0.3, 1])
    loss = np.interp(np.log(x), at, [2.3, 2.3, 1.0, 1.9, 0.5, 2.3, 9])
    r = read(Curve(x, loss, shape="exponential"))
    assert steps(r["tenth"].value, 0.01, n) <= 2
    assert steps(r["falls"].value, 0.1, n) <= max(2.0, n / 50)
    assert steps(r["starts"].value, 0.001, n) <= max(2.0, n / 50)
    assert r["falls"].metric == r["starts"].metric == "train_loss"
    assert "training loss" in suggested(list(r.values())).why


@pytest.mark.parametrize("wild", [50.0, -50.0])
@pytest.mark.parametrize("where", [0, 30, 60, 99])
def test_one_jump_changes_nothing(wild: float, where: int):
    plain = made(100, 1)
    assert plain.val_accuracy is not None and plain.val_loss is not None
    jumped, loss = plain.val_accuracy.copy(), plain.val_loss.copy()
    jumped[where] += wild
    loss[where] -= wild
    one = read(Curve(plain.values, loss, loss, jumped, shape="exponential"))
    for rule, right in read(plain).items():
        if right.value is None:
            assert one[rule].value is None
        else:
            assert steps(one[rule].value, right.value, 100) <= 2


def test_nan_rows_are_left_out():
    full = made(200, 2)
    gaps = np.where(np.arange(200) % 4 == 0, np.nan, 1.0)
    r = read(
        Curve(
            full.values,
            val_accuracy=full.val_accuracy * gaps,
            val_loss=full.val_loss * gaps,
            shape="exponential",
        )
    )
    for rule, right in read(full).items():
        if right.value is not None:
            assert steps(r[rule].value, right.value, 200) <= 5


def test_after_divergence_nothing_is_needed():
    full = made(200, 2)
    kept = full.values < 0.15
    accuracy = np.where(kept, full.val_accuracy, np.nan)
    r = read(Curve(full.values, val_accuracy=accuracy, diverged_at=0.16, shape="exponential"))
    assert (r["diverges"].value, r["falls"].value) == (0.16, None)
    assert "until training diverged" in r["falls"].reason
    s = suggested(list(r.values()))
    assert s.max_lr == pytest.approx(0.08) and s.base_lr == pytest.approx(0.008)
    assert "half of 0.16" in s.why


def test_a_loss_that_explodes_does_not_hide_what_was_before():
    x = grid(100)
    loss = ramp(x, 0.001, 0.01, 2.3, 0.4)
    for explosion in (1e3, 1e12, 1e300):
        r = read(Curve(x, np.where(x < 0.5, loss, explosion * x), shape="exponential"))
        assert steps(r["starts"].value, 0.001 * 10**0.05, 100) <= 2
        assert steps(r["falls"].value, 0.5, 100) <= 2


SILENT: dict[str, Callable[[np.ndarray, np.random.Generator], np.ndarray]] = {
    "constant": lambda x, _: np.full(len(x), 1.0),
    "noise": lambda x, rng: 2.3 + rng.normal(size=len(x)),
    "heavy tails": lambda x, rng: rng.standard_t(3, size=len(x)),
    "chance": lambda x, rng: np.round(0.1 + 0.001 * rng.normal(size=len(x)), 3),
    "all but two": lambda x, _: 0.1 + 0.01 * (np.arange(len(x)) // 2 == len(x) // 4),
}


@pytest.mark.parametrize("n", POINTS)
@pytest.mark.parametrize("kind", list(SILENT))
def test_nothing_is_read_where_nothing_changes(n: int, kind: str):
    rng = np.random.default_rng(n)
    false = 0
    repeats = 100 if n <= 200 else 5
    for _ in range(repeats):
        y = SILENT[kind](grid(n), rng)
        r = read(Curve(grid(n), val_accuracy=y, shape="exponential"))
        false += any(one.value is not None for one in r.values())
        if r["starts"].value is None and kind in ("constant", "noise"):
            s = suggested(list(r.values()))
            assert (s.base_lr, s.max_lr) == (None, None) or r["falls"].value is not None
    assert false <= 0.03 * repeats
    if kind == "constant":
        assert "nothing changes beyond the noise" in r["starts"].reason


@pytest.mark.parametrize("images", [150, 2000])
@pytest.mark.parametrize("kind", ["guessing", "hopping"])
def test_a_network_at_chance_that_hops_gets_no_rate(kind: str, images: int):
    """Without the number of images a hop of its accuracy reads like learning in half of tests."""
    rng = np.random.default_rng(images)
    false = 0
    for _ in range(100):
        counts = rng.multinomial(images, np.full(10, 0.1)).astype(float)
        constant, share = Constant.of(counts), counts / images
        if kind == "guessing":
            accuracy = rng.binomial(images, 0.1, 40) / images
        else:  # the same class for seven points or so
            accuracy = share[rng.integers(10, size=40)[np.cumsum(rng.random(40) < 0.15)]]
        drift = np.abs(np.cumsum(rng.normal(size=40))) * 0.003
        loss = constant.loss + drift + 0.002 * rng.random(40)
        told = {"images": images, "constant": constant, "constant_train": constant.loss}
        made = Curve(grid(40), loss + 0.01, loss, accuracy, shape="exponential", **told)
        false += suggested(readings([made])).max_lr is not None
    assert false <= 1


def clean_then_ragged(seed: int, climb: int, clean: int, **told: Any) -> Curve:
    """0.1 to 0.92 in the first points of 40, as 360 images tell; ragged after the clean ones."""
    rng = np.random.default_rng(seed)
    level = np.interp(np.arange(40), [0, climb], [0.1, 0.92])
    level[clean:] -= 0.4 * rng.random(40 - clean)
    accuracy = rng.binomial(360, level) / 360
    loss = 2.5 * (1 - accuracy) + (np.arange(40) >= clean) * 3 * rng.random(40)
    return Curve(grid(41, "linear")[1:], loss, loss, accuracy, **told)


@pytest.mark.parametrize(("climb", "clean"), [(2, 3), (4, 6), (10, 16)])
def test_what_turns_ragged_has_learnt_all_the_same(climb: int, clean: int):
    """The best level beyond what a constant answer scores says so, where that is known."""
    known = {"images": 360, "constant": Constant(math.log(10), 0.11)}
    for seed in range(20):
        r = read(clean_then_ragged(seed, climb, clean, **known))
        assert r["starts"].metric == "val_accuracy" and r["starts"].value is not None
        assert suggested(list(r.values())).max_lr is not None


def test_a_calm_beginning_tells_what_was_learnt_where_no_images_are_known():
    found = [read(clean_then_ragged(s, 10, 16))["starts"].value for s in range(20)]
    assert sum(value is not None for value in found) >= 19


def test_what_turns_ragged_and_learns_nothing_has_no_start():
    rng = np.random.default_rng(4)
    false = 0
    for _ in range(200):
        noise = np.where(np.arange(50) > 20, 0.3, 0.01)
        r = read(Curve(grid(50, "linear"), val_accuracy=0.5 + noise * rng.normal(size=50)))
        false += r["starts"].value is not None
    assert false <= 6


def test_better_by_no_more_than_its_noise_is_not_called_only_worse():
    x = grid(40, "linear")
    loss = np.interp(x, [0, 0.4, 0.7, 1], [2.3, 1.6, 2.3, 6])
    loss = loss + 0.8 * np.random.default_rng(0).normal(size=40)
    s = suggested(readings([Curve(x, val_loss=loss)]))
    assert s.max_lr is None and "no more than its noise" in s.why and "more updates" in s.why


def test_what_only_gets_worse_asks_for_lower_rates():
    x = grid(60)
    r = read(Curve(x, val_accuracy=ramp(x, 2e-4, 0.01, 0.9, 0.1), shape="exponential"))
    assert r["starts"].value is None and "only gets worse" in r["starts"].reason
    s = suggested(list(r.values()))
    assert s.max_lr is None and "test lower rates" in s.why


def test_what_is_best_at_rate_zero_gets_no_cycle_of_zeros():
    accuracy = np.interp(np.arange(41), [0, 3], [0.9, 0.1])
    s = suggested(readings([Curve(grid(41, "linear"), val_accuracy=accuracy)]))
    assert s.max_lr is None and "test lower rates" in s.why


def test_too_few_points_are_said():
    r = read(Curve(grid(5), val_loss=np.arange(5.0), shape="exponential"))
    assert r["starts"].reason == "validation loss has 5 points; 8 are needed"
    with pytest.raises(Mistake, match="no point to read"):
        readings([])


@pytest.mark.parametrize("n", [0, 1, 6])
def test_a_test_that_diverged_too_soon_says_where_the_next_one_ends(n: int):
    x = grid(41, "linear")[1:]
    measured = np.where(np.arange(40) < n, 2.0, np.nan)
    s = suggested(readings([Curve(x, measured, measured, diverged_at=0.026 + n / 40)]))
    end = f"{0.026 + n / 40:.2g}"
    assert str(s) == (
        f"no suggestion: training diverged at {end} after {n} points, 8 are needed; "
        f"test again with high={end}"
    )
    assert s.high == float(end)


def test_a_test_that_diverged_at_its_lowest_rate_is_to_begin_lower():
    x, measured = grid(40), np.full(40, np.nan)
    s = suggested(readings([Curve(x, measured, diverged_at=x[0], shape="exponential")]))
    assert s.high is None and s.why.endswith("test again from a lower rate on")


def test_validation_is_read_before_training_unless_it_says_nothing():
    x = grid(100)
    noise = np.random.default_rng(0).normal(size=100)
    train = ramp(x, 0.001, 0.01, 2.3, 0.4)
    assert read(Curve(x, train, train))["tenth"].metric == "val_loss"
    assert read(Curve(x, train, val_accuracy=0 * x + 0.1))["falls"].metric == "train_loss"
    assert read(Curve(x, noise, noise, noise))["falls"].metric == "val_accuracy"


def test_seeds_are_told_apart_and_their_median_and_spread():
    r = read(made(100, 1), made(100, 2), Curve(grid(100), val_accuracy=np.full(100, 0.1)))
    found = [v for v in r["falls"].each if v is not None]
    assert r["falls"].each[2] is None and r["falls"].reason.endswith("(2 of 3 seeds)")
    assert r["falls"].value == np.median(found) and r["falls"].spread == (min(found), max(found))


def test_a_limit_that_few_seeds_have_does_not_decide():
    flat = Curve(grid(100), val_accuracy=ramp(grid(100), 0.001, 0.01), shape="exponential")
    s = suggested(readings([flat, flat, made(100)]))
    assert s.max_lr == 1 and "highest tested" in s.why
    assert suggested(readings([flat, made(100), made(100)])).max_lr == pytest.approx(0.2, rel=0.1)


# training loss of the finders' CIFAR-10 subset, seed 107, an update at each rate from 1e-7 to 10
NOISY = """
2.48 2.38 2.40 2.45 2.38 2.41 2.58 2.45 2.43 2.41 2.42 2.39 2.55 2.44 2.39 2.41 2.47 2.44 2.47
2.47 2.36 2.34 2.55 2.50 2.48 2.50 2.37 2.36 2.39 2.45 2.51 2.54 2.51 2.38 2.37 2.30 2.47 2.30
2.47 2.46 2.39 2.40 2.54 2.49 2.49 2.32 2.37 2.52 2.36 2.43 2.34 2.44 2.24 2.29 2.32 2.25 2.22
2.19 2.18 2.22 2.16 2.18 2.23 2.05 2.13 2.07 2.19 2.06 2.12 2.09 2.00 2.04 2.14 1.96 1.97 2.04
2.07 2.00 2.19 1.87 2.27 1.99 1.84 1.94 2.42 2.27 2.49 2.00 2.53 2.34 2.12 2.26 2.35 2.32 2.43
2.41 2.52 2.37 2.99 5.21
"""


def test_what_is_as_bad_as_before_is_no_plateau_however_noisy():
    loss = np.array(NOISY.split(), float)
    x = np.logspace(-7, 1, len(loss))
    r = read(Curve(x, loss, shape="exponential"))
    assert r["falls"].value is r["diverges"].value is None
    s = suggested(list(r.values()))
    assert s.max_lr == r["best"].value and 0.03 < (s.max_lr or 0) < 0.5
    assert "best here" in s.why and "beyond it is mostly 2.34" in s.why
    ended = Curve(x, loss, diverged_at=10.0, shape="exponential")
    assert suggested(readings([ended])).max_lr == s.max_lr, "not half of where training diverged"
    level = np.where(np.arange(len(x)) < 80, loss, np.median(loss[70:80]))  # a plateau instead
    level[80:] += loss[:20] - np.median(loss[:20])
    flat = read(Curve(x, level, shape="exponential"))
    assert flat["starts"].value and flat["best"].value is None
    flat = Curve(x, level, shape="exponential")
    falling = Curve(x, np.where(x > 1, 4.0, level), shape="exponential")
    assert read(falling)["falls"].value
    noisy = Curve(x, loss, shape="exponential")
    told = suggested(readings([noisy, falling, flat, noisy, falling]))
    assert told.max_lr and s.max_lr <= told.max_lr < 2, "four of five end worse than their best"
    assert suggested(readings([noisy, flat, flat])).max_lr == x[-1]


def test_a_loss_held_out_that_rises_before_accuracy_falls_decides():
    """Accuracy hardly notices at first; the training loss alone never limits the rate."""
    x = grid(100)
    accuracy = ramp(x, 0.001, 0.01) - 0.8 * ramp(x, 0.4, 0.5)
    rising = ramp(x, 0.001, 0.01, 2.3, 0.4) + 5 * ramp(x, 0.05, 0.2)
    flat = ramp(x, 0.001, 0.01, 2.3, 0.4)
    s = suggested(readings([Curve(x, flat, rising, accuracy, shape="exponential")]))
    assert s.max_lr == pytest.approx(0.06, rel=0.3) and "validation loss rises" in s.why
    s = suggested(readings([Curve(x, rising, flat, accuracy, shape="exponential")]))
    assert s.max_lr == pytest.approx(0.4, rel=0.1) and "accuracy falls" in s.why


@pytest.mark.parametrize(
    ("starts", "base"), [(None, 0.04), (0.01, 0.04), (0.08, 0.08), (0.3, 0.4 / 3)]
)
def test_the_minimum_is_the_start_between_a_tenth_and_a_third(starts: float | None, base: float):
    def one(rule: str, value: float | None) -> Reading:
        return Reading(rule, value, (value,), "val_accuracy", "seen", (0.001, 1))

    said = [one("starts", starts), one("ragged", None), one("falls", 0.4), one("diverges", None)]
    assert suggested(said).base_lr == pytest.approx(base)


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 1000),
    st.floats(-3, 3),
    st.floats(-2, 2),
    st.permutations([0, 1, 2]),
)
def test_scale_shift_and_order_of_seeds_change_nothing(
    seed: int, decades: float, shift: float, order: list[int]
):
    curves = [made(80, seed + k) for k in range(3)]
    scale = 10**decades
    other = [
        Curve(
            c.values,
            scale * (c.train_loss + shift),
            scale * (c.val_loss + shift),
            c.val_accuracy * scale,
            shape="exponential",
        )
        for c in (curves[i] for i in order)
    ]
    ours = read(*other)
    for rule, right in read(*curves).items():
        assert (ours[rule].value is None) == (right.value is None)
        if right.value is not None:
            assert steps(ours[rule].value, right.value, 80) <= 1
            assert ours[rule].each == pytest.approx([right.each[i] for i in order], rel=0.13)


@settings(max_examples=25, deadline=None)
@given(
    st.floats(-3.5, -2),
    st.floats(0.3, 1.2),
    st.floats(-0.6, -0.3),
    st.integers(40, 150),
)
def test_twice_the_points_change_nothing_beyond_the_spacing(
    start: float, width: float, fall: float, n: int
):
    def curve(points: int) -> Curve:
        x = grid(points)
        accuracy = ramp(x, 10**start, 10 ** (start + width))
        accuracy = accuracy - ramp(x, 10**fall, 10 ** (fall + 0.2), 0, 0.8)
        return Curve(x, val_accuracy=accuracy, val_loss=1 - accuracy, shape="exponential")

    few, many = read(curve(n)), read(curve(2 * n - 1))
    for rule in ("starts", "falls"):
        assert steps(few[rule].value, many[rule].value or 0, n) <= 1.01


def test_a_reading_and_a_suggestion_are_said_in_a_line():
    r = read(made(200), made(200))
    assert str(r["falls"]).startswith("falls 0.198: validation accuracy falls")
    assert str(r["ragged"]).startswith("ragged: no reading: validation accuracy is not noisier")
    assert str(suggested(list(r.values()))).startswith("0.02 to 0.2; max 0.198: ")
    noise = Curve(grid(50), val_accuracy=np.ones(50))
    assert str(suggested(readings([noise]))).startswith(
        "no suggestion: validation accuracy: nothing"
    )


def test_half_of_the_seeds_that_get_worse_limit_the_maximum():
    """By where they are best or, where that is clear, by where they fall; the reason says which."""

    def told(best: tuple[float | None, ...], falls: tuple[float | None, ...]) -> Any:
        def one(rule: str, each: tuple[float | None, ...], reason: str) -> Reading:
            found = sorted(v for v in each if v is not None)
            value = float(np.median(found)) if found else None
            return Reading(rule, value, each, "val_accuracy", reason, (1e-4, 1.0))

        nothing = (None,) * len(best)
        return suggested(
            [
                one("starts", (0.001,) * len(best), "it starts here"),
                one("best", best, "it is best here"),
                one("falls", falls, "it falls"),
                one("diverges", nothing, "training did not diverge"),
            ]
        )

    alone = told((0.1, 0.3, None, None), (None,) * 4)
    assert alone.max_lr == 0.2 and "it is best here" in alone.why
    both = told((0.1, None, None, None), (None, 0.3, None, None))
    assert both.max_lr == 0.2 and "in 2 of 4 seeds the curve is mostly worse" in both.why
    few = told((0.1, None, None, None), (None,) * 4)
    assert few.max_lr == 1.0 and "the highest tested" in few.why
