"""Many configs at once are those that Hydra composes one by one, and Hydra is asked a few times."""

import itertools
import re
from pathlib import Path

import pytest

from disciplined.mistakes import Mistake
from disciplined.sweeps.grid import expand
from disciplined.training import composing
from disciplined.training.composing import Family, value_of
from disciplined.training.config import compose
from disciplined.training.planning import plan
from disciplined.training.resolved import resolved

BASE = ["model=lenet", "dataset=mnist"]
KINDS = {
    "free values": ["weight_decay.value=1e-4,3e-3", "seed=0,7", "evaluation.images=null,64"],
    "values that others follow": ["schedule.stepsize=0.3dur,2ep", "model.suggested.lr=0.1,0.2"],
    "both": ["duration=2ep,4ep", "total_batch_size=64,128", "momentum.at_max_lr=0.7,0.8"],
    "choices": ["model=lenet,three_layer", "dataset=mnist", "schedule=step,constant", "seed=0,1"],
    "choices without a common setting": ["optimizer=sgd,adam,lamb", "weight_decay.value=0.1,0.2"],
    "recipes": ["recipe=lenet,three_layer", "seed=3,4", "precision=fp32,bf16"],
    "enumerations and truths": ["precision=fp32,auto", "augmentation=none,crop", "force=true,no"],
    "lists": ["schedule=piecewise_constant", "schedule.values=[0.1,0.01],[0.2,0.02]",
              "schedule.milestones=[1ep],[2ep]", "momentum=constant", "seed=1,2"],
    "added": ["schedule=own", "schedule.function=my_rates.rate", "+schedule.top=0.2,0.3", "seed=0"],
    "added or changed": ["++optimizer.nesterov=true,false", "seed=0,1"],
    "interpolations": ["schedule.max_lr=${schedule.base_lr},0.2", "schedule.base_lr=0.01,0.02"],
    "what an override refers to": ["total_batch_size=${seed}", "seed=64,128", "force=true,false"],
    "a relative one": ["schedule.max_lr=${.base_lr}", "schedule.base_lr=0.01,0.02", "seed=0,1"],
    "an indirect one": ["schedule.max_lr='${schedule.${data_dir}}'", "data_dir=base_lr", "seed=0"],
    "quoted": ["data_dir='a b','c,d'", "seed=0,1", "output_dir=\"x=y\",'1'"],
    "the data's": ["dataset.validation=100,200", "dataset.name=one,two", "train_size=1000,null"],
    "a key twice": ["seed=1", "seed=2,3", "weight_decay.value=0.1,0.2"],
    "a group of settings": ["evaluation={images:3},{images:4}", "evaluation.batch_size=10,20"],
    "numbers of all kinds": ["seed=1_0,007", "weight_decay.value=.5,5.,1E-3,+2", "scale=1,2"],
    "targets": ["schedule._target_=disciplined.schedules.cycles.onecycle,"
                "disciplined.schedules.cycles.onecycle_as_written", "seed=0,1"],
}  # fmt: skip


def spanned(overrides: list[str]) -> list[tuple[str, ...]]:
    """The jobs of a grid, by commas outside brackets and quotes."""

    def choices(override: str) -> list[str]:
        key, _, values = override.partition("=")
        apart = re.findall(r"""(?:\[[^]]*\]|\{.*?\}|'[^']*'|"[^"]*"|[^,])+""", values)
        return [f"{key}={value}" for value in apart]

    return list(itertools.product(*map(choices, overrides)))


def said(make) -> object:
    """What is made, or the mistake in words."""
    try:
        return make()
    except Mistake as mistake:
        return str(mistake)


@pytest.mark.parametrize("kind", KINDS)
def test_every_job_has_the_config_that_hydra_composes(kind: str, tmp_path: Path, monkeypatch):
    jobs = spanned(KINDS[kind] if "model" in KINDS[kind][0] else [*BASE, *KINDS[kind]])
    family = Family(jobs)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "my_rates.py").write_text("def rate(iteration, top):\n    return top / 2\n")
    good = 0
    for job in jobs:
        whole = said(lambda job=job: resolved(compose(list(job))))
        assert said(lambda job=job: family.config(job)[0]) == whole
        if isinstance(whole, dict):
            mine, alone = (said(lambda f=f: f()) for f in (
                lambda job=job: family.planned(job)[1], lambda whole=whole: plan(whole)
            ))  # fmt: skip
            assert str(mine) == str(alone)
            good += not isinstance(mine, str)
    assert good or kind == "choices without a common setting"


@pytest.mark.parametrize(
    "wrong",
    [
        "seed=0,x", "seed=0,-1", "seed=0,4294967296", "weight_decay.value=0.1,-1", "nothing=1,2",
        "~seed,seed=1", "+foo=1,2", "schedule.max_lr=0.2,[1]", "precision=fp32,fp8", "seed=1,null",
        "schedule.stepsize=0.2dur,100ep", "evaluation=1,2", "weight_decay=0.1,0.2",
    ],
)  # fmt: skip
def test_a_mistake_is_told_as_of_a_job_alone(wrong: str):
    jobs = spanned([*BASE, wrong, "schedule.base_lr=0.01,0.02"])
    family = Family(jobs)
    told = [said(lambda job=job: family.planned(job)[1].key) for job in jobs]
    assert told == [said(lambda job=job: plan(compose(list(job))).key) for job in jobs]
    assert any(" " in str(one) for one in told)


@pytest.mark.parametrize(
    "text",
    ["0", "7", "10", "0.5", "0.10", "123456789012345678901", "007", "1.", "-1", "1_0", "1e3"],
)
def test_numbers_are_read_as_hydra_reads_them(text: str):
    mine, hydras = value_of(f"seed={text}"), composing.parsed(f"seed={text}").value()
    assert (type(mine), mine) == (type(hydras), hydras)


def test_a_large_grid_is_composed_a_few_times(tmp_path):
    """Once for every pair of a choice and a value that others follow, however many jobs."""
    composing.composed.cache_clear()
    composing.with_choices.cache_clear()
    places = expand(
        [
            *("model=lenet,three_layer", "dataset=mnist", f"output_dir={tmp_path}"),
            *("schedule.stepsize=0.3dur,0.4dur", "weight_decay.value=1e-4,1e-3,1e-2"),
            *("schedule.max_lr=range(1,11)", "seed=range(5)"),
        ]
    )
    assert len({p.plan.key for p in places}) == 2 * 2 * 3 * 10 * 5
    assert composing.with_choices.cache_info().misses == 2
    assert composing.composed.cache_info().misses == 2 * 2
