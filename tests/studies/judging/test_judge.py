"""The three questions on planted records."""

import json
import math

import numpy as np
import pytest

from disciplined.studies import tables
from disciplined.studies.judging.judge import judge
from disciplined.studies.judging.readings import by_arm
from disciplined.studies.publish import verdicts
from disciplined.studies.study import SCALES

TRUE = {"a": [0.801, 0.799, 0.802, 0.800], "b": [0.701, 0.699, 0.702, 0.698]}


def claims(judgement) -> dict[str, str]:
    return {j.claim.id: j.verdict.verdict for j in judgement.claims}


def test_a_planted_false_claim_comes_out_contradicted(planted, recorded):
    study = planted()
    found = judge(study, "paper", recorded(study, TRUE))
    assert claims(found) == {"True": "reproduced", "planted": "contradicted"}


def test_smoke_never_gives_a_verdict(planted, recorded):
    study = planted()
    found = judge(study, "smoke", recorded(study, TRUE, scale="smoke"))
    assert set(claims(found).values()) == {"not run"}
    assert {n.verdict.verdict for n in found.numbers} == {"not run"}


def test_a_number_is_only_held_against_whole_runs(planted, recorded):
    study = planted()
    found = judge(study, "short", recorded(study, TRUE, scale="short"))
    assert claims(found)["planted"] == "contradicted"
    assert {n.verdict.verdict for n in found.numbers} == {"not run"}
    assert all(n.difference is None for n in found.numbers)


@pytest.mark.parametrize("seeds", [1, 2])
def test_below_three_seeds_everything_is_inconclusive(planted, recorded, seeds: int):
    study = planted()
    found = judge(study, "paper", recorded(study, {k: v[:seeds] for k, v in TRUE.items()}))
    assert set(claims(found).values()) == {"inconclusive"}
    number = found.numbers[0]
    assert number.verdict.verdict == "inconclusive"
    assert number.verdict.detectable is not None and number.verdict.detectable > 0


def test_two_equal_seeds_show_no_spread_and_the_published_one_stands_in(planted, recorded):
    study = planted()
    found = judge(study, "paper", recorded(study, {"a": [0.8, 0.8]}))
    # (1.96 + 0.8416) * 0.1 points * sqrt(1/4 + 1/4): what four seeds could see
    assert found.numbers[0].verdict.detectable == pytest.approx(0.001981, abs=2e-6)
    assert found.numbers[0].verdict.sensitivity() == "4 seeds could see 0.20 points"


@pytest.mark.parametrize(("value", "verdict"), [("0.80", "reproduced"), ("0.82", "contradicted")])
def test_does_the_number_come_back(planted, recorded, value: str, verdict: str):
    study = planted(
        ("value: 0.80", f"value: {value}"), ("author: {a: superconv/clr3SS5kFig1a}", "")
    )
    row = judge(study, "paper", recorded(study, TRUE)).numbers[0]
    assert row.verdict.verdict == verdict
    assert row.mean == pytest.approx(0.8005) and row.n == 4
    # s = 0.1291 points, his 0.1, four runs each, his mean rounded to 0.1: Welch's error is
    # sqrt(0.1291² / 4 + 0.1² / 4 + 0.1² / 12) = 0.0866, with t(0.975, 7.15) = 2.3548
    assert row.interval == pytest.approx((0.8005 - 0.002039, 0.8005 + 0.002039), abs=2e-6)


def test_a_reading_is_held_against_the_row_it_may_have_been(planted, recorded):
    study = planted()
    rows = {n.arm: n for n in judge(study, "paper", recorded(study, TRUE)).numbers}
    assert rows["b"].reading_of == "a" and rows["b"].verdict.verdict == "contradicted"
    ((of, ways),) = by_arm(study, rows.values(), {})
    assert of.arm == "a" and ways["a"] - ways["b"] > math.log(1000)
    assert rows["c"].published is None and rows["c"].verdict.verdict == "not run"


def test_runs_without_a_value_are_told_apart(planted, recorded):
    """One diverged, so the number is inconclusive; two not measured, so it says nothing."""
    study = planted()
    found = recorded(study, TRUE)
    found["a"][0].summary["status"] = "diverged"
    row = judge(study, "paper", found).numbers[0]
    assert (row.verdict.verdict, row.verdict.statistic) == (
        "inconclusive",
        "1 of 4 runs diverged",
    )
    assert row.mean == pytest.approx(np.mean(TRUE["a"][1:]))
    assert tables.cells(study, row)[4] == "80.03 ± 0.15 (4, 1 diverged)"
    for r in found["a"][1:3]:
        del r.summary["result"]["final"]["test_accuracy"]
    judged = judge(study, "paper", found)
    row = judged.numbers[0]
    assert row.verdict.verdict == "not run"
    assert row.verdict.statistic == "test_accuracy was not measured in 2 of 4 runs of a"
    assert row.without == "1 diverged, 2 not measured"
    assert judged.as_dict()["numbers"][0]["without"] == row.without
    assert "without" not in judged.as_dict()["numbers"][1]


def test_a_noisy_log_and_a_small_test_widen_the_number(planted, recorded):
    text = ("author: {a: superconv/clr3SS5kFig1a}", "")
    narrow = planted(text)
    noisy = planted()  # that log's last tests vary by half a point
    small = planted(text, ("test_images: 10000", "test_images: 100"))  # of 360
    found = recorded(narrow, TRUE)
    widths = [
        interval[1] - interval[0]
        for study in (narrow, noisy, small)
        if (interval := judge(study, "paper", found).numbers[0].interval)
    ]
    assert widths[1] > 1.5 * widths[0] and widths[2] > 1.5 * widths[0]


def test_primary_claims_are_corrected_for_their_number(planted, recorded):
    finals = {"a": [0.8010, 0.8030, 0.8040, 0.8020], "b": [0.8000, 0.8015, 0.7995, 0.8005]}
    alone = planted(("id: planted, primary: true", "id: planted"))
    both = planted()
    found = recorded(alone, finals)
    p = judge(alone, "paper", found).claims[0].verdict.p
    assert p is not None and 0.025 < p < 0.05, f"the example must lie between: p = {p}"
    assert claims(judge(alone, "paper", found))["True"] == "reproduced"
    assert claims(judge(both, "paper", found))["True"] == "inconclusive"


def test_records_of_other_code_are_told(planted, recorded):
    study = planted()
    found = recorded(study, TRUE)
    assert "another version of the code (f00)" in judge(study, "paper", found).warnings()[0]
    found["a"][0].summary["machine"]["fingerprint"] = "bar"
    assert "different versions" in judge(study, "paper", found).warnings()[0]


def test_records_without_registration_are_told(planted, recorded):
    study = planted()
    assert judge(study, "paper", recorded(study, TRUE)).registered == "not registered"


@pytest.mark.parametrize("scale", SCALES)
def test_without_any_record_nothing_is_run(planted, scale: str):
    found = judge(planted(), scale, {})
    assert set(claims(found).values()) == {"not run"}
    assert found.registered == "no records" and not found.warnings()


def test_the_questions_stay_apart_in_what_is_written(planted, recorded):
    study = planted(("id: planted, primary: true", "id: planted, question: open"))
    found = recorded(study, TRUE)
    written = json.loads(json.dumps(verdicts(judge(study, "paper", found), found, [])))
    assert written["questions"]["fair"] == "not run"
    assert written["questions"]["open"] == [["planted", "contradicted"]]
    assert written["questions"]["as_published"] == [["True", "reproduced"]]
    assert written["seeds"] == {"a": [0, 1, 2, 3], "b": [0, 1, 2, 3]}
    assert written["made"] == [
        {"hardware": "a hand", "precision": "32-true", "date": "2026-01-02", "records": 8}
    ]
