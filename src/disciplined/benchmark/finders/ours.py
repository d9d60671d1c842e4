"""Our range test, called as its peers are: three ways of reading one model."""

from collections.abc import Callable
from typing import Any

from disciplined import range_test
from disciplined.benchmark.finders.problems import Attempt, Suggestions

UPDATES = 100  # what Lightning, fastai and torch-lr-finder take unasked
# fastai's and torch-lr-finder's ends
EXPONENTIAL: dict[str, Any] = {"low": 1e-7, "high": 10.0, "shape": "exponential"}
HIGHEST_LINEAR = 1.0  # torch-lr-finder's example of Smith's test
OURS, LINEAR, BLIND = "range_test", "range_test, linear", "range_test, training loss"
HALVED = "half of range_test"  # a margin tried beside what the library says


def exponential(of: Attempt) -> Suggestions:
    """Ours over the decades that the others take, read by validation."""
    found = range_test(
        *(of.model, of.optimizer, of.train),
        validation=of.validation,
        iterations=UPDATES,
        **EXPONENTIAL,
    )
    limit = found.suggested.max_lr
    return {OURS: limit, HALVED: limit and limit / 2}


def linear(of: Attempt) -> Suggestions:
    """Ours as Smith's, in a straight line, read by validation."""
    found = range_test(
        *(of.model, of.optimizer, of.train),
        validation=of.validation,
        iterations=UPDATES,
        high=HIGHEST_LINEAR,
    )
    return {LINEAR: found.suggested.max_lr}


def blind(of: Attempt) -> Suggestions:
    """Ours without validation: the training loss alone, as the others read it."""
    found = range_test(of.model, of.optimizer, of.train, iterations=UPDATES, **EXPONENTIAL)
    return {BLIND: found.suggested.max_lr}


FINDERS: dict[str, Callable[[Attempt], Suggestions]] = {
    OURS: exponential,
    LINEAR: linear,
    BLIND: blind,
}
