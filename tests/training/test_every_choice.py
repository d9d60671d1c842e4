"""Every model with every data set whose images it takes, and every choice of every other group:
composed by Hydra, trained for two updates, measured, recorded. Images are random where the real
ones would have to be downloaded; shapes and classes are the data sets' own.
"""

import math
from pathlib import Path

import pytest

from disciplined.mistakes import Mistake
from disciplined.training.config import choices, compose
from disciplined.training.record import Record
from disciplined.training.run import run

HERE = Path(__file__).parent
RGB = ["cifar10", "cifar100"]
SMALL = ["digits", "mnist", *RGB]
TABLES = ["blobs", "ionosphere"]
DATASETS = [*SMALL, "imagenet", *TABLES]
OWN = {"folder", "large_folder", "table", "torchvision"}  # the reader's: tests/training/test_own_*
# The data sets that a network takes; its own class and the rest are refused in a line.
FITS = {
    "alexnet": ["imagenet"],
    "cifar10_quick": SMALL,
    "densenet40": SMALL,
    "googlenet": [*RGB, "imagenet"],
    "inception_resnet_v2": ["imagenet"],
    "lenet": ["mnist", *RGB],
    "mlp_blobs": [*SMALL, *TABLES],
    "mlp_ionosphere": ["ionosphere"],
    "resnet50": [*RGB, "imagenet"],
    "resnet56": SMALL,
    "superconv_bottleneck56": SMALL,
    "superconv_resnet110": SMALL,
    "superconv_resnet20": SMALL,
    "superconv_resnet56": SMALL,
    "superconv_resnet56_dropout": SMALL,
    "superconv_resnext56": SMALL,
    "table4_resnet": SMALL,
    "table4_stochastic_depth": SMALL,
    "three_layer": SMALL,
    "three_layer_sigmoid_bn": SMALL,
    "timm": [*SMALL, "imagenet"],
    "torchvision": [*RGB, "imagenet"],
    "wide_resnet32": SMALL,
}
IMAGENETS = {"alexnet", "googlenet", "inception_resnet_v2", "resnet50", "timm", "torchvision"}
LARGE = "inception_resnet_v2"  # built in tests/models/test_configs.py; timm's other is trained
PAIRS = [(model, dataset) for model, fitting in FITS.items() for dataset in fitting]
# A CIFAR network would take ImageNet's pictures, in minutes.
REFUSED = [
    (model, dataset)
    for model, fitting in FITS.items()
    for dataset in DATASETS
    if dataset not in fitting and (dataset != "imagenet" or model in IMAGENETS)
]
ALIKE = {"ionosphere": "blobs", "cifar100": "cifar10"}  # tables; pictures in colours of one size
# What a choice cannot do without, beside the choice itself.
NEEDS = {
    "schedule=own": ["schedule.function=math.sqrt"],
    "schedule=plateau": ["dataset.validation=50"],
    "schedule=staged": [
        "schedule.base_lr=[0.01,0.001]",
        "schedule.max_lr=[0.1,0.01]",
        "schedule.stepsize=[1it,1it]",
        "schedule.milestones=[1it]",
    ],
    "schedule=cosine_restarts": ["schedule.period=1it"],
    "schedule=warmup_linear": ["schedule.warmup=1it"],
    "schedule=warmup_stable_decay": ["schedule.warmup=1it", "schedule.decay=1it"],
    "momentum=cyclical": ["schedule=triangular", "schedule.stepsize=1it"],
    "weight_decay=any": [
        "weight_decay._target_=disciplined.schedules.decays.rex",
        "+weight_decay.value=1e-3",
    ],
    "clipping=any": ["clipping._target_=disciplined.schedules.decays.rex", "+clipping.value=5"],
}
CHOSEN = [
    f"{group}={choice}"
    for group in ("schedule", "momentum", "weight_decay", "clipping", "optimizer")
    for choice in choices(group)
]


@pytest.fixture(autouse=True)
def importable(no_picture: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(HERE))


def two_updates(tmp_path: Path, *overrides: str) -> None:
    """Train two updates and look at the record."""
    common = ["duration=2it", "trainer=cpu", "trainer.threads=1", "precision=fp32"]
    cfg = compose([*common, *overrides, f"output_dir={tmp_path}"])
    assert run(cfg, quiet=True) == 0
    (folder,) = (tmp_path / "runs").iterdir()
    summary = Record(folder).finished()
    assert summary
    assert summary["result"]["iterations"] == 2
    assert math.isfinite(summary["result"]["final"]["test_loss"])


def on_random_images(model: str, dataset: str) -> list[str]:
    """A model on images of the data set's shape, at rates at which nothing diverges."""
    batch = 4 if dataset == "imagenet" else 16
    return [
        *(f"model={model}", f"dataset={dataset}"),
        "dataset.load._target_=random_images.random_images",
        "+dataset.load.shape=${dataset.image_shape}",
        "+dataset.load.labels=${dataset.classes}",
        *("+dataset.load.train=32", "+dataset.load.test=4"),
        *("dataset.train_images=32", "dataset.test_images=4", f"total_batch_size={batch}"),
        *("schedule=constant", "schedule.lr=1e-5"),
    ]


def test_every_model_is_here() -> None:
    assert set(FITS) == set(choices("model")) - {"own"}  # tests/models/test_own.py
    assert set(DATASETS) | OWN == set(choices("dataset"))
    assert (len(PAIRS), len(REFUSED), len(CHOSEN)) == (82, 62, 62)


def needs_package(model: str) -> None:
    if model in ("timm", "inception_resnet_v2"):
        pytest.importorskip("timm")
    if model in ("torchvision", "resnet50"):
        pytest.importorskip("torchvision")


@pytest.mark.parametrize(
    ("model", "dataset"),
    # the first of a model's in the default run, all of them in continuous integration
    [
        pytest.param(
            m, d, marks=[pytest.mark.slow] * (d != FITS[m][0] or m == LARGE), id=f"{m}-{d}"
        )
        for m, d in PAIRS
    ],
)
def test_a_model_on_data_that_fit(model: str, dataset: str, tmp_path: Path) -> None:
    needs_package(model)
    two_updates(tmp_path, *on_random_images(model, dataset))


@pytest.mark.parametrize(
    ("model", "dataset"),
    # one of two that are alike in the default run
    [
        pytest.param(m, d, marks=[pytest.mark.slow] * ((m, ALIKE.get(d)) in REFUSED), id=f"{m}-{d}")
        for m, d in REFUSED
    ],
)
def test_a_model_on_data_that_do_not(model: str, dataset: str, tmp_path: Path) -> None:
    needs_package(model)
    with pytest.raises(Mistake) as caught:
        two_updates(tmp_path, *on_random_images(model, dataset))
    assert str(caught.value).startswith("model")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("choice", CHOSEN)
def test_a_choice_of_another_group(choice: str, tmp_path: Path) -> None:
    group = choice.partition("=")[0]
    needs = NEEDS.get(choice, [])
    defaults = {"schedule": "constant", "momentum": "constant"}
    kept = [
        f"{name}={value}"
        for name, value in defaults.items()
        if name != group
        and not any(n.startswith(f"{name}=") for n in needs)
        # an optimiser that has a momentum of its own, or none, says so
        and not (name == "momentum" and group == "optimizer")
    ]
    short = "model.suggested.stepsize=1it"
    two_updates(tmp_path, "model=mlp_blobs", short, "dataset=blobs", *kept, choice, *needs)
