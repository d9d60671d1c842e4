"""Fillers draw what Caffe's draw: the distribution, its scale, and nothing else from the seed."""

import pytest
import torch

from disciplined.models.fillers import (
    gaussian,
    glorot_uniform,
    he_uniform,
    msra,
    msra_fan_out,
    torch_linear,
    xavier,
)
from disciplined.models.layers import InnerProduct, convolution, inner_product

# 200 outputs of fan-in 64 × 3 × 3 = 576: 115,200 values, so a standard deviation is known to
# 0.2 % (one sigma) and a mean to 0.3 % of it.
SHAPE = (200, 64, 3, 3)


@pytest.mark.parametrize(
    ("filler", "std", "kurtosis"),
    [
        (gaussian(1e-4), 1e-4, 3.0),
        (gaussian(0.01), 0.01, 3.0),
        (msra, (2 / 576) ** 0.5, 3.0),
        (xavier, (1 / 576) ** 0.5, 1.8),
        (msra_fan_out, (2 / 1800) ** 0.5, 3.0),  # 200 outputs × 3 × 3
        (he_uniform, (2 / 576) ** 0.5, 1.8),
        (glorot_uniform, (2 / (576 + 1800)) ** 0.5, 1.8),
        (torch_linear, (1 / 3 / 576) ** 0.5, 1.8),
    ],
)
def test_distribution(filler, std, kurtosis):
    torch.manual_seed(0)
    weight = torch.full(SHAPE, torch.nan)
    filler(weight)
    assert weight.std().item() == pytest.approx(std, rel=0.01)
    assert abs(weight.mean().item()) < 0.02 * std
    assert (weight / std).pow(4).mean().item() == pytest.approx(kurtosis, rel=0.05)


@pytest.mark.parametrize(
    ("filler", "bound"),
    [
        (xavier, (3 / 576) ** 0.5),
        (he_uniform, (6 / 576) ** 0.5),
        (glorot_uniform, (6 / (576 + 1800)) ** 0.5),
        (torch_linear, 1 / 24),
    ],
)
def test_uniform_fillers_are_bounded(filler, bound):
    weight = torch.empty(SHAPE)
    filler(weight)
    assert 0.999 * bound < weight.abs().max().item() <= bound


def test_layers_hold_filled_weights_and_zero_biases():
    torch.manual_seed(0)
    layers = (convolution(3, 8, 5, msra, padding=2), inner_product(12, 5, xavier))
    torch.manual_seed(0)
    for layer, filler in zip(layers, (msra, xavier), strict=True):
        expected = torch.empty_like(layer.weight)
        filler(expected)  # the very next numbers of the generator: nothing else was drawn
        assert torch.equal(layer.weight, expected)
        assert torch.equal(layer.bias, torch.zeros_like(layer.bias))
        assert layer.weight.requires_grad and layer.bias.requires_grad


def test_biases_start_where_asked_or_are_not_there():
    assert convolution(3, 8, 5, msra, bias=0.2).bias.eq(0.2).all()
    assert inner_product(12, 5, xavier, bias=0.1).bias.eq(0.1).all()
    grouped = convolution(4, 8, 3, msra, groups=2, bias=None)
    assert grouped.bias is None and grouped.weight.shape == (8, 2, 3, 3)


def test_inner_product_is_the_same_in_both_memory_formats():
    torch.manual_seed(0)
    layer = inner_product(2 * 3 * 4, 5, xavier)
    assert isinstance(layer, InnerProduct)
    x = torch.randn(6, 2, 3, 4)
    gradients = []
    for memory_format in (torch.contiguous_format, torch.channels_last):
        layer.zero_grad()
        z = x.clone(memory_format=memory_format).requires_grad_()
        y = layer(z)
        torch.testing.assert_close(y, x.flatten(1) @ layer.weight.T + layer.bias)
        y.square().sum().backward()
        assert z.grad.is_contiguous(memory_format=memory_format)
        gradients.append((z.grad, layer.weight.grad.clone()))
    torch.testing.assert_close(gradients[0], gradients[1])
