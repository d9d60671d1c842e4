"""From a study to runs: overrides, lengths, keys."""

import pytest

from disciplined.mistakes import Mistake
from disciplined.studies.expansion import distinct, expand, value_text, written
from disciplined.studies.study import SCALES
from disciplined.studies.study_file import load
from disciplined.training.config import compose
from disciplined.training.planning import plan


@pytest.mark.parametrize("scale", SCALES)
def test_a_run_is_what_train_py_would_be_told(planted, scale: str):
    run = expand(planted(), scale, seeds=2)[-1]
    assert plan(compose(list(run.overrides))).key == run.key


def test_the_published_lengths_come_out():
    arms = ["1cycle-cm95-85", "resnet56-step-95", "resnet56-1cycle-95"]
    runs = {r.arm: r for r in expand(load("disciplined/table1"), "paper", arms=arms, seeds=1)}
    assert runs["1cycle-cm95-85"].plan.iterations == 9765
    assert runs["1cycle-cm95-85"].plan.learning_rate.value(4296) == pytest.approx(0.005)
    assert runs["resnet56-step-95"].plan.iterations == 9277
    assert runs["resnet56-1cycle-95"].plan.learning_rate.value(4003) == pytest.approx(0.8)


def test_seeds_come_first_so_that_a_part_is_balanced(planted):
    runs = expand(planted(), "paper")
    assert [(r.seed, r.arm) for r in runs[:4]] == [(0, "a"), (0, "b"), (0, "c"), (1, "a")]
    assert len({r.key for r in runs}) == 12
    assert len({r.plan.setting for r in runs}) == 3


def test_short_is_a_tenth_and_smoke_a_handful_with_three_tests(planted):
    study = planted()
    assert expand(study, "short")[0].plan.iterations == 10
    smoke = expand(study, "smoke")[0].plan
    assert smoke.iterations <= 8
    assert smoke.iterations // smoke.evaluate_every >= 3


def test_the_same_run_of_two_studies_is_run_once(planted):
    runs = [*expand(planted(), "paper", seeds=1), *expand(planted(), "paper", seeds=1)]
    assert [r.arm for r in distinct(runs)] == ["a", "b", "c"]


def test_an_impossible_override_names_study_and_arm(planted):
    study = planted(("schedule.max_lr: 2", "schedule.top: 2"))
    with pytest.raises(Mistake, match=r"test/planted: arm b: schedule\.top=2"):
        expand(study, "paper")


def test_unknown_arm_and_scale(planted):
    with pytest.raises(Mistake, match="arms=d"):
        expand(planted(), "paper", arms=["d"])
    with pytest.raises(Mistake, match="scale=papr: did you mean paper"):
        expand(planted(), "papr")


def test_values_are_written_as_hydra_reads_them():
    assert written({"schedule.lr": 1e-5, "schedule": "step", "x": None}) == (
        "schedule=step",
        "x=null",
        "schedule.lr=1e-05",
    )
    assert value_text(["50000it", True]) == "[50000it,true]"
