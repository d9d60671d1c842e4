"""Composition: every mistake is one line that names the setting; nothing here imports torch."""

import subprocess
import sys

import pytest

from disciplined.mistakes import Mistake
from disciplined.training import config
from disciplined.training.planning import plan

TRAINED = ("schedule", "momentum", "weight_decay", "clipping", "optimizer")  # test_every_choice
OWN = ("folder", "large_folder", "table", "torchvision")  # data that a reader brings
MISTAKES = [
    (["dry_run=maybe"], "dry_run=maybe: expected true or false"),
    (["data_dir=null"], "data_dir=null: expected a value"),
    (["~model"], "~model: nothing can be left out"),
    (["+foo=1"], "+foo=1: no such setting"),
    (["+trainer.foo=1"], "+trainer.foo=1: no such setting"),
    (["model=null"], "Config group override must be a string"),
    (["model=resnt56"], "model=resnt56: no such choice; there are alexnet, "),
    (["schedule=cosin"], "schedule=cosin: no such choice"),
    (["sed=1"], "sed=1: no such setting; did you mean seed?"),
    (["schedule.max_lrr=3"], "did you mean schedule.max_lr?"),
    (["dataset.validaton=3"], "did you mean dataset.validation?"),
    (["seed=x"], "seed=x: expected a whole number"),
    (["seed=1.5"], "seed=1.5: expected a whole number"),
    (["seed=-1"], "seed=-1: expected a whole number from 0"),
    (["schedule.max_lr=high"], "schedule.max_lr=high: expected a number"),
    (["schedule.max_lr=-1"], "schedule.max_lr=-1"),
    (["momentum.at_base_lr=fast"], "momentum.at_base_lr=fast: expected a number"),
    (["weight_decay.value=-1"], "weight_decay.value=-1"),
    (["duration=41"], "duration=41: a length needs its unit"),
    (["schedule.stepsize=100ep"], "longer than the run"),
    (["schedule.stepsize=x"], "schedule.stepsize=x"),
    (["total_batch_size=0"], "total_batch_size=0: expected a positive number"),
    (["total_batch_size=510"], "batch_norm.groups=4: does not divide total_batch_size=510"),
    (["trainer=ddp", "trainer.devices=3"], "total_batch_size=512: does not divide over 3"),
    (
        ["trainer=ddp", "batch_norm.groups=1"],
        "batch_norm.groups=1: the groups are counted over all",
    ),
    (["train_size=100000"], "train_size=100000: cifar10 has 50000 training images"),
    (["dataset.validation=50000"], "dataset.validation=50000"),
    (["dataset=digits", "augmentation=mirror"], "augmentation=mirror: a mirrored image of digits"),
    (["batch_norm.maf=2"], "batch_norm.maf=2"),
    (
        ["evaluation.protocol=fulll"],
        "evaluation.protocol=fulll: expected one of [full, as_published]",
    ),
    (["model"], "model"),
    (["schedule._target_=os.nothing"], "schedule._target_=os.nothing: no such function"),
]


@pytest.mark.parametrize(("overrides", "said"), MISTAKES, ids=[" ".join(m[0]) for m in MISTAKES])
def test_a_mistake_is_one_line_that_names_the_setting(overrides, said):
    with pytest.raises(Mistake) as found:
        plan(config.compose(overrides))
    text = str(found.value)
    assert said in text
    assert "\n" not in text


@pytest.mark.parametrize("group", sorted(set(config.groups()) - set(TRAINED)))
def test_every_choice_composes(group):
    for name in config.choices(group):
        if group == "dataset" and name in OWN:  # test_own_data
            with pytest.raises(Mistake, match=r"dataset\.load"):
                config.compose([f"{group}={name}"])
            continue
        extra = [] if group in ("dataset", "recipe") else ["dataset=digits"]
        cfg = config.compose([f"{group}={name}", *extra])
        assert cfg is not None


def test_help_lists_groups_choices_and_keys():
    text = config.help_text()
    for group, names in config.groups().items():
        assert group in text
        assert all(name in text for name in names)
    for key in ("duration", "total_batch_size", "seed", "evaluate_every", "train_size", "data_dir"):
        assert key in text


def test_planning_imports_no_torch():
    code = (
        "import sys; from disciplined.training.config import compose, help_text;"
        "from disciplined.training.planning import plan; from disciplined.training import words;"
        "words.beginning(plan(compose([]))); help_text(); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
