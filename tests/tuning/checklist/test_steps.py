"""What each step of the checklist runs: exact overrides, and what it refuses."""

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

from disciplined.mistakes import Mistake
from disciplined.training.config import compose
from disciplined.training.planning import plan
from disciplined.tuning.checklist import facts, options, steps, values
from disciplined.tuning.checklist.facts import Facts
from disciplined.tuning.checklist.options import Options
from disciplined.tuning.checklist.steps import Try

KNOWN = Facts(
    train_images=45_000,
    validation=5_000,
    total_batch_size=512,
    classes=10,
    max_lr=0.8,
    weight_decay=1e-4,
)
MODEL = ["model=resnet56", "duration=1000it"]


def of(*overrides: str, **asked) -> list[list[Try]]:
    chosen = Options(**asked)
    options.check(chosen, list(overrides))
    return steps.planned(chosen, list(overrides), KNOWN)


def test_a_range_test_over_decades_for_every_seed():
    ((first, second),) = of("model=resnet56", step="lr", seeds=2)
    assert first.overrides == (
        *("schedule=range_test_exponential", "model=resnet56", "dataset.validation=5000"),
        *("duration=352it", "evaluate_every=7it"),  # four epochs of 45,000 at 512
        *("schedule.base_lr=1e-05", "schedule.max_lr=10", "evaluation.images=2000", "seed=0"),
    )
    assert second.overrides == (*first.overrides[:-1], "seed=1")


def test_a_straight_range_test_ends_at_four_times_the_suggestion():
    ((one,),) = of(*MODEL, "evaluation.images=100", step="lr", shape="linear")
    assert {"schedule=range_test", "schedule.base_lr=0", "schedule.max_lr=3.2"} < set(one.overrides)
    assert "evaluation.images=2000" not in one.overrides
    ((one,),) = of(*MODEL, step="lr", shape="linear", low="0.1", high="3")
    assert {"schedule.base_lr=0.1", "schedule.max_lr=3"} < set(one.overrides)


@pytest.mark.parametrize(
    ("own", "said", "given"),
    [
        (0.95, (), ["batch_norm.maf=0.857143"]),  # of seven updates, not of twenty
        (0.5, (), ["batch_norm.maf=0.5"]),
        (0.95, ("batch_norm.maf=0.9",), ["batch_norm.maf=0.9"]),
        (None, (), []),
    ],
)
def test_batch_norms_average_is_of_a_points_updates(own: float | None, said, given: list[str]):
    known = dataclasses.replace(KNOWN, maf=own)
    (wave,) = steps.planned(Options(step="lr"), ["model=resnet56", *said], known)
    assert [o for o in wave[0].overrides if o.startswith("batch_norm.maf")] == given


def test_momenta_with_the_rate_rising_the_first_seed_of_each_first():
    (wave,) = of(*MODEL, "schedule.max_lr=3", step="momentum", seeds=2)
    assert [(t.value, t.seed) for t in wave] == [
        *((m, 0) for m in (0.9, 0.95, 0.97, 0.99)),
        *((m, 1) for m in (0.9, 0.95, 0.97, 0.99)),
    ]
    assert wave[2].overrides == (
        *("schedule=range_test", "momentum=constant", "model=resnet56", "schedule.max_lr=3"),
        *("dataset.validation=5000", "duration=1000it", "evaluate_every=50it"),
        *("momentum.value=0.97", "seed=0"),
    )


def test_a_schedule_of_ones_own_for_the_momenta():
    (wave,) = of(*MODEL, "schedule=cosine", step="momentum", values="0.8,0.85")
    assert [o for o in wave[0].overrides if o.startswith("schedule")] == ["schedule=cosine"]
    assert [t.value for t in wave] == [0.8, 0.85]


def test_rates_over_decades():
    (wave,) = of(*MODEL, step="sensitivity")
    assert [t.overrides[-2] for t in wave] == [
        f"schedule.lr={lr}" for lr in ("0.0001", "0.001", "0.01", "0.1", "1")
    ]
    assert all("schedule=constant" in t.overrides for t in wave)


def test_weight_decays_from_a_snapshot():
    first, second = of(*MODEL, "schedule.max_lr=0.8", step="weight_decay", values="0,1e-3")
    common = ("schedule=triangular", "momentum=constant", "model=resnet56", "schedule.max_lr=0.8")
    common += ("dataset.validation=5000", "schedule.stepsize=1000it")
    assert [t.overrides for t in first] == [
        (
            *(*common, "duration=500it", "evaluate_every=25it"),
            "schedule._target_=disciplined.tuning.checklist.beginning.beginning",
            *("weight_decay.value=0.0001", "seed=0"),
        )
    ]
    assert [t.overrides for t in second] == [
        (
            *(*common, "duration=1000it", "evaluate_every=25it"),
            *("weight_decay=piecewise_constant", f"weight_decay.values=[0.0001,{v}]"),
            *("weight_decay.milestones=[500it]", "seed=0"),
        )
        for v in ("0", "0.001")
    ]
    assert {t.begins for t in second} == {first[0].overrides}


def test_the_snapshot_has_the_rates_and_the_data_of_what_goes_on_from_it():
    asked = ["model=resnet56", "duration=1000it", "schedule.base_lr=0.08", "momentum=cyclical"]
    first, second = of(*asked, step="weight_decay", values="1e-3")
    begun, whole = (plan(compose(list(wave[0].overrides))) for wave in (first, second))
    at = np.arange(begun.iterations + 1)  # and that of the row behind its last update
    for name in ("learning_rate", "momentum"):
        ours, theirs = getattr(begun, name), getattr(whole, name)
        assert ours.values(at).tolist() == theirs.values(at).tolist()
        assert len(set(ours.values(at))) == len(at)
    assert (
        begun.weight_decay.values(at[:-1]).tolist() == whole.weight_decay.values(at[:-1]).tolist()
    )
    assert whole.weight_decay.value(500) == 1e-3
    differing = {k for k in whole.asked if whole.asked[k] != begun.asked.get(k)}
    assert differing == {"schedule", "momentum", "weight_decay", "iterations"}


@pytest.mark.parametrize(
    ("suggested", "decays"),
    [
        (3e-3, [1e-4, 1e-3, 1e-2]),
        (0.0, [1e-4, 1e-3, 1e-2]),
        (1e-4, [0, 1e-6, 1e-5, 1e-4]),
        (3e-6, [0, 1e-6, 1e-5, 1e-4]),
    ],
)
def test_the_weight_decays_of_shallow_and_deep_networks(suggested: float, decays: list[float]):
    known = Facts(45_000, 5_000, 512, 10, 0.8, suggested)
    assert values.of(Options(step="weight_decay"), known) == decays


def test_whole_runs_for_the_weight_decays():
    (wave,) = of(*MODEL, "schedule=onecycle", step="weight_decay", snapshot=False)
    assert wave[0].overrides[0] == "model=resnet56" and wave[0].begins is None
    assert [t.overrides[-2] for t in wave] == [
        f"weight_decay.value={v}" for v in ("0", "1e-06", "1e-05", "0.0001")
    ]


def test_batch_sizes_one_after_the_other():
    waves = of("model=resnet56", step="batch")
    assert [[t.value for t in wave] for wave in waves] == [[2.0**n] for n in range(5, 13)]
    assert waves[0][0].overrides[-5:] == (
        *("total_batch_size=32", "duration=16it", "evaluate_every=1dur"),
        *("evaluation.images=64", "seed=0"),
    )
    assert "duration=6it" in waves[-1][0].overrides
    few = Facts(90, 10, 32, 3, 0.1, 0)
    assert values.of(Options(step="batch"), few) == [32, 64]


@pytest.mark.parametrize("step", list(options.OWN))
def test_every_step_of_every_kind_of_network_composes(step: str):
    for overrides in (["recipe=blobs"], ["model=resnet56", "dataset=digits", "optimizer=adam"]):
        chosen = Options(step=step)
        cfg = compose([*steps.groups(chosen, overrides), *overrides])
        known = facts.of(cfg, overrides)
        for one in (wave[0] for wave in steps.planned(chosen, overrides, known)):
            made = plan(compose(list(one.overrides)))
            assert made.asked["validation"] == known.validation > 0


def test_a_tenth_is_held_out_and_at_least_an_image_a_class():
    digits = facts.of(compose(["dataset=digits"]), [])
    assert (digits.validation, digits.train_images) == (143, 1437 - 143)
    said = ["dataset=digits", "dataset.validation=300"]
    assert facts.of(compose(said), said).validation == 300
    few = ["dataset=digits", "dataset.train_images=50"]
    assert facts.of(compose(few), few).validation == 10


@pytest.mark.parametrize(
    ("asked", "overrides", "said"),
    [
        ({}, [], "step= is missing: there are lr, momentum"),
        ({"step": "moment"}, [], "step=moment: did you mean momentum?"),
        ({"step": "momentum", "low": "1"}, [], "low=1: step=momentum has no such setting; it is"),
        ({"step": "lr", "values": "1"}, [], "one of step=momentum, step=sensitivity, step=weight"),
        ({"step": "lr", "snapshot": False}, [], "snapshot=False: step=lr has no such setting"),
        ({"step": "lr", "shape": "square"}, [], "shape=square: there are exponential, linear"),
        ({"step": "lr", "low": "2", "high": "1"}, [], "high=1: expected more than low=2"),
        ({"step": "lr", "low": "0"}, [], "low=0: decades do not begin at 0"),
        ({"step": "lr", "high": "x"}, [], "high=x: expected a number from 0 on"),
        ({"step": "lr"}, ["schedule.max_lr=1"], "schedule.max_lr=1: step=lr decides that; low="),
        ({"step": "lr"}, ["seed=3"], "seed=3: step=lr decides that; seeds="),
        ({"step": "lr"}, ["scale=0.1"], "scale=0.1: step=lr decides that; duration="),
        ({"step": "lr"}, ["dataset.validation=0"], "only validation decides"),
        ({"step": "momentum"}, ["momentum=cyclical"], "values= says which momenta"),
        ({"step": "momentum", "values": "0.9,1"}, [], "values=0.9,1: a momentum is from 0 to"),
        ({"step": "momentum", "values": "[0.9,]"}, [], "values=: expected a number from 0 on"),
        ({"step": "sensitivity"}, ["schedule.lr=1"], "values= says which constant rates"),
        ({"step": "sensitivity", "values": "0"}, [], "values=0: a rate is more than 0"),
        ({"step": "weight_decay"}, ["schedule=onecycle"], "snapshot=false takes any"),
        ({"step": "weight_decay"}, ["weight_decay=cosine"], "values= says which weight decays"),
        ({"step": "weight_decay", "snapshot": False}, ["weight_decay.value=1"], "values= says"),
        ({"step": "batch"}, ["total_batch_size=64"], "values= says which sizes"),
        ({"step": "batch", "jobs": 2}, [], "jobs=2: runs beside each other"),
        ({"step": "batch", "values": "1.5"}, [], "values=1.5: a batch size is a whole number"),
        ({"step": "momentum"}, ["duration=3"], "duration=3: a length needs its unit"),
        (
            {"step": "lr"},
            ["duration=200it", "evaluate_every=50it"],
            "duration=200it, evaluated every 50it: a range test is read from 8 measurements on; "
            "evaluate more often",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_mistakes(asked: dict, overrides: list[str], said: str):
    with pytest.raises(Mistake) as caught:
        of(*overrides, **asked)
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_what_the_snapshot_may_be_told():
    asked: Callable[..., list] = of
    first, _ = asked("weight_decay.value=3e-3", "schedule.base_lr=0.1", step="weight_decay")
    assert "weight_decay.value=0.0001" in first[0].overrides  # the command's is in the facts
    cfg = compose(["weight_decay.value=3e-3"])
    assert facts.of(cfg, ["weight_decay.value=3e-3"]).weight_decay == 3e-3
