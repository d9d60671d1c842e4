"""Every policy: its edges, its config, and a line for every setting that cannot be meant."""

import inspect
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from omegaconf import OmegaConf

from disciplined.mistakes import Mistake
from disciplined.schedules import learning_rate, momentum, weight_decay
from disciplined.schedules.segments import Schedule

CONF = Path(__file__).parents[2] / "conf"
MODULES = {"schedule": learning_rate, "momentum": momentum, "weight_decay": weight_decay}

# One row a policy: how to build it for a stepsize and a run, its bounds, and what it ends at.
POLICIES: dict[str, tuple[Callable[[int, int], Schedule], float, float]] = {
    "schedule/constant": (lambda _s, _d: learning_rate.constant(0.1), 0.1, 0.1),
    "schedule/step": (lambda _s, d: learning_rate.step(0.1, d), 0.1 * 0.316**5, 0.1),
    "schedule/multistep": (
        lambda _s, d: learning_rate.multistep(0.1, 0.1, [max(d // 2, 1), max(d * 3 // 4, 1)]),
        0.1 * 0.1**2,
        0.1,
    ),
    "schedule/triangular": (lambda s, d: learning_rate.triangular(0.1, 3, s, d), 0.1, 3),
    "schedule/onecycle": (lambda s, d: learning_rate.onecycle(0.1, 3, s, d), 0, 3),
    "schedule/onecycle_as_written": (
        lambda s, d: learning_rate.onecycle_as_written(0.1, 3, s, d),
        0.1 / 1000,
        3,
    ),
    "schedule/range_test": (lambda _s, d: learning_rate.range_test(0, 3, d), 0, 3),
    "momentum/constant": (lambda _s, _d: momentum.constant(0.9), 0.9, 0.9),
    "momentum/cyclical": (lambda s, d: momentum.cyclical(0.95, 0.85, s, d), 0.85, 0.95),
    "momentum/linear": (lambda _s, d: momentum.linear(0.7, 1, d), 0.7, 1),
    "weight_decay/constant": (lambda _s, _d: weight_decay.constant(1e-4), 1e-4, 1e-4),
}


def functions(group: str) -> set[str]:
    """The policies that a module offers: its public functions."""
    module = MODULES[group]
    return {
        f"{group}/{name}"
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__ and not name.startswith("_")
    }


def test_every_policy_has_its_row_and_its_config() -> None:
    offered = set().union(*(functions(group) for group in MODULES))
    configs = {
        f"{group}/{path.stem}" for group in MODULES for path in (CONF / group).glob("*.yaml")
    }
    assert offered == set(POLICIES)
    assert offered == configs


@pytest.mark.parametrize("policy", POLICIES)
def test_a_config_asks_for_what_its_function_takes(policy: str) -> None:
    group, name = policy.split("/")
    config = OmegaConf.load(CONF / f"{policy}.yaml")
    parameters = set(inspect.signature(getattr(MODULES[group], name)).parameters)
    assert config["_target_"] == f"{MODULES[group].__name__}.{name}"
    assert set(config) - {"_target_", "defaults"} == parameters - {"duration"}
    # Cyclical momentum borrows the rate's stepsize; where there is none, momentum must be constant.
    if group == "schedule":
        assert ("defaults" in config) == ("stepsize" not in parameters)


@pytest.mark.parametrize("duration", [1, 2, 3, 10, 10**6])
@pytest.mark.parametrize("policy", POLICIES)
def test_every_length_of_run(policy: str, duration: int) -> None:
    build, low, high = POLICIES[policy]
    for stepsize in sorted({1, max(duration // 3, 1), max(duration // 2, 1), duration}):
        if duration // stepsize > 1000:
            continue  # half a million cycles have their own test
        schedule = build(stepsize, duration)
        iterations = np.arange(duration + 3)
        values = schedule.values(iterations)
        assert np.isfinite(values).all()
        assert values.min() >= low * (1 - 1e-12), stepsize
        assert values.max() <= high * (1 + 1e-12), stepsize
        assert values[0] == {"schedule/range_test": 0, "momentum/cyclical": 0.95}.get(
            policy, schedule.segments[0].start
        )
        # past the end, near and far, nothing moves
        assert len(set(values[duration:])) == 1
        assert schedule.value(10**15) == values[-1]
        for t in {0, duration // 2, duration - 1, duration, duration + 2}:
            assert schedule.value(t) == values[t]
        assert schedule.describe(100)
        assert schedule.describe()


@pytest.mark.parametrize(
    ("duration", "expected"),
    [
        # 1 and 2: the rate ends on its way up, or at the top; 0 needs a full cycle
        (1, [0.1, 3, 3]),
        (2, [0.1, 3, 1e-4, 1e-4]),
        (3, [0.1, 3, 1e-4, 1e-4]),
    ],
)
def test_onecycle_of_a_few_iterations(duration: int, expected: list[float]) -> None:
    schedule = learning_rate.onecycle(0.1, 3, 1, duration)
    assert schedule.values(np.arange(len(expected))) == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize(
    ("duration", "exponents"),
    [
        (1, [0, 0]),
        (2, [0, 1, 1]),
        (3, [0, 1, 2, 2]),
        (10, [0, 0, 0, 0, 0, 1, 1, 2, 3, 4, 4]),
        (32, [0] * 16 + [1] * 8 + [2] * 4 + [3] * 2 + [4, 5, 5, 5]),
    ],
)
def test_step_takes_its_drops_in_sequence(duration: int, exponents: list[int]) -> None:
    schedule = learning_rate.step(1, duration)
    expected = [0.316**n for n in exponents]
    assert schedule.values(np.arange(len(expected))) == pytest.approx(expected, rel=1e-15)


def test_milestones_listed_twice_count_twice() -> None:
    schedule = learning_rate.multistep(1, 0.5, [2, 2, 4])
    assert schedule.values(np.arange(6)).tolist() == [1, 1, 0.25, 0.25, 0.125, 0.125]
    assert learning_rate.multistep(1, 0.5, []).value(10**6) == 1


bounds = st.tuples(st.floats(0, 10), st.floats(0, 10)).map(sorted)
runs = st.integers(1, 3000).flatmap(lambda d: st.tuples(st.integers(1, d), st.just(d)))


@given(bounds, runs)
@settings(deadline=None, max_examples=50)
def test_triangular_is_its_formula(ends: list[float], run: tuple[int, int]) -> None:
    (base, top), (stepsize, duration) = ends, run
    t = np.arange(duration + 1)
    x = np.abs((t % (2 * stepsize)) / stepsize - 1)
    got = learning_rate.triangular(base, top, stepsize, duration).values(t)
    assert_allclose(got, base + (top - base) * (1 - x), rtol=1e-12, atol=1e-12)
    assert (np.abs(np.diff(got)) <= (top - base) / stepsize * (1 + 1e-9) + 1e-12).all()


@given(bounds, runs)
@settings(deadline=None, max_examples=50)
def test_both_onecycles_are_one_triangle_and_a_tail(
    ends: list[float], run: tuple[int, int]
) -> None:
    (base, top), (stepsize, duration) = ends, run
    t = np.arange(duration + 1)
    ran = learning_rate.onecycle(base, top, stepsize, duration).values(t)
    written = learning_rate.onecycle_as_written(base, top, stepsize, duration).values(t)
    up, down, tail = t <= stepsize, (stepsize <= t) & (t < 2 * stepsize), t >= 2 * stepsize
    x = t / stepsize
    assert_allclose(ran[up], (base + (top - base) * x)[up], rtol=1e-12, atol=1e-12)
    assert_allclose(ran[down], (top * (2 - x))[down], rtol=1e-12, atol=1e-12)
    assert (ran[tail] == base / 1000).all()
    assert (written[up] == ran[up]).all()
    assert_allclose(written[down], (top + (base - top) * (x - 1))[down], rtol=1e-12, atol=1e-12)
    assert (np.diff(written[tail]) <= 0).all()
    if duration > 2 * stepsize:
        assert written[2 * stepsize] == base
        assert written[-1] == base / 1000


@given(st.floats(0, 1), st.floats(0, 1), runs)
@settings(deadline=None, max_examples=50)
def test_cyclical_momentum_is_its_formula(
    at_base: float, at_max: float, run: tuple[int, int]
) -> None:
    stepsize, duration = run
    t = np.arange(duration + 1)
    cycle = t // (2 * stepsize)
    x = (t - (2 * cycle + 1) * stepsize) / stepsize
    swing = np.clip((1 - np.abs(x)) * 0.5**cycle, 0, 1)
    got = momentum.cyclical(at_base, at_max, stepsize, duration).values(t)
    assert_allclose(got, at_base + (at_max - at_base) * swing, rtol=1e-12, atol=1e-12)


def test_the_swing_vanishes_without_a_trace() -> None:
    schedule = momentum.cyclical(0.0, 1.0, 1, 10**5)
    assert schedule.values(np.array([1, 3, 5, 2147, 2149, 99_999])).tolist() == [
        1,
        0.5,
        0.25,
        0.5**1073,
        0.5**1074,
        0,
    ]


def test_momentum_may_have_a_step_longer_than_the_run() -> None:
    # as the author's inception-resnet runs: 1,080,000 for 220,000 iterations
    schedule = momentum.cyclical(0.95, 0.85, 1_080_000, 220_000)
    assert f"{schedule.value(219_500):.6g}" == "0.929676"
    assert schedule.value(10**7) == schedule.value(220_000)


RATE = "expected a finite number, 0 or more; write for example"
CYCLES = {
    "triangular": learning_rate.triangular,
    "onecycle": learning_rate.onecycle,
    "onecycle_as_written": learning_rate.onecycle_as_written,
}


@pytest.mark.parametrize("policy", CYCLES)
@pytest.mark.parametrize(
    ("base", "top", "stepsize", "duration", "says"),
    [
        (-0.1, 1, 1, 9, f"schedule.base_lr=-0.1: {RATE} schedule.base_lr=0.1"),
        (0.1, float("inf"), 1, 9, f"schedule.max_lr=inf: {RATE} schedule.max_lr=0.1"),
        (float("nan"), 1, 1, 9, f"schedule.base_lr=nan: {RATE} schedule.base_lr=0.1"),
        ("high", 1, 1, 9, f"schedule.base_lr=high: {RATE} schedule.base_lr=0.1"),
        (
            0.8,
            0.08,
            1,
            9,
            "schedule.max_lr=0.08: expected at least schedule.base_lr=0.8; "
            "raise max_lr or lower base_lr",
        ),
        (
            0.1,
            1,
            0,
            9,
            "schedule.stepsize=0: expected a whole number of iterations, at least 1; "
            "write a longer length, for example 41ep",
        ),
        (
            0.1,
            1,
            1,
            0,
            "duration=0: expected a whole number of iterations, at least 1; "
            "write a longer length, for example 41ep",
        ),
        (
            0.1,
            1,
            9278,
            9277,
            "schedule.stepsize=9278it: longer than the run (9277 iterations); "
            "expected at most 9277it, for a whole cycle 4638it; "
            "shorten stepsize or lengthen duration",
        ),
    ],
)
def test_mistakes_of_cycles(
    policy: str, base: float, top: float, stepsize: int, duration: int, says: str
) -> None:
    with pytest.raises(Mistake) as caught:
        CYCLES[policy](base, top, stepsize, duration)
    assert str(caught.value) == says


MOMENTUM = "momentum lies between 0 and 1; write for example"


@pytest.mark.parametrize(
    ("build", "says"),
    [
        (
            lambda: learning_rate.constant(-1),
            f"schedule.lr=-1: {RATE} schedule.lr=0.1",
        ),
        (
            lambda: learning_rate.constant(True),
            f"schedule.lr=True: {RATE} schedule.lr=0.1",
        ),
        (
            lambda: learning_rate.step(float("nan"), 10),
            f"schedule.lr=nan: {RATE} schedule.lr=0.1",
        ),
        (
            lambda: learning_rate.multistep(0.1, -0.1, [5]),
            f"schedule.gamma=-0.1: {RATE} schedule.gamma=0.1",
        ),
        (
            lambda: learning_rate.multistep(0.1, 0.1, [7, 5]),
            "schedule.milestones=[7, 5] (iterations): expected in rising order; "
            "write them as [5, 7]",
        ),
        (
            lambda: learning_rate.multistep(0.1, 0.1, [-5]),
            "schedule.milestones=-5: expected a whole number of iterations, at least 1; "
            "write a longer length, for example 41ep",
        ),
        (
            lambda: learning_rate.range_test(3, 0.1, 10),
            "schedule.max_lr=0.1: expected at least schedule.base_lr=3; "
            "raise max_lr or lower base_lr",
        ),
        (lambda: momentum.constant(1.1), f"momentum.value=1.1: {MOMENTUM} momentum.value=0.9"),
        (
            lambda: momentum.cyclical(-0.1, 0.9, 5, 10),
            f"momentum.at_base_lr=-0.1: {MOMENTUM} momentum.at_base_lr=0.9",
        ),
        (
            lambda: momentum.cyclical(0.9, float("nan"), 5, 10),
            f"momentum.at_max_lr=nan: {MOMENTUM} momentum.at_max_lr=0.9",
        ),
        (
            lambda: momentum.cyclical(0.9, 0.8, -5, 10),
            "momentum.stepsize=-5: expected a whole number of iterations, at least 1; "
            "write a longer length, for example 41ep",
        ),
        (
            lambda: momentum.linear(0.9, 2, 10),
            f"momentum.end=2: {MOMENTUM} momentum.end=0.9",
        ),
        (
            lambda: weight_decay.constant(-1e-4),
            f"weight_decay.value=-0.0001: {RATE} weight_decay.value=1e-4",
        ),
    ],
)
def test_mistakes(build: Callable[[], Schedule], says: str) -> None:
    with pytest.raises(Mistake) as caught:
        build()
    assert str(caught.value) == says


def test_schedules_need_neither_torch_nor_hydra() -> None:
    names = ", ".join(module.__name__ for module in MODULES.values())
    program = f"import sys, {names}; print({{'torch', 'hydra', 'omegaconf'}} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "set()\n", done.stderr
