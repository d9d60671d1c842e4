"""The answers are complete and fair, and what is published of them is current."""

from pathlib import Path

import pytest

from disciplined.diagnosis import answers as known
from disciplined.diagnosis import published
from disciplined.diagnosis.answers import Judged
from disciplined.diagnosis.findings import NAMES
from disciplined.mistakes import Mistake
from disciplined.studies import author

ROOT = Path(__file__).parents[2]
REMARKS, LISTED = known.read_answers()


@pytest.fixture(scope="module")
def judged() -> list[Judged]:
    return known.judged(LISTED, ROOT / "outputs")


def test_the_published_table_is_what_is_found_today(judged: list[Judged]):
    """Else: python scripts/runs.py diagnose answers=true publish=true."""
    folder = published.folder(ROOT / "outputs")
    assert (folder / "table.md").read_text() == published.text(judged, REMARKS)
    assert (folder / "examples.png").read_bytes().startswith(b"\x89PNG")


def test_it_is_right_on_most_and_invents_little(judged: list[Judged]):
    for title, belongs in published.SETS:
        part = [one for one in judged if belongs(one.answer)]
        assert sum(one.right for one in part) >= 0.85 * len(part), title
        assert sum(bool(one.alarms) for one in part) <= 0.04 * len(part), title


def test_every_log_of_the_author_has_an_answer():
    have = {one.curve.partition(":")[2] for one in LISTED if one.curve.startswith("author:")}
    assert have == set(author.index())


def test_every_finding_is_expected_somewhere_and_every_answer_has_a_reason():
    assert {name for one in LISTED for name in one.expect} == set(NAMES)
    assert all(one.why and one.source for one in LISTED)
    assert sum(one.held for one in LISTED) >= 60


def test_no_curve_is_both_seen_and_held_out():
    def curves(pick) -> set[tuple[str, int, float]]:
        some = [one for one in LISTED if pick(one)]
        return {(o.curve, seed, o.until) for o in some for seed in (o.seeds or (-1,))}

    seen = curves(lambda one: not one.held and not one.fresh)
    held, fresh = curves(lambda one: one.held), curves(lambda one: one.fresh)
    assert not seen & held and not fresh & (seen | held)


def test_an_answer_that_is_no_finding_is_a_mistake(tmp_path: Path):
    file = tmp_path / "answers.yaml"
    line = "{curve: 'synthetic:noise', seeds: [0], expect: [overfiting], why: x, source: y}"
    file.write_text(f"remarks: []\ncurves:\n- {line}\n")
    with pytest.raises(Mistake, match="no finding overfiting"):
        known.read_answers(file)


def test_a_miss_and_a_false_alarm_are_counted_where_they_belong():
    """On one curve, a straight line, by four different answers."""
    counted = []
    for expect, allow in (
        (("rate too small",), ()),
        (("overfitting",), ("rate too small",)),
        ((), ()),
        ((), ("rate too small",)),
    ):
        answer = known.Answer("synthetic:barely", expect, "x", "y", allow, (0,))
        (one,) = known.judged([answer], ROOT / "outputs")
        counted.append((one.answer.label, one.column, one.right))
    assert counted == [
        ("rate too small", "rate too small", True),
        ("overfitting", "rate too small", False),
        ("nothing", "rate too small", False),
        ("nothing", "nothing", True),
    ]
