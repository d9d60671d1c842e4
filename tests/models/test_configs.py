"""Every conf/model/*.yaml builds its network, and its suggestions are the papers' rows."""

import importlib
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from disciplined.schedules.lengths import in_iterations

FOLDER = Path(__file__).parents[2] / "conf" / "model"
SUGGESTED = {
    "lr",
    "base_lr",
    "max_lr",
    "momentum",
    "at_base_lr",
    "at_max_lr",
    "weight_decay",
    "stepsize",
    "duration",
    "total_batch_size",
    "maf",
    "groups",
    "augmentation",
}


def config(path: Path):
    """The file as the run resolves it, on CIFAR-10 or MNIST, whichever its paper used."""
    shape = [1, 28, 28] if path.stem == "lenet" else [3, 32, 32]
    model = OmegaConf.load(path)
    return OmegaConf.create(
        {
            "dataset": {"image_shape": shape, "classes": 10},
            "batch_norm": {
                "maf": "${model.suggested.maf}",
                "groups": "${model.suggested.groups}",
                "evaluate": "running",
            },
            "model": model,
        }
    )


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda p: p.stem)
def test_builds_and_explains_itself(path):
    assert path.read_text().startswith("# "), "the first line says what it is"
    cfg = config(path).model
    assert cfg.name == path.stem
    assert set(cfg.suggested) >= SUGGESTED
    arguments = OmegaConf.to_container(cfg.network, resolve=True)
    module, _, name = arguments.pop("_target_").rpartition(".")
    network = getattr(importlib.import_module(module), name)(**arguments)
    assert sum(p.numel() for p in network.parameters()) > 0
    assert set(cfg.input) == {"scale", "subtract_mean"}


@pytest.mark.parametrize(
    ("name", "images", "iterations", "stepsize"),
    [
        ("three_layer", 50_000, 9765, 4296),  # 25 and 11 epochs of TBS 128
        ("lenet", 60_000, 1406, 585),  # 12 and 5 epochs of TBS 512
        ("resnet56", 50_000, 9277, 4003),  # 95 and 41 epochs of TBS 512
        ("superconv_resnet20", 50_000, 10_000, 5000),
        ("superconv_resnet56", 50_000, 10_000, 5000),
        ("superconv_resnet110", 50_000, 10_000, 5000),
    ],
)
def test_suggested_lengths_are_the_published_iterations(name, images, iterations, stepsize):
    suggested = config(FOLDER / f"{name}.yaml").model.suggested
    run = {"images": images, "total_batch_size": suggested.total_batch_size}
    duration = in_iterations(suggested.duration, setting="duration", duration=None, **run)
    assert duration == iterations
    found = in_iterations(suggested.stepsize, setting="stepsize", duration=duration, **run)
    assert found == stepsize


def test_suggested_batches_divide_into_their_groups():
    for path in FOLDER.glob("*.yaml"):
        suggested = config(path).model.suggested
        if suggested.groups is not None:
            assert suggested.total_batch_size % suggested.groups == 0, path.stem
