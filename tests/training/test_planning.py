"""Iterations, schedules and keys: what changes a record's key, and what must not."""

import pytest

from disciplined.mistakes import Mistake
from disciplined.training.config import compose
from disciplined.training.planning import plan

BARE = plan(compose([]))
HIS_TEST_NET = ("model=superconv_resnet56", "evaluation.protocol=as_published")


def planned(*overrides):
    return plan(compose(list(overrides)))


def test_the_bare_command_is_the_published_run():
    assert BARE.iterations == 9277
    assert BARE.learning_rate.value(0) == 0.08
    assert BARE.learning_rate.value(4003) == 0.8
    assert BARE.learning_rate.value(8006) == pytest.approx(8e-5)
    assert BARE.learning_rate.value(7000) == pytest.approx(0.201, abs=5e-5)
    assert (BARE.momentum.value(0), BARE.momentum.value(4003)) == (0.95, pytest.approx(0.85))
    assert BARE.weight_decay.value(0) == 1e-4
    assert BARE.total_batch_size == 512
    assert BARE.batch_norm_maf == 0.9
    assert BARE.augmentation == "mirror"
    assert BARE.asked["optimizer"]["nesterov"] is True
    assert BARE.asked["optimizer"]["convention"] == "caffe"
    assert (
        BARE.learning_rate.describe(BARE.iterations_per_epoch)
        == "0.08 ↗ 0.8 (41ep) ↘ 0 (41ep), 8e-05"
    )


CHANGES = [
    "model=superconv_resnet56",
    "model.network.filler=xavier",
    "dataset=cifar100",
    "seed=1",
    "duration=94ep",
    "total_batch_size=256",
    "evaluate_every=2ep",
    "train_size=10000",
    "dataset.validation=5000",
    "augmentation=none",
    "augmentation=crop",
    "augmentation=mirror_crop",
    "augmentation=cutout",
    "precision=fp32",
    "optimizer=sgd",
    "optimizer=adam",
    "clipping=constant",
    "schedule=own schedule.function=math.sqrt",
    "schedule=plateau schedule.monitor=train_loss",
    "schedule.max_lr=0.7",
    "schedule=onecycle_as_written",
    "momentum=constant",
    "weight_decay.value=1e-3",
    "batch_norm.maf=0.95",
    "batch_norm.groups=8",
    "batch_norm.evaluate=batch",
    "evaluation.protocol=as_published",
    "evaluation.images=100",
    "scale=0.5",
    "dataset.load._target_=mine.cifar10",
    "+dataset.load.of=7",
]
LEAVES = [
    "dataset.load.download=false",
    "data_dir=elsewhere",
    "output_dir=elsewhere",
    "force=true",
    "dry_run=true",
    "logger=wandb",
    "trainer=cpu",
    "trainer=ddp",
    "trainer.threads=1",
    "trainer.workers=3",
    "trainer.compile=never",
    "trainer.accumulate=2",
    "trainer.checkpoint_seconds=5",
    "evaluation.batch_size=100",
    "duration=9277it",
    "schedule.stepsize=41ep",
    "schedule.stepsize=4003it",
    "augmentation=mirror",
]


@pytest.mark.parametrize("override", CHANGES)
def test_what_changes_the_result_changes_the_key(override):
    assert planned(*override.split()).key.rpartition("-")[2] != BARE.key.rpartition("-")[2]


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        ("schedule=constant schedule.lr=-1", "schedule.lr=-1.0: expected a finite"),
        ("weight_decay=cosine weight_decay.value=-1", "weight_decay.value=-1.0: expected a finite"),
        ("weight_decay=linear weight_decay.end=-1", "weight_decay.end=-1.0: expected a finite"),
        (
            "weight_decay=triangular weight_decay.low=2 weight_decay.high=1",
            "weight_decay.high=1: expected at least weight_decay.low=2; raise high or lower low",
        ),
        ("clipping=constant clipping.value=0", "clipping: a limit of 0 leaves nothing"),
        ("optimizer=adagrad momentum=constant", "momentum=0.9: AdaGrad has no momentum"),
    ],
)
def test_what_a_policy_refuses_is_told_by_the_settings_name(overrides, said):
    with pytest.raises(Mistake) as caught:
        planned(*overrides.split())
    assert str(caught.value).startswith(said)


@pytest.mark.parametrize("override", LEAVES)
def test_what_leaves_the_result_leaves_the_key(override):
    assert planned(override).key == BARE.key


@pytest.mark.parametrize(
    ("overrides", "evaluated"),
    [
        (["duration=100it", "evaluate_every=30it"], 4 * 10_000),
        (["duration=90it", "evaluate_every=30it"], 3 * 10_000),
        (["duration=90it", "evaluate_every=30it", "dataset.validation=5000"], 3 * 15_000),
        (["duration=90it", "evaluate_every=30it", "evaluation.images=64"], 3 * 64),
        ([*HIS_TEST_NET, "duration=90it", "evaluate_every=30it"], 3 * 25_000),
    ],
    ids=["the last is one", "every 30th", "held out as well", "at most", "his test net"],
)
def test_what_is_evaluated_is_counted(overrides: list[str], evaluated: int):
    assert planned(*overrides).evaluated == evaluated


def test_seeds_share_a_setting():
    assert planned("seed=3").setting == BARE.setting


def test_a_schedule_is_its_function_in_the_key():
    """A swing of nothing is a constant momentum only where their segments are the same."""
    a = planned("momentum=constant", "momentum.value=0.9")
    b = planned("momentum=constant", "momentum.value=0.90")
    assert a.key == b.key


def test_scale_shortens_lengths_and_follows_with_the_batch_norm_fraction():
    short = planned("scale=0.1")
    assert short.iterations == 927
    assert short.batch_norm_maf == pytest.approx(0.9**10)
    assert short.asked["network"]["batch_norm"]["maf"] == short.batch_norm_maf
    assert short.learning_rate.value(400) == pytest.approx(0.8, rel=1e-3)


def test_subset_and_validation_shorten_the_epoch():
    p = planned("dataset.validation=5000", "train_size=10000")
    assert p.train_images == 10000
    assert p.iterations == 95 * 10000 // 512


@pytest.mark.parametrize(
    ("model", "dataset", "iterations"),
    [
        ("three_layer", "cifar10", 9765),
        ("lenet", "mnist", 1406),
        ("superconv_resnet56", "cifar10", 10000),
    ],
)
def test_the_other_networks_bare_lengths(model, dataset, iterations):
    assert planned(f"model={model}", f"dataset={dataset}").iterations == iterations


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("seed=4294967296", "expected a whole number from 0 to 4294967295"),
        ("scale=inf", "expected a positive number"),
        ("trainer.threads=-1", "expected a positive number"),
        ("trainer.strategy=foo", "expected auto or ddp"),
        ("dataset.load=null", "expected a choice of the group"),
        ("duration=10000000000it", "at most 100,000,000"),
    ],
)
def test_ranges(override, said):
    with pytest.raises(Mistake, match=said):
        plan(compose([override]))


def test_a_swing_between_equal_ends_is_the_constant_that_it_is():
    fixed = plan(compose(["momentum=constant", "momentum.value=0.9"]))
    flat = plan(compose(["momentum=cyclical", "momentum.at_base_lr=0.9", "momentum.at_max_lr=0.9"]))
    assert flat.key == fixed.key


def test_what_is_trained_is_the_same_however_often_it_is_measured():
    often, seldom = (plan(compose([f"evaluate_every={every}"])) for every in ("100it", "5ep"))
    assert often.setting != seldom.setting and often.trained == seldom.trained


def test_the_order_of_the_data_is_part_of_the_key_unless_it_is_the_usual():
    usual, named, filed = (
        plan(compose(o)) for o in ([], ["dataset.order=shuffled"], ["dataset.order=file"])
    )
    assert usual.key == named.key != filed.key
