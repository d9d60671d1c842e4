"""Images per second are of the updates behind the first, without what a run does between them."""

from types import SimpleNamespace
from typing import Any

import pytest

from disciplined.training import clock as module
from disciplined.training.clock import Clock

TRAINER: Any = SimpleNamespace(accumulate_grad_batches=1)


class Time:
    """A time that passes only when told to."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def perf_counter(self) -> float:
        return self.seconds


@pytest.fixture
def passing(monkeypatch) -> Time:
    time = Time()
    monkeypatch.setattr(module, "time", time)
    return time


def update(clock: Clock, batch_idx: int = 0, trainer: Any = TRAINER) -> None:
    clock.on_train_batch_end(trainer, None, None, None, batch_idx)  # pyright: ignore


def test_the_first_update_and_the_pauses_are_not_training(passing):
    clock = Clock()
    passing.seconds += 2
    update(clock)
    passing.seconds += 0.25
    update(clock)
    with clock.paused():
        passing.seconds += 10
    for _ in range(2):
        passing.seconds += 0.25
        update(clock)
    clock.stop()
    assert (clock.first_update, clock.training, clock.other) == (2, 0.75, 10)
    assert clock.images_per_second(100) == 400


def test_stopping_counts_what_followed_the_last_pause_once(passing):
    clock = Clock()
    for _ in range(2):
        passing.seconds += 1
        update(clock)
    with clock.paused():
        passing.seconds += 5
    passing.seconds += 5  # the end of the fit is no training
    clock.stop()
    assert clock.training == 1
    passing.seconds += 1
    update(clock)
    clock.stop()
    clock.stop()
    assert clock.training == 7


def test_a_run_of_one_update_is_as_fast_as_that(passing):
    clock = Clock()
    passing.seconds += 4
    update(clock)
    clock.stop()
    assert clock.images_per_second(100) == 25
    assert Clock().images_per_second(100) == 0


def test_micro_batches_are_no_updates(passing):
    clock, trainer = Clock(), SimpleNamespace(accumulate_grad_batches=2)
    for batch_idx in range(4):
        update(clock, batch_idx, trainer)
    assert clock.updates == 1
