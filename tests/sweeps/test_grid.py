"""What a sweep's words mean: Hydra's grammar, the values varied, one plan a job."""

import pytest

from disciplined.mistakes import Mistake
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


@pytest.mark.parametrize("wrong", ["seed=0,x", "model=lenet,lenit", "seed=range("])
def test_one_job_that_could_not_run_is_a_mistake(wrong: str):
    with pytest.raises(Mistake):
        expand([*BASE, wrong])
