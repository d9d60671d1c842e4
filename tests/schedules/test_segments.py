"""The algebra of schedules: one value for an iteration, however it is asked for."""

import pickle
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from disciplined.schedules import cycles, decays, momentum
from disciplined.schedules.segments import Schedule, Segment, cut

numbers = st.floats(-1e6, 1e6, allow_subnormal=False)


@st.composite
def segments(draw: st.DrawFn) -> Segment:
    length = draw(st.integers(1, 40))
    start, end = draw(numbers), draw(numbers)
    if draw(st.booleans()):
        return Segment.constant(start, length)
    return Segment.linear(start, end, length).cut(draw(st.integers(0, length)))


schedules = st.lists(segments(), min_size=1, max_size=8).map(lambda s: Schedule(tuple(s)))


@given(schedules, st.lists(st.integers(0, 400), max_size=30))
@settings(deadline=None, max_examples=50)
def test_one_at_a_time_and_all_at_once_are_the_same_bits(
    schedule: Schedule, iterations: list[int]
) -> None:
    together = schedule.values(np.array(iterations, dtype=np.int64))
    assert together.dtype == np.float64
    assert together.tobytes() == np.array([schedule.value(t) for t in iterations]).tobytes()


@given(schedules)
@settings(deadline=None, max_examples=50)
def test_values_follow_the_segments_and_stay_between_their_ends(schedule: Schedule) -> None:
    begin = 0
    for segment in schedule.segments:
        if not segment.length:
            continue
        values = schedule.values(np.arange(begin, begin + segment.length))
        assert values[0] == segment.start
        assert (values >= min(segment.start, segment.end)).all()
        assert (values <= max(segment.start, segment.end)).all()
        begin += segment.length
    assert begin == schedule.length


@given(schedules, st.integers(0, 10**12))
@settings(deadline=None, max_examples=50)
def test_the_end_holds_for_ever(schedule: Schedule, later: int) -> None:
    assert schedule.value(schedule.length + later) == schedule.value(schedule.length)


@given(numbers, numbers, st.integers(1, 10**6), st.integers(0, 10**6))
@settings(deadline=None, max_examples=50)
def test_a_line_is_straight_and_reaches_its_end(
    start: float, end: float, length: int, at: int
) -> None:
    line = Schedule((Segment.linear(start, end, length),))
    at = min(at, length)
    expected = start + (end - start) * at / length
    assert line.value(at) == pytest.approx(expected, rel=1e-12, abs=1e-9)
    assert line.value(length) == end


def test_a_way_down_to_zero_keeps_all_its_digits() -> None:
    down = Schedule((Segment.linear(0.8, 0.0, 4003),))
    assert down.value(4002) == pytest.approx(0.8 / 4003, rel=1e-15)


def test_an_empty_last_segment_says_what_holds() -> None:
    schedule = Schedule((Segment.linear(1.0, 0.0, 4), Segment.constant(7.0, 0)))
    assert [schedule.value(t) for t in range(6)] == [1.0, 0.75, 0.5, 0.25, 7.0, 7.0]


def test_shapes_of_arrays_are_kept_and_order_does_not_matter() -> None:
    schedule = cycles.onecycle(0.08, 0.8, 4003, 9277)
    asked = np.array([[9000, 3], [4003, 8006]])
    assert schedule.values(asked).shape == (2, 2)
    assert (schedule.values(asked)[::-1] == schedule.values(asked[::-1])).all()
    assert schedule.values(np.array([], dtype=np.int64)).shape == (0,)
    assert schedule.values(5).shape == ()


def test_cut_takes_as_much_as_fits() -> None:
    line, flat = Segment.linear(0.0, 1.0, 10), Segment.constant(5.0, 10)
    assert cut((line, flat), 25) == (line, flat)
    assert cut((line, flat), 10) == (line,)
    first, second = cut((line, flat), 13)
    assert (first, second.length) == (line, 3)
    short = Schedule(cut((line, flat), 4))
    assert [short.value(t) for t in (0, 3, 4, 99)] == [0.0, 0.3, 0.4, 0.4]


def test_schedules_compare_print_and_travel() -> None:
    schedule = cycles.triangular(0.1, 3, 5, 10)
    assert schedule == cycles.triangular(0.1, 3, 5, 10)
    copy = pickle.loads(pickle.dumps(schedule))
    assert copy == schedule
    assert copy.value(3) == schedule.value(3)


def test_faults_are_told_from_mistakes() -> None:
    schedule = decays.constant(0.1)
    with pytest.raises(ValueError, match="begin at iteration 0, not -1"):
        schedule.value(-1)
    with pytest.raises(TypeError, match="integers"):
        schedule.values(np.array([0.5]))
    with pytest.raises(ValueError, match="at least one segment"):
        Schedule(())
    with pytest.raises(ValueError, match="finite"):
        Schedule((Segment.constant(float("nan"), 1),))
    with pytest.raises(ValueError, match="length"):
        Schedule((Segment.linear(0.0, 1.0, 0),))


@pytest.mark.parametrize("stepsize", [1, 37, 400_000])
def test_a_million_iterations_take_no_time_whatever_the_number_of_cycles(stepsize: int) -> None:
    everything = np.arange(10**6)
    for schedule in (
        cycles.triangular(0.1, 3, stepsize, 10**6),
        cycles.onecycle(0.1, 3, stepsize, 10**6),
        momentum.cyclical(0.95, 0.85, stepsize, 10**6),
    ):
        begin = time.process_time()
        values = schedule.values(everything)
        assert time.process_time() - begin < 1  # measured 0.05 to 0.2 s
        assert np.isfinite(values).all()


EPOCH = 50_000 / 512


@pytest.mark.parametrize(
    ("schedule", "iterations_per_epoch", "words"),
    [
        (
            cycles.onecycle(0.08, 0.8, 4003, 9277),
            EPOCH,
            "0.08 ↗ 0.8 (41ep) ↘ 0 (41ep), 8e-05",
        ),
        (
            cycles.onecycle(0.08, 0.8, 4003, 9277),
            None,
            "0.08 ↗ 0.8 (4003it) ↘ 0 (4003it), 8e-05",
        ),
        (
            cycles.onecycle(0.1, 3, 5000, 10_000),
            50,
            "0.1 ↗ 3 (100ep) ↘ 0 (100ep)",
        ),
        (
            cycles.onecycle_as_written(0.08, 0.8, 4003, 9277),
            EPOCH,
            "0.08 ↗ 0.8 (41ep) ↘ 0.08 (41ep) ↘ 8e-05 (13ep)",
        ),
        (
            decays.step(0.1, 9277),
            EPOCH,
            "0.1 (47.5ep), 0.0316 (23.7ep), 0.009986 (11.9ep), 0.003155 (5.94ep), "
            "0.0009971 (1it), 0.0003151",
        ),
        (
            decays.multistep(0.35, 0.1, [50_000, 70_000]),
            50,
            "0.35 (1000ep), 0.035 (400ep), 0.0035",
        ),
        (decays.constant(0.1), EPOCH, "0.1"),
        (decays.constant(0), None, "0"),
        (
            cycles.triangular(0.1, 3, 500, 8000),
            50,
            "0.1 ↗ 3 (10ep) ↘ 0.1 (10ep) ↗ 3 (10ep) ↘ 0.1 (10ep) ↗ 3 (10ep) ↘ 0.1 (10ep) … 10 more",
        ),
        (
            momentum.cyclical(0.95, 0.85, 4003, 9277),
            EPOCH,
            "0.95 ↘ 0.85 (41ep) ↗ 0.95 (41ep) ↘ 0.9341 (13ep)",
        ),
        (momentum.linear(0.9, 0.9, 100), None, "0.9"),
        (
            Schedule((Segment.constant(1, 5), Segment.linear(2, 3, 5), Segment.linear(3, 0, 500))),
            100,
            "1 (5it), 2 ↗ 3 (5it) ↘ 0 (5ep)",
        ),
    ],
)
def test_words(schedule: Schedule, iterations_per_epoch: float | None, words: str) -> None:
    assert schedule.describe(iterations_per_epoch) == words
