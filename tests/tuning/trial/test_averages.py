"""Batch norm's averages at a point are of that point's updates, whatever came before."""

import copy

import pytest
import torch
from torch import nn

from disciplined import range_test
from disciplined.models.batch_norm import CaffeBatchNorm
from disciplined.tuning.trial.averages import Averages


def images(count: int) -> list[torch.Tensor]:
    torch.manual_seed(3)
    return [5 * i + (1 + i) * torch.randn(16, 4, 3, 3) for i in range(count)]


def norm(layer: nn.Module) -> tuple[torch.Tensor, torch.Tensor]:
    if isinstance(layer, CaffeBatchNorm):
        return layer.statistics()
    assert isinstance(layer, nn.BatchNorm2d)
    assert layer.running_mean is not None and layer.running_var is not None
    return layer.running_mean, layer.running_var


@pytest.mark.parametrize(
    "layer",
    [nn.BatchNorm2d(4), nn.BatchNorm2d(4, momentum=None), CaffeBatchNorm(4, maf=0.9)],
    ids=["torch", "torch's plain mean", "Caffe"],
)
def test_of_the_points_updates_alone(layer: nn.Module):
    *earlier, one, two = images(6)
    for batch in earlier:
        layer(batch)
    averages = Averages(nn.Sequential(layer))
    averages.begin()
    layer(one), layer(two)
    averages.settle()
    later = 0.5 if getattr(layer, "momentum", 0.1) is None else 1 / (1 + 0.9)  # of two
    parts = [(batch.mean((0, 2, 3)), batch.var((0, 2, 3))) for batch in (one, two)]
    for found, first, second in zip(norm(layer), *parts, strict=True):
        torch.testing.assert_close(found, (1 - later) * first + later * second)
    averages.begin()
    layer(one)
    averages.settle()
    torch.testing.assert_close(norm(layer)[0], parts[0][0])


@pytest.mark.parametrize("maf", [0.9, 0.999])
def test_a_batch_after_points_without_one_is_the_average(maf: float):
    """A layer that has not met a batch yet has none to keep."""
    (first,) = images(1)
    fresh = CaffeBatchNorm(4, maf=maf)
    averages = Averages(fresh)
    for _ in range(30):
        averages.begin()
        averages.settle()
    assert not fresh.f and not fresh.s_mean.any()
    for _ in range(2):
        averages.begin()
        fresh(first)
        averages.settle()
    torch.testing.assert_close(fresh.statistics()[0], first.mean((0, 2, 3)))


def test_half_precision_keeps_its_average():
    layer = CaffeBatchNorm(4, maf=0.9)
    layer(images(1)[0])
    before = layer.half().statistics()
    Averages(layer).begin()
    torch.testing.assert_close(layer.statistics(), before)


class Uncounted(nn.BatchNorm2d):
    """As ghost batch norms that call torch's function by themselves."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        return nn.functional.batch_norm(
            input, self.running_mean, self.running_var, training=self.training, momentum=0.1
        )


LAYERS = [
    nn.BatchNorm2d(4),
    nn.BatchNorm2d(4, momentum=None),
    nn.BatchNorm2d(4, momentum=0.0),
    nn.BatchNorm2d(4, track_running_stats=False),
    CaffeBatchNorm(4, maf=0.9),
    Uncounted(4),
    nn.GroupNorm(2, 4),
]


@pytest.mark.parametrize("layer", LAYERS)
def test_without_a_batch_evaluation_is_what_it_was(layer: nn.Module):
    """Before the first update of a point, as by a step with a teacher, and behind a frozen one."""
    first, second = images(2)
    layer = copy.deepcopy(layer)
    layer(first)
    averages = Averages(nn.Sequential(layer))
    before = copy.deepcopy(layer).eval()(second)
    layer.eval()
    for _ in range(20):
        averages.begin()
        torch.testing.assert_close(layer(second), before)
        averages.settle()
        torch.testing.assert_close(layer(second), before)


@pytest.mark.parametrize("layer", [Uncounted(4), nn.BatchNorm2d(4, momentum=0.0), LAYERS[3]])
def test_what_cannot_be_told_apart_is_left_as_it_is(layer: nn.Module):
    first, second = images(2)
    plain, tested = copy.deepcopy(layer), copy.deepcopy(layer)
    averages = Averages(tested)
    for one in (first, second):
        averages.begin()
        plain(one), tested(one)
        averages.settle()
    expected = plain.state_dict()
    assert all(torch.equal(value, expected[name]) for name, value in tested.state_dict().items())


def test_several_forwards_and_a_long_average():
    """Each forward counts, as with accumulated gradients; a long average costs digits, no more."""
    layer = nn.BatchNorm2d(4, momentum=0.01)
    first, *others = images(4)
    layer(first)
    averages = Averages(layer)
    averages.begin()
    for batch in others:
        layer(batch)
    averages.settle()
    weights = torch.tensor([0.99**2, 0.99, 1.0])
    means = torch.stack([batch.mean((0, 2, 3)) for batch in others])
    expected = (weights[:, None] * means).sum(0) / weights.sum()
    torch.testing.assert_close(norm(layer)[0], expected, rtol=1e-4, atol=1e-4)


def test_a_layer_that_knows_no_sizes_yet():
    assert not Averages(nn.LazyBatchNorm2d()).norms


def test_validation_does_not_remember_another_network():
    """Where each update makes the maps twice as large, ten updates' averages are useless."""

    class Growing(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(torch.ones(1))
            self.norm = nn.BatchNorm1d(1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.cat([self.norm(x * self.scale), torch.zeros(len(x), 1)], 1)

    model = Growing()
    torch.manual_seed(0)
    x = torch.randn(64, 1)
    batch = (x, (x[:, 0] < x.mean()).long())

    def step(_: object) -> float:
        with torch.no_grad():
            model(x)
            model.scale *= 2
        return 1.0

    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    settings = {"high": 1.0, "iterations": 20, "points": 20, "validation": [batch], "step": step}
    found = range_test(model, optimizer, [batch], **settings)
    # every point's network is the last one's with twice the scale: to a norm that follows, the same
    assert found.val_loss[0, -1] == pytest.approx(found.val_loss[0, 1], rel=0.01)
