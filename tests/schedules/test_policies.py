"""Every policy: its edges, its config, and a line for every setting that cannot be meant."""

import importlib
import inspect
import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from omegaconf import DictConfig, OmegaConf

from disciplined.mistakes import Mistake
from disciplined.schedules import (
    cycles,
    decays,
    momentum,
    own,
    plateau,
    range_tests,
    regularisation,
    warmups,
)
from disciplined.schedules.segments import Schedule
from disciplined.training.planning import NAMES

CONF = Path(__file__).parents[2] / "conf"
RATES = (decays, cycles, range_tests, warmups, own, plateau)
MODULES = (*RATES, momentum, regularisation)
WAITS = plateau.Plateau  # the one policy that is no function

# One row a policy: how to build it for a stepsize and a run, and the bounds of its values.
POLICIES: dict[str, tuple[Callable[[int, int], Schedule], float, float]] = {
    "schedule/constant": (lambda _s, _d: decays.constant(0.1), 0.1, 0.1),
    "schedule/step": (lambda _s, d: decays.step(0.1, d), 0.1 * 0.316**5, 0.1),
    "schedule/multistep": (
        lambda _s, d: decays.multistep(0.1, 0.1, [max(d // 2, 1), max(d * 3 // 4, 1)]),
        0.1 * 0.1**2,
        0.1,
    ),
    "schedule/piecewise_constant": (
        lambda s, _d: decays.piecewise_constant([0.1, 0.3], [s]),
        0.1,
        0.3,
    ),
    "schedule/exponential": (
        lambda s, d: decays.exponential(0.1, 0.5, s, d, staircase=s == 1),
        0,
        0.1,
    ),
    "schedule/inverse_time": (
        lambda s, d: decays.inverse_time(0.1, "auto", 1, d, d / s, staircase=s == 1),
        0,
        0.1,
    ),
    "schedule/inv": (lambda _s, d: decays.inv(0.1, 1e-4, 0.75, d), 0, 0.1),
    "schedule/polynomial": (lambda _s, d: decays.polynomial(0.1, 0.01, 2, d), 0.01, 0.1),
    "schedule/linear": (lambda _s, d: decays.linear(0.1, 0.01, d), 0.01, 0.1),
    "schedule/cosine": (lambda _s, d: decays.cosine(0.1, 0.01, d), 0.01, 0.1),
    "schedule/rex": (lambda _s, d: decays.rex(0.1, d), 0, 0.1),
    "schedule/decay": (lambda s, d: decays.decay(0.1, 3, s, d), 0.1, 3),
    "schedule/triangular": (lambda s, d: cycles.triangular(0.1, 3, s, d), 0.1, 3),
    "schedule/triangular2": (lambda s, d: cycles.triangular2(0.1, 3, s, d), 0.1, 3),
    "schedule/staged": (
        lambda s, d: cycles.staged([0.1, 0.01], [3, 0.3], [s, s], [s], d),
        0.01,
        3,
    ),
    "schedule/exp_range": (lambda s, d: cycles.exp_range(0.1, 3, s, 1 - 1e-5, d), 0, 3),
    "schedule/welch": (lambda s, d: cycles.welch(0.1, 3, s, d), 0.1, 3),
    "schedule/hann": (lambda s, d: cycles.hann(0.1, 3, s, d), 0.1, 3),
    "schedule/cosine_restarts": (
        lambda s, d: cycles.cosine_restarts(0.1, 0.01, s, 2, d),
        0.01,
        0.1,
    ),
    "schedule/onecycle": (lambda s, d: cycles.onecycle(0.1, 3, s, d), 0, 3),
    "schedule/onecycle_as_written": (
        lambda s, d: cycles.onecycle_as_written(0.1, 3, s, d),
        0.1 / 1000,
        3,
    ),
    "schedule/range_test": (lambda _s, d: range_tests.range_test(0, 3, d), 0, 3),
    "schedule/range_test_exponential": (
        lambda _s, d: range_tests.range_test_exponential(1e-6, 10, d),
        1e-6,
        10,
    ),
    "schedule/warmup_linear": (lambda s, d: warmups.warmup_linear(0.1, max(s // 2, 1), d), 0, 0.1),
    "schedule/warmup_stable_decay": (
        lambda s, d: warmups.warmup_stable_decay(0.1, max(s // 2, 1), max(s // 3, 1), 0.01, d),
        0,
        0.1,
    ),
    "schedule/own": (lambda s, d: own.own(waves, min(d, 1000), period=s), 0, 1),
    "momentum/constant": (lambda _s, _d: momentum.constant(0.9), 0.9, 0.9),
    "momentum/cyclical": (lambda s, d: momentum.cyclical(0.95, 0.85, s, d), 0.85, 0.95),
    "momentum/linear": (lambda _s, d: momentum.linear(0.7, 1, d), 0.7, 1),
    "weight_decay/constant": (lambda _s, _d: regularisation.constant(1e-4), 1e-4, 1e-4),
    "weight_decay/cyclical": (
        lambda s, d: regularisation.cyclical(1e-5, 1e-3, d / s, d),
        1e-5,
        1e-3,
    ),
}


def waves(iteration: int, period: int, duration: int) -> float:
    """A reader's own schedule."""
    return (1 - iteration / duration) * abs(math.cos(iteration / period))


def functions(*modules: ModuleType) -> set[str]:
    """What these modules offer: their public functions."""
    return {
        f"{module.__name__}.{name}"
        for module in modules
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__ and not name.startswith("_")
    } | ({f"{WAITS.__module__}.{WAITS.__name__}"} if plateau in modules else set())


def configs(group: str) -> dict[str, DictConfig]:
    """The choices of a config group that name a policy."""
    found = {p.stem: OmegaConf.load(p) for p in (CONF / group).glob("*.yaml")}
    assert all(isinstance(config, DictConfig) for config in found.values())
    return {k: v for k, v in found.items() if k not in ("any", "none")}  # pyright: ignore


def test_every_policy_has_its_row_and_its_config() -> None:
    assert {c._target_ for c in configs("schedule").values()} == functions(*RATES)
    assert {c._target_ for c in configs("momentum").values()} == functions(momentum)
    for group in ("weight_decay", "clipping"):
        assert {c._target_ for c in configs(group).values()} >= functions(regularisation)
        assert {c._target_ for c in configs(group).values()} <= functions(*MODULES)
    own_names = {f"schedule/{n}" for n in configs("schedule")} - {"schedule/plateau"}
    assert own_names <= set(POLICIES)


@pytest.mark.parametrize(
    ("group", "choice"),
    [(g, c) for g in ("schedule", "momentum", "weight_decay", "clipping") for c in configs(g)],
)
def test_a_config_asks_for_what_its_function_takes(group: str, choice: str) -> None:
    config = configs(group)[choice]
    module, _, name = config._target_.rpartition(".")
    # a momentum named for its use is a constant one
    assert name.lower() == choice or (group, name) == ("momentum", "constant")
    signature = inspect.signature(getattr(importlib.import_module(module), name)).parameters
    parameters = {k for k, p in signature.items() if p.kind is not p.VAR_KEYWORD}
    given = {str(key) for key in config} - {"_target_", "defaults"}
    if group in ("weight_decay", "clipping"):
        given = {key if key in parameters else NAMES[key] for key in given}
    assert given == parameters - {"duration", "epochs", "scale"}
    # Cyclical momentum borrows the rate's stepsize and swings against its cycle; where there is
    # none, or one that begins at the top, momentum must be constant.
    if group == "schedule":
        cycle = "stepsize" in parameters and choice not in ("decay", "staged")
        assert ("defaults" in config) != cycle


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
        assert values[0] == schedule.segments[0].start
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
    schedule = cycles.onecycle(0.1, 3, 1, duration)
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
    schedule = decays.step(1, duration)
    expected = [0.316**n for n in exponents]
    assert schedule.values(np.arange(len(expected))) == pytest.approx(expected, rel=1e-15)


def test_milestones_listed_twice_count_twice() -> None:
    schedule = decays.multistep(1, 0.5, [2, 2, 4])
    assert schedule.values(np.arange(6)).tolist() == [1, 1, 0.25, 0.25, 0.125, 0.125]
    assert decays.multistep(1, 0.5, []).value(10**6) == 1


bounds = st.tuples(st.floats(0, 10), st.floats(0, 10)).map(sorted)
runs = st.integers(1, 3000).flatmap(lambda d: st.tuples(st.integers(1, d), st.just(d)))


@given(bounds, runs)
@settings(deadline=None, max_examples=50)
def test_triangular_is_its_formula(ends: list[float], run: tuple[int, int]) -> None:
    (base, top), (stepsize, duration) = ends, run
    t = np.arange(duration + 1)
    x = np.abs((t % (2 * stepsize)) / stepsize - 1)
    got = cycles.triangular(base, top, stepsize, duration).values(t)
    assert_allclose(got, base + (top - base) * (1 - x), rtol=1e-12, atol=1e-12)
    assert (np.abs(np.diff(got)) <= (top - base) / stepsize * (1 + 1e-9) + 1e-12).all()


@given(bounds, runs)
@settings(deadline=None, max_examples=50)
def test_both_onecycles_are_one_triangle_and_a_tail(
    ends: list[float], run: tuple[int, int]
) -> None:
    (base, top), (stepsize, duration) = ends, run
    t = np.arange(duration + 1)
    ran = cycles.onecycle(base, top, stepsize, duration).values(t)
    written = cycles.onecycle_as_written(base, top, stepsize, duration).values(t)
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
    "triangular": cycles.triangular,
    "onecycle": cycles.onecycle,
    "onecycle_as_written": cycles.onecycle_as_written,
}


@pytest.mark.parametrize("policy", CYCLES)
@pytest.mark.parametrize(
    ("base", "top", "stepsize", "duration", "says"),
    [
        (-0.1, 1, 1, 9, f"base_lr=-0.1: {RATE} base_lr=0.1"),
        (0.1, float("inf"), 1, 9, f"max_lr=inf: {RATE} max_lr=0.1"),
        (float("nan"), 1, 1, 9, f"base_lr=nan: {RATE} base_lr=0.1"),
        ("high", 1, 1, 9, f"base_lr=high: {RATE} base_lr=0.1"),
        (
            0.8,
            0.08,
            1,
            9,
            "max_lr=0.08: expected at least base_lr=0.8; raise max_lr or lower base_lr",
        ),
        (
            0.1,
            1,
            0,
            9,
            "stepsize=0: expected a whole number of iterations, at least 1; "
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
            "stepsize=9278it: longer than the run (9277 iterations); "
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
            lambda: decays.constant(-1),
            f"lr=-1: {RATE} lr=0.1",
        ),
        (
            lambda: decays.constant(True),
            f"lr=True: {RATE} lr=0.1",
        ),
        (
            lambda: decays.step(float("nan"), 10),
            f"lr=nan: {RATE} lr=0.1",
        ),
        (
            lambda: decays.multistep(0.1, -0.1, [5]),
            f"gamma=-0.1: {RATE} gamma=0.1",
        ),
        (
            lambda: decays.multistep(0.1, 0.1, [7, 5]),
            "milestones=[7, 5] (iterations): expected in rising order; write them as [5, 7]",
        ),
        (
            lambda: decays.multistep(0.1, 0.1, [-5]),
            "milestones=-5: expected a whole number of iterations, at least 1; "
            "write a longer length, for example 41ep",
        ),
        (
            lambda: range_tests.range_test(3, 0.1, 10),
            "max_lr=0.1: expected at least base_lr=3; raise max_lr or lower base_lr",
        ),
        (lambda: momentum.constant(1.1), f"value=1.1: {MOMENTUM} value=0.9"),
        (
            lambda: momentum.cyclical(-0.1, 0.9, 5, 10),
            f"at_base_lr=-0.1: {MOMENTUM} at_base_lr=0.9",
        ),
        (
            lambda: momentum.cyclical(0.9, float("nan"), 5, 10),
            f"at_max_lr=nan: {MOMENTUM} at_max_lr=0.9",
        ),
        (
            lambda: momentum.cyclical(0.9, 0.8, -5, 10),
            "stepsize=-5: expected a whole number of iterations, at least 1; "
            "write a longer length, for example 41ep",
        ),
        (
            lambda: momentum.linear(0.9, 2, 10),
            f"end=2: {MOMENTUM} end=0.9",
        ),
        (
            lambda: regularisation.constant(-1e-4),
            f"value=-0.0001: {RATE} value=1e-4",
        ),
    ],
)
def test_mistakes(build: Callable[[], Schedule], says: str) -> None:
    with pytest.raises(Mistake) as caught:
        build()
    assert str(caught.value) == says


def test_schedules_need_neither_torch_nor_hydra() -> None:
    names = ", ".join(module.__name__ for module in MODULES)
    program = f"import sys, {names}; print({{'torch', 'hydra', 'omegaconf'}} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "set()\n", done.stderr
