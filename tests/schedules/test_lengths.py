"""Lengths: exact floors, one notation, and a line for everything that is no length."""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from disciplined.mistakes import Mistake
from disciplined.schedules.lengths import Length, in_iterations


def iterations(text: object, **asked: Any) -> int:
    """`text` as the stepsize of a CIFAR run of 9277 iterations at 512, unless asked otherwise."""
    defaults: dict[str, Any] = {
        "setting": "schedule.stepsize",
        "images": 50_000,
        "total_batch_size": 512,
        "duration": 9277,
    }
    return in_iterations(text, **(defaults | asked))


@pytest.mark.parametrize(
    ("text", "total_batch_size", "expected"),
    [
        ("95ep", 512, 9277),
        ("41ep", 512, 4003),
        ("23ep", 512, 2246),
        ("25ep", 512, 2441),
        ("50ep", 512, 4882),
        ("75ep", 512, 7324),
        ("100ep", 512, 9765),
        ("150ep", 512, 14_648),
        ("400ep", 512, 39_062),
        ("11ep", 128, 4296),
        ("25ep", 128, 9765),
        ("145ep", 1024, 7080),
        ("70ep", 1024, 3417),
        ("200ep", 1000, 10_000),
    ],
)
def test_epochs_are_the_papers_floors(text: str, total_batch_size: int, expected: int) -> None:
    assert iterations(text, total_batch_size=total_batch_size, duration=None) == expected


@pytest.mark.parametrize(
    ("text", "duration", "expected"),
    [
        ("0.4316dur", 9277, 4003),  # table1's ResNet-56: 41 of 95 epochs
        ("0.44dur", 9765, 4296),  # and its 3-layer net: 11 of 25 epochs
        ("0.5dur", 10_000, 5000),
        ("0.29dur", 100, 29),  # in floats 0.29 * 100 is 28.999999999999996
        ("0.57dur", 100, 57),
        ("1dur", 9277, 9277),
    ],
)
def test_fractions_of_the_run_are_exact(text: str, duration: int, expected: int) -> None:
    assert iterations(text, duration=duration) == expected


@pytest.mark.parametrize(
    ("text", "expected"), [("1e3it", 1000), (" 7 it ", 7), ("4003.0it", 4003), (".5ep", 48)]
)
def test_notations(text: str, expected: int) -> None:
    assert iterations(text) == expected


@given(
    st.integers(1, 10**6),
    st.integers(0, 3),
    st.integers(1, 10**7),
    st.integers(1, 10**5),
    st.fractions(Fraction(1, 1000), 2),
)
def test_the_floor_is_exact(
    digits: int, places: int, images: int, batch: int, scale: Fraction
) -> None:
    text = f"{digits / 10**places:.{places}f}ep"
    exact = Fraction(digits, 10**places) * images / batch * scale
    asked: dict[str, Any] = {"images": images, "total_batch_size": batch, "scale": scale}
    if exact < 1 and scale >= 1:
        with pytest.raises(Mistake, match="comes out as 0 iterations"):
            iterations(text, **asked)
    else:
        got = iterations(text, **asked)
        assert got == max(exact // 1, 1)
        assert got <= exact < got + 1 or (scale < 1 and got == 1)


@given(st.integers(1, 10**12), st.integers(0, 12), st.sampled_from(["ep", "dur", "it"]))
def test_a_printed_length_is_the_same_length(digits: int, places: int, unit: str) -> None:
    length = Length(Fraction(digits, 1 if unit == "it" else 10**places), unit)
    assert Length.parse(str(length)) == length


@pytest.mark.parametrize(
    ("written", "printed"),
    [("41.0ep", "41ep"), ("1e3it", "1000it"), ("0.450dur", "0.45dur"), (".05ep", "0.05ep")],
)
def test_lengths_print_in_their_shortest_form(written: str, printed: str) -> None:
    assert str(Length.parse(written)) == printed


def test_scale_acts_on_epochs_and_iterations_and_not_on_fractions_of_the_run() -> None:
    tenth = Fraction(1, 10)
    assert iterations("95ep", scale=tenth) == 927
    assert iterations("4003it", scale=tenth) == 400
    assert iterations("0.5dur", duration=927, scale=tenth) == 463


@pytest.mark.parametrize("text", ["1it", "0.001ep", "0.001dur"])
def test_a_scale_below_one_leaves_at_least_one_iteration(text: str) -> None:
    assert iterations(text, scale=Fraction(1, 1000), duration=3) == 1


NOT_A_LENGTH = "not a length; write epochs, iterations or a fraction of the run: 41ep, 4003it or "


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("41", "=41: a length needs its unit: 41ep, 41it or 0.45dur"),
        (41, "=41: a length needs its unit: 41ep, 41it or 0.45dur"),
        (0.5, "=0.5: a length needs its unit: 0.5ep, 0.5it or 0.45dur"),
        ("41epochs", f"=41epochs: {NOT_A_LENGTH}0.45dur"),
        ("", f"=: {NOT_A_LENGTH}0.45dur"),
        ("nan", f"=nan: {NOT_A_LENGTH}0.45dur"),
        ("nanep", f"=nanep: {NOT_A_LENGTH}0.45dur"),
        ("infep", f"=infep: {NOT_A_LENGTH}0.45dur"),
        ("1e999999999ep", f"=1e999999999ep: {NOT_A_LENGTH}0.45dur"),
        ("41ep\n", None),
        (float("nan"), f"=nan: {NOT_A_LENGTH}0.45dur"),
        (None, f"=None: {NOT_A_LENGTH}0.45dur"),
        (True, f"=True: {NOT_A_LENGTH}0.45dur"),
        (-41, f"=-41: {NOT_A_LENGTH}0.45dur"),
        ("-41ep", "=-41ep: a length must be more than zero; write for example 41ep"),
        ("0it", "=0it: a length must be more than zero; write for example 41it"),
        ("-0.1dur", "=-0.1dur: a length must be more than zero; write for example 0.45dur"),
        ("2.5it", "=2.5it: iterations come whole; write 2it, or give the length in ep or dur"),
        ("0.3it", "=0.3it: iterations come whole; write 1it, or give the length in ep or dur"),
        (
            "0.001ep",
            "=0.001ep: comes out as 0 iterations (50000 images at a total batch size of 512); "
            "write a longer length, at least 1it",
        ),
        (
            "0.0001dur",
            "=0.0001dur: comes out as 0 iterations (a run of 9277 iterations); "
            "write a longer length, at least 1it",
        ),
        ("1e20ep", "=1e20ep: more than 10^15 iterations; write a shorter length"),
    ],
)
def test_what_is_no_length_is_a_mistake_in_one_line(text: object, says: str | None) -> None:
    if says is None:  # surrounding blanks are no mistake
        assert iterations(text) == 4003
        return
    with pytest.raises(Mistake) as caught:
        iterations(text)
    assert str(caught.value) == f"schedule.stepsize{says}"


def test_a_run_is_no_fraction_of_itself() -> None:
    with pytest.raises(Mistake) as caught:
        iterations("0.5dur", setting="duration", duration=None)
    assert str(caught.value) == (
        "duration=0.5dur: the run cannot be a fraction of itself; "
        "write its length in ep or it, for example 95ep"
    )


def test_zero_is_a_mistake_at_any_scale() -> None:
    with pytest.raises(Mistake, match="more than zero"):
        iterations("0ep", scale=Fraction(1, 10))
