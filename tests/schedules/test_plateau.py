"""The policy that looks at what is measured: Keras's rule, from the rows alone."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from disciplined.mistakes import Mistake
from disciplined.schedules.plateau import Plateau

KERAS = {
    "lr": 0.1, "factor": 0.1, "patience": 2, "monitor": "val_loss", "min_delta": 0.0,
    "cooldown": 0, "end_lr": None,
}  # fmt: skip


def plateau(**changed: Any) -> Plateau:
    return Plateau(**(KERAS | changed))


def rows(losses: list[float], every: int = 10) -> list[dict[str, float]]:
    return [{"iteration": every * n, "val_loss": loss} for n, loss in enumerate(losses, start=1)]


@given(
    st.lists(st.integers(0, 30).map(lambda n: n / 10), max_size=40),
    st.integers(1, 4),
    st.sampled_from([0.0, 0.05, 0.3]),
)
@settings(deadline=None, max_examples=100)
def test_it_lowers_where_torchs_does_with_one_less_of_patience(
    losses: list[float], patience: int, min_delta: float
) -> None:
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=0.1)
    torchs = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, factor=0.5, patience=patience - 1, threshold=min_delta, threshold_mode="abs",
        eps=0,
    )  # fmt: skip
    ours = plateau(factor=0.5, patience=patience, min_delta=min_delta)
    for number in range(1, len(losses) + 1):
        torchs.step(losses[number - 1])
        ours.measured(rows(losses[:number]))
        assert ours.value(10 * number) == optimizer.param_groups[0]["lr"]


def test_a_change_holds_from_the_row_that_made_it() -> None:
    found = plateau()
    found.measured(rows([1.0, 0.9, 0.9, 0.95, 0.8, 0.9]))
    assert [found.value(t) for t in (0, 39, 40, 41, 10**9)] == [0.1, 0.1] + [0.1 * 0.1] * 3
    found.measured(rows([1.0, 0.9, 0.9, 0.95, 0.8, 0.9, 0.9]))
    assert found.value(70) == 0.1 * 0.1 * 0.1
    # what is known is the rows alone: asked anew, the same
    again = plateau()
    again.measured(rows([1.0, 0.9, 0.9, 0.95, 0.8, 0.9, 0.9]))
    assert again.schedule == found.schedule


def test_keras_counts_no_evaluation_while_it_cools_down() -> None:
    found = plateau(patience=1, cooldown=2)
    # better, bad: lowered; two that cool down, the second already counted again (Keras's rule)
    found.measured(rows([1.0, 1.0, 1.0, 1.0]))
    assert found.value(40) == 0.1 * 0.1 * 0.1
    assert found.value(30) == 0.1 * 0.1


def test_bounds_and_raising() -> None:
    lowered = plateau(patience=1, end_lr=0.005)
    lowered.measured(rows([1.0] * 6))
    assert [lowered.value(t) for t in (20, 30, 60)] == [0.1 * 0.1, 0.005, 0.005]
    raised = plateau(patience=1, factor=2, end_lr=0.5, monitor="val_accuracy")
    raised.measured([{"iteration": n, "val_accuracy": 0.5} for n in range(1, 6)])
    assert [raised.value(t) for t in range(1, 6)] == [0.1, 0.2, 0.4, 0.5, 0.5]


def test_min_delta_is_what_counts_as_better() -> None:
    small_steps = rows([1 - 0.01 * n for n in range(10)])
    strict, lenient = plateau(min_delta=0.05, patience=3), plateau(min_delta=0.0, patience=3)
    strict.measured(small_steps)
    lenient.measured(small_steps)
    assert strict.value(100) < 0.1 == lenient.value(100)


def test_in_words() -> None:
    assert plateau(end_lr=1e-5).describe() == (
        "0.1, x0.1 after 2 evaluations without a better val_loss, to 1e-05"
    )


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"lr": -1}, "lr=-1: expected a finite number"),
        ({"factor": 1}, "factor=1: changes nothing"),
        ({"factor": 0}, "factor=0: expected a number above 0"),
        ({"patience": 0}, "patience=0: expected at least 1 evaluation"),
        ({"cooldown": -1}, "cooldown=-1: expected 0 evaluations or more"),
        ({"monitor": "mood"}, "monitor=mood: expected one of train_loss"),
        ({"min_delta": -1}, "min_delta=-1: expected a finite number"),
        ({"end_lr": 1.0}, "end_lr=1: a factor of 0.1 goes the other way"),
    ],
)
def test_mistakes(changed: dict[str, Any], says: str) -> None:
    with pytest.raises(Mistake) as caught:
        plateau(**changed)
    assert says in str(caught.value)


def test_what_is_not_measured_cannot_be_waited_for() -> None:
    with pytest.raises(Mistake, match="monitor=val_loss: is not measured in this run; hold out"):
        plateau().measured([{"iteration": 1, "val_loss": None}])
