"""Real networks on real data for a few iterations: the paths a user takes, and what they reach."""

import pytest

from disciplined.training.config import compose
from disciplined.training.planning import plan
from disciplined.training.record import Record
from disciplined.training.run import run

pytestmark = pytest.mark.data


def trained(folder, data_dir, *overrides):
    cfg = compose([*overrides, f"output_dir={folder}", f"data_dir={data_dir}", "trainer=cpu"])
    assert run(cfg, quiet=True) == 0
    return Record(plan(cfg).folder).summary()["result"]


def test_lenet_learns_mnist(tmp_path, data_dir):
    """97.5 to 98 % after the first of twelve epochs in the published runs; here 60 updates."""
    result = trained(
        tmp_path, data_dir, "recipe=lenet", "duration=60it", "evaluation.images=1000"
    )  # fmt: skip
    assert result["final"]["test_accuracy"] > 0.93


def test_the_three_layer_network_starts_on_raw_pixels(tmp_path, data_dir):
    """Reference 0: with inputs in 0..1 it stays at chance for 1,000 iterations of 100 images."""
    result = trained(
        tmp_path, data_dir, "recipe=three_layer", "schedule=constant", "schedule.lr=0.001",
        "momentum.value=0.9", "weight_decay.value=0.004", "total_batch_size=100", "duration=250it",
        "evaluation.images=1000",
    )  # fmt: skip
    assert result["final"]["test_accuracy"] > 0.28


@pytest.mark.parametrize("recipe", ["resnet56", "superconv_resnet56"])
def test_the_deep_networks_step_on_cifar10(tmp_path, data_dir, recipe):
    result = trained(
        tmp_path, data_dir, f"recipe={recipe}", "duration=3it", "total_batch_size=32",
        "schedule.max_lr=0.1",
        "evaluation.images=64", "evaluation.protocol=as_published", "model.published_test.count=64",
    )  # fmt: skip
    assert result["iteration"] == 3
    assert result["final"]["train_loss"] < 10


def test_cifar100_has_a_hundred_classes(tmp_path, data_dir):
    result = trained(
        tmp_path, data_dir, "recipe=three_layer", "dataset=cifar100", "duration=4it",
        "evaluation.images=100",
    )  # fmt: skip
    assert result["final"]["test_loss"] == pytest.approx(4.605, abs=0.01)  # ln 100
