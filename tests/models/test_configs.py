"""Every conf/model/*.yaml builds what steps in both modes; its suggestions are the papers' rows."""

import importlib
from pathlib import Path

import pytest
import torch
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


# what other files are for than CIFAR-10: shape and classes
DATA = {
    "lenet": ([1, 28, 28], 10),
    "mlp_blobs": ([2], 3),
    "mlp_ionosphere": ([34], 2),
    "alexnet": ([3, 67, 67], 10),
    "inception_resnet_v2": ([3, 80, 80], 10),
}
NEEDS = {
    "torchvision": "torchvision",
    "resnet50": "torchvision",
    "timm": "timm",
    "inception_resnet_v2": "timm",
}


def config(path: Path):
    """The file as the run resolves it, on data of the shape its paper used (smaller ImageNet's)."""
    shape, classes = DATA.get(path.stem, ([3, 32, 32], 10))
    model = OmegaConf.load(path)
    return OmegaConf.create(
        {
            "dataset": {"image_shape": shape, "classes": classes, "test_images": 10_000},
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
    assert set(cfg.input) == {"scale", "subtract_mean"}
    assert set(cfg.published_test) == {"count", "mirror"} and cfg.published_test.count > 0
    if path.stem == "own":
        assert OmegaConf.is_missing(cfg.network, "_target_")
        return
    if path.stem in NEEDS:
        pytest.importorskip(NEEDS[path.stem])
    arguments = OmegaConf.to_container(cfg.network, resolve=True)
    module, _, name = arguments.pop("_target_").rpartition(".")
    network = getattr(importlib.import_module(module), name)(**arguments)
    shape, classes = DATA.get(path.stem, ([3, 32, 32], 10))
    x = torch.randn(8, *shape)
    labels = torch.arange(8) % classes
    torch.nn.functional.cross_entropy(network(x), labels).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())
    assert network.eval()(x).shape == (8, classes)


@pytest.mark.parametrize(
    ("name", "images", "iterations", "stepsize"),
    [
        ("three_layer", 50_000, 9765, 4296),  # 25 and 11 epochs of TBS 128
        ("lenet", 60_000, 1406, 585),  # 12 and 5 epochs of TBS 512
        ("resnet56", 50_000, 9277, 4003),  # 95 and 41 epochs of TBS 512
        ("superconv_resnet20", 50_000, 10_000, 5000),
        ("superconv_resnet56", 50_000, 10_000, 5000),
        ("superconv_resnet110", 50_000, 10_000, 5000),
        ("superconv_resnet56_dropout", 50_000, 10_000, 5000),
        ("wide_resnet32", 50_000, 9765, 4394),  # 100 and 45 epochs of TBS 512
        ("densenet40", 50_000, 14_648, 6835),  # 150 and 70 epochs of TBS 512
        ("three_layer_sigmoid_bn", 50_000, 60_000, 27_000),
        ("cifar10_quick", 50_000, 5000, 2250),
        ("mlp_blobs", 500, 3200, 1440),
        ("mlp_ionosphere", 235, 450, 202),
        ("table4_resnet", 50_000, 64_062, 3203),  # a cycle is a tenth of 164 epochs
        ("table4_stochastic_depth", 45_000, 175_781, 8789),
        ("alexnet", 1_281_167, 400_000, 30_000),
        ("googlenet", 1_281_167, 420_000, 30_000),
        ("resnet50", 1_281_167, 200_000, 95_000),
        ("inception_resnet_v2", 1_281_167, 220_000, 108_000),
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
