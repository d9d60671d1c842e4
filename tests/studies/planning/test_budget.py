"""What to run first in the time there is: made-up speeds whose best plan is known."""

import shlex
from typing import Any

import pytest

from disciplined.mistakes import Mistake
from disciplined.studies.planning import budget, planner
from disciplined.studies.planning.budget import Need, Wanted
from disciplined.studies.planning.planner import open_claims, told
from disciplined.studies.planning.speeds import Speeds


def need(name: str, lacks: str) -> Need:
    study, _, claim = name.partition(" ")
    return Need(study, claim, frozenset(lacks.split()))


def planned(needs: list[Need], lasts: dict[str, float], within: float) -> list[tuple[list, list]]:
    found = budget.steps(needs, lasts, within)
    assert sum(step.seconds for step in found) <= within
    return [(step.runs, [n.claim for n in step.settles]) for step in found]


def test_more_claims_a_second_come_first():
    needs = [need("s one", "slow"), need("s two", "quick"), need("t three", "quick")]
    lasts = {"slow": 10.0, "quick": 10.0}
    assert planned(needs, lasts, 20) == [(["quick"], ["two", "three"]), (["slow"], ["one"])]
    assert planned(needs, lasts, 19) == [(["quick"], ["two", "three"])]
    assert planned(needs, lasts, 9) == []


def test_a_run_of_two_studies_is_paid_once():
    """`a` alone settles nothing, but with it both claims cost 15 s, not 20."""
    needs = [need("s one", "a b"), need("t two", "a c"), need("u dear", "d")]
    lasts = {"a": 5.0, "b": 5.0, "c": 5.0, "d": 9.0}
    assert planned(needs, lasts, 15) == [(["a", "b"], ["one"]), (["c"], ["two"])]


def test_a_whole_study_may_be_worth_more_than_its_claims_one_by_one():
    """No claim of `s` alone beats `t`'s 1 in 12 s, but all its three come for 30 s. The first of
    them is settled on the way."""
    needs = [need("s 1", "a b"), need("s 2", "b c"), need("s 3", "a c"), need("t 4", "d")]
    lasts = {"a": 10.0, "b": 10.0, "c": 10.0, "d": 12.0}
    assert planned(needs, lasts, 30) == [(["a", "b"], ["1"]), (["c"], ["2", "3"])]


def test_small_steps_do_not_use_up_the_time_of_a_better_big_one():
    """By claims a second `small` comes first (1/2 against 10/24), and then `big` fits no more."""
    needs = [need("s small", "small"), *(need(f"t {i}", "big") for i in range(10))]
    lasts = {"small": 2.0, "big": 24.0}
    assert planned(needs, lasts, 25) == [(["big"], [str(i) for i in range(10)])]
    assert [runs for runs, _ in planned(needs, lasts, 26)] == [["small"], ["big"]]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("25min", 1500), ("1.5h", 5400), ("2d", 172800), (".5h", 1800)],
)
def test_times(text: str, seconds: float):
    assert budget.seconds(text) == seconds


@pytest.mark.parametrize("text", ["25", "min", "25 min", "0min", "-1h", "1e3s", "25m"])
def test_what_is_no_time(text: str):
    with pytest.raises(Mistake, match=r"budget=.*expected a time such as 90s, 25min"):
        budget.seconds(text)


def test_three_seeds_settle_and_the_lowest_missing_ones_are_run():
    there = {"k1", "k3"}
    assert budget.missing_seeds(["k0", "k1", "k2", "k3"], there.__contains__, 3) == [0]
    assert budget.missing_seeds(["k0", "k1", "k2", "k3"], {"k0"}.__contains__, 3) == [1, 2]
    assert budget.missing_seeds(["k0", "k1", "k2"], lambda _: True, 3) == []


def test_commands_make_exactly_the_runs():
    arms = [("a", 0), ("a", 1), ("a", 2), ("b", 2), ("1e-3, it's", 0)]
    runs = [Wanted(f"{a}{s}", "p/f", a, s, "net", 1, 1.0) for a, s in arms]
    first, second = budget.commands(runs, "paper", ["output_dir=x"])
    start = ["python", "scripts/reproduce.py", "figure=p/f", "scale=paper"]
    assert shlex.split(first) == [*start, "arms=a,b", "seeds=3", "output_dir=x"]
    assert shlex.split(second) == [*start, "arms=1e-3, it's", "seeds=1", "output_dir=x"]


def arm(name: str, keys: str, images: int = 1000) -> dict[str, Any]:
    about = {"name": name, "setting": keys[:2], "iterations": 10, "images": images}
    return about | {"train_images": 100, "evaluated": 0, "keys": keys}


INDEX = {
    "p/one": {
        "claims": {"first": ["a", "b"], "later": None, "unknown": ["c"]},
        "whole": ["first"],
        "scales": {
            "paper": {
                "a": arm("net-data-step", "a0 a1 a2 a3"),
                "b": arm("net-data-cosine", "b0 b1 b2", images=500),
                "c": arm("other-data-step", "c0 c1 c2"),
            }
        },
    },
    "p/two": {
        "claims": {"same": ["x"], "settled": ["y"]},
        "whole": [],
        "scales": {
            "paper": {
                "x": arm("net-data-step", "a0 a1 a2"),
                "y": arm("net-data-cosine", "y0 y1 y2"),
            }
        },
    },
}
DISK = {f"net-data-{key}" for key in ("step-a0", "cosine-y0", "cosine-y1", "cosine-y2")}


def test_a_plan_from_index_and_disk():
    found = open_claims(INDEX, "paper", DISK.__contains__, Speeds(by={"net": [100.0]}))
    assert (found.settled, found.blocked) == (1, 1)
    lacks = {n.claim: sorted(n.lacks) for n in found.needs}
    assert lacks["same"] == ["net-data-step-a1", "net-data-step-a2"]
    assert len(lacks["first"]) == 5 and len(lacks["unknown"]) == 3
    lasts = {key: run.seconds for key, run in found.runs.items() if run.seconds}
    assert set(lasts.values()) == {10.0, 5.0} and len(lasts) == 5
    timed = [n for n in found.needs if n.lacks <= lasts.keys()]
    text = told(found, budget.steps(timed, lasts, 60), timed, "1min", "paper", [])
    lines = text.splitlines()
    assert " ".join(lines[1].split()) == "1 p/one a 1,2 2,000 20 s 20 s p/two same"
    assert " ".join(lines[2].split()) == "2 p/one b 0,1,2 1,500 15 s 35 s p/one first"
    assert (
        "settle 2 of 3 open claims at scale paper (1 are settled, there or at a longer one)" in text
    )
    assert "1 claim is left out: nobody has measured how fast other train" in text
    assert "1 claim is left out: arms that they read cannot be run yet" in lines
    assert lines[-2:] == [
        "python scripts/reproduce.py figure=p/one scale=paper arms=a seeds=3",
        "python scripts/reproduce.py figure=p/one scale=paper arms=b seeds=3",
    ]


def test_what_a_longer_scale_has_settled_is_not_open():
    short = {"a": arm("net-data-step-short", "a0 a1 a2"), "b": arm("net-data-cosine-short", "b0")}
    one = {"claims": {"first": ["a"], "both": ["a", "b"]}, "whole": []}
    paper = {"a": arm("net-data-step", "a0 a1 a2 a3"), "b": arm("net-data-cosine", "b0 b1 b2")}
    index = {"p/one": one | {"scales": {"paper": paper, "short": short}}}
    disk = {f"net-data-step-a{seed}" for seed in (0, 1, 3)}
    found = open_claims(index, "short", disk.__contains__, Speeds())
    assert [n.claim for n in found.needs] == ["both"] and found.settled == 1
    found = open_claims(index, "paper", {"net-data-step-short-a0"}.__contains__, Speeds())
    assert [n.claim for n in found.needs] == ["first", "both"], "a tenth settles no whole"


def test_what_only_whole_runs_answer_is_not_planned_at_a_tenth():
    short = {"a": arm("net-data-step-short", "a0 a1 a2"), "b": arm("net-data-cosine-short", "b0")}
    paper = {"a": arm("net-data-step", "a0 a1 a2"), "b": arm("net-data-cosine", "b0 b1 b2")}
    claims = {"claims": {"level": ["a"], "other": ["b"]}, "whole": ["level"]}
    index = {"p/one": claims | {"scales": {"paper": paper, "short": short}}}
    tenth = {f"net-data-step-short-a{seed}" for seed in range(3)}
    found = open_claims(index, "short", tenth.__contains__, Speeds())
    assert [n.claim for n in found.needs] == ["other"]
    assert (found.settled, found.whole) == (0, 1), "a tenth has not settled it either"
    assert "1 claim is left out: only whole runs can answer" in told(
        found, [], [], "1min", "short", []
    )
    found = open_claims(index, "paper", set().__contains__, Speeds())
    assert [n.claim for n in found.needs] == ["level", "other"] and found.whole == 0
    whole = {f"net-data-step-a{seed}" for seed in range(3)}
    found = open_claims(index, "short", whole.__contains__, Speeds())
    assert (found.settled, found.whole) == (1, 0)


def test_nothing_fits(tmp_path):
    text = planner.plan(INDEX, "paper", "1s", tmp_path, [])
    assert text.startswith("0 runs, no time of 1s, settle 0 of 4 open claims")
    assert "how fast net, other train" in text


def test_a_time_too_short_is_told_what_would_do(tmp_path, monkeypatch):
    monkeypatch.setattr(planner.speeds, "measured", lambda *_: Speeds())
    monkeypatch.setattr(Speeds, "seconds", lambda *_: 600.0)
    text = planner.plan(INDEX, "paper", "5min", tmp_path, [])
    assert "the shortest step takes" in text and "ask for a larger budget" in text
    assert "the shortest step" not in planner.plan(INDEX, "paper", "20h", tmp_path, [])
