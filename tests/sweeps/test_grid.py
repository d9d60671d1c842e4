"""What a sweep's words mean: Hydra's grammar, the values varied, one plan a job."""

import sys

import pytest

from disciplined.mistakes import Mistake
from disciplined.sweeps import launchers
from disciplined.sweeps.grid import expand

BASE = ["model=lenet", "dataset=mnist"]


def test_every_combination_in_hydras_order():
    places = expand([*BASE, "weight_decay.value=1e-4,1e-3", "seed=0,1", "hydra.launcher.jobs=2"])
    assert [p.varied for p in places] == [
        {"weight_decay.value": "0.0001", "seed": "0"},
        {"weight_decay.value": "0.0001", "seed": "1"},
        {"weight_decay.value": "0.001", "seed": "0"},
        {"weight_decay.value": "0.001", "seed": "1"},
    ]
    assert all(not o.startswith("hydra") for p in places for o in p.overrides)
    assert len({p.plan.key for p in places}) == 4
    assert places[1].name == "weight_decay.value=0.0001 seed=1"


def test_ranges_and_groups():
    places = expand(["model=lenet,three_layer", "dataset=mnist", "seed=range(3)"])
    assert [p.varied["model"] for p in places] == ["lenet"] * 3 + ["three_layer"] * 3
    assert [p.varied["seed"] for p in places] == ["0", "1", "2"] * 2


def test_a_grid_of_one_varies_nothing():
    (place,) = expand(BASE)
    assert place.varied == {} and place.name == "one job"


def test_a_glob_takes_the_choices_of_a_group():
    assert [p.varied["optimizer"] for p in expand([*BASE, "optimizer=glob(*grad)"])] == [
        "adagrad",
        "keras_adagrad",
    ]


def test_jobs_that_ask_for_the_same_run_are_one():
    assert len(expand([*BASE, "seed=0,0,1"])) == 2
    assert len(expand([*BASE, "duration=12ep,1406it"])) == 1


@pytest.mark.parametrize("forced", ["true", "1", "yes"])
def test_force_is_what_the_config_makes_of_it(forced: str):
    assert all(p.asked.force for p in expand([*BASE, "seed=0,1", f"force={forced}"]))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("seed=0,x", "seed=x"),
        ("model=lenet,lenit", "lenit"),
        ("seed=range(", ""),
        ("seed=range(0)", "empty range"),
        ("weight_decay.value=interval(0,1)", ""),
        ("output_dir=a,b", "the same for every job"),
        ("trainer.threads=1,2", "the same for every job"),
        ("hydra.launcher.jobs=0", "whole number"),
        ("hydra.launcher.job=2", "did you mean hydra.launcher.jobs"),
        ("hydra/launcher=joblob", "hydra/launcher"),
        ("hydra.sweeper.params=1", "hydra/launcher and hydra.launcher"),
    ],
)
def test_what_cannot_run_is_a_mistake_in_one_line(wrong: str, said: str):
    with pytest.raises(Mistake) as mistake:
        expand([*BASE, wrong])
    assert said in str(mistake.value) and "\n" not in str(mistake.value)


def test_a_mistake_of_one_combination_names_it():
    with pytest.raises(Mistake) as mistake:
        expand([*BASE, "duration=30it,10it", "schedule.stepsize=5it,20it"])
    assert str(mistake.value).startswith("duration=10it schedule.stepsize=20it: ")


def test_an_engine_that_is_not_installed_is_named_with_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)  # as Python does without the package
    with pytest.raises(Mistake) as mistake:
        expand([*BASE, "hydra/launcher=ray"])
    assert "ray is not installed; uv sync --extra ray" in str(mistake.value)


def test_what_a_launchers_file_lacks_is_added_with_a_plus(monkeypatch):
    monkeypatch.setattr(launchers, "needs", lambda _: None)
    memory = "+hydra.launcher.ray.remote.memory=8e9"
    (place,) = expand([*BASE, "hydra/launcher=ray", memory])
    assert place.overrides == tuple(BASE)
