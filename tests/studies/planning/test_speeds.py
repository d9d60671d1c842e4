"""How fast this machine trains: the nearest record counts, and none of another machine."""

import json
from typing import Any

import pytest

from disciplined.studies.planning import speeds
from disciplined.studies.planning.speeds import lasting, measured
from disciplined.training.machine import processor

NAME, CORES = speeds.cores(processor())


def summary(
    name: str, speed: float, setting: str = "s", iterations: int = 100, **machine: Any
) -> dict[str, Any]:
    about = {"hardware": processor(), "device": "cpu", "images_per_second": speed, **machine}
    return {
        "name": name,
        "setting": setting,
        "result": {"iteration": iterations},
        "machine": about,
    }


def arm(name: str, setting: str = "unknown", images: int = 1000, iterations: int = 10):
    return {"name": name, "setting": setting, "images": images, "iterations": iterations}


def test_the_same_setting_then_the_same_data_then_the_same_network(tmp_path):
    found = measured(
        [
            summary("net-a-step", 100, "s"),
            summary("net-a-step", 300, "s"),
            summary("net-a-step", 150, "s"),
            summary("net-a-cosine", 20, "t"),
            summary("net-b-step", 10, "u"),
        ],
        tmp_path,
    )
    assert found.of(arm("net-a-step", "s")) == 150
    assert found.of(arm("net-a-step", "new")) == 125
    assert found.of(arm("net-c-step", "new")) == 100
    assert found.of(arm("other-a-step", "new")) is None
    assert found.seconds(arm("net-a-step", "s", images=3000)) == 20


def test_evaluations_and_checkpoints_count(tmp_path):
    one = summary("net-a-step", 100, wall_seconds=50.0, train_seconds=40.0)
    assert measured([one], tmp_path).of(arm("net-a-step")) == 80


def test_what_is_evaluated_takes_a_third_of_what_is_trained(tmp_path):
    """A run of 1,000 images at 100 a second that evaluates 6,000: 10 s and 20 s; another of the
    same network that evaluates nothing takes no longer than its training."""
    one = summary("net-a-step", 100, "s", train_seconds=10.0, wall_seconds=30.0)
    found = measured([one], tmp_path, {"s": 6000})
    assert found.seconds(arm("net-a-step", "s") | {"evaluated": 6000}) == pytest.approx(30)
    assert found.seconds(arm("net-a-step", "new")) == pytest.approx(10)
    assert found.seconds(arm("net-a-step", "new", 300) | {"evaluated": 300}) == pytest.approx(4)
    half = summary("net-a-step", 100, "s", 50, train_seconds=5.0, wall_seconds=15.0)
    half["result"]["iterations"] = 100
    assert measured([half], tmp_path, {"s": 6000}).of(arm("net-a-step")) == pytest.approx(100)


def test_the_index_says_what_is_evaluated():
    arms = {"a": {"setting": "s", "evaluated": 5}, "b": {"setting": "t", "evaluated": 7}}
    index = {"p/x": {"scales": {"paper": {"a": arms["a"]}, "short": {"b": arms["b"]}}}}
    assert speeds.evaluated(index) == {"s": 5, "t": 7}


@pytest.mark.parametrize(
    "other",
    [
        {"hardware": "Another, 2 cores"},
        {"hardware": f"{NAME}, {CORES + 1} cores"},
        {"hardware": None},
        {"device": "A GPU"},
        {"iterations": 8},
    ],
    ids=str,
)
def test_other_machines_and_plumbing_say_nothing(tmp_path, monkeypatch, other: dict):
    monkeypatch.setattr(speeds, "gpus", list)
    assert measured([summary("net-a-step", 100)], tmp_path).of(arm("net-a-step")) == 100
    assert measured([summary("net-a-step", 100, **other)], tmp_path).of(arm("net-a-step")) is None


def test_a_run_beside_others_has_seen_some_cores_of_the_same_machine(tmp_path):
    one = summary("net-a-step", 100, hardware=f"{NAME}, 1 cores")
    assert measured([one], tmp_path).of(arm("net-a-step")) == 100


def test_where_there_is_a_gpu_the_processor_says_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(speeds, "gpus", lambda: ["0"])
    found = [summary("net-a-step", 100), summary("net-a-step", 900, device="A GPU")]
    assert measured(found, tmp_path).of(arm("net-a-step")) == 900


def test_the_benchmark_where_no_record_speaks(tmp_path):
    def case(name: str, speed: float):
        others = {"name": "plain PyTorch", "median": 1.0}
        return {"name": name, "timings": [{"name": "train.py", "median": speed}, others]}

    told = {"what": "training", "device": "cpu", "hardware": processor()}
    told["cases"] = [case("net-128", 50.0), case("net-512", 80.0)]
    (tmp_path / "cpu-training.json").write_text(json.dumps(told))
    found = measured([], tmp_path)
    assert found.of(arm("net-a-step", images=1000, iterations=10)) == 50
    assert found.of(arm("net-a-step", images=10000, iterations=20)) == 80
    assert measured([summary("net-b-step", 7)], tmp_path).of(arm("net-a-step")) == 7
    told["hardware"] = "Another, 2 cores"
    (tmp_path / "cpu-training.json").write_text(json.dumps(told))
    assert measured([], tmp_path).of(arm("net-a-step")) is None


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(None, "?"), (0.2, "< 1 s"), (75, "75 s"), (1500, "25 min"), (7200, "2 h"), (432000, "5 d")],
)
def test_times_in_words(seconds: float | None, words: str):
    assert lasting(seconds) == words


OTHER = {"hardware": "Another processor, 4 cores"}


def test_another_machine_gives_an_estimate_where_nobody_measured_here(tmp_path, monkeypatch):
    monkeypatch.setattr(speeds, "gpus", list)
    found = measured([summary("net-a-step", 100, "s", **OTHER)], tmp_path)
    told = arm("net-a-step", images=1000)
    assert found.of(told) is None
    assert found.estimated(told)
    assert found.seconds(told) == 10
    assert lasting(found.seconds(told), found.estimated(told)) == "~10 s"


def test_an_estimate_is_scaled_by_what_both_machines_measured(tmp_path, monkeypatch):
    monkeypatch.setattr(speeds, "gpus", list)
    theirs = [summary("net-a-step", 100, "s", **OTHER), summary("big-a-step", 10, "t", **OTHER)]
    found = measured([*theirs, summary("net-a-step", 300, "s")], tmp_path)
    assert not found.estimated(arm("net-a-step"))
    assert found.seconds(arm("net-a-step", images=3000)) == 10
    assert found.seconds(arm("big-a-step", images=300)) == pytest.approx(10)


def test_a_processor_estimates_nothing_for_a_gpu(tmp_path, monkeypatch):
    monkeypatch.setattr(speeds, "gpus", lambda: ["0"])
    assert (
        measured([summary("net-a-step", 100, **OTHER)], tmp_path).seconds(arm("net-a-step")) is None
    )
