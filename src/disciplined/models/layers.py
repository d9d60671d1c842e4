"""Layers with Caffe's initial values: a filler for the weight, 0 for the bias."""

from __future__ import annotations

from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from disciplined.models.fillers import Filler

Layer = TypeVar("Layer", bound=nn.Conv2d | nn.Linear)


class InnerProduct(nn.Linear):
    """Caffe's `InnerProduct`: `[N, C, H, W]` (or `[N, inputs]`) to `[N, outputs]`, with bias.

    The weight's columns are in Caffe's order C, H, W, whatever the map's memory format.
    """

    def forward(self, x: Tensor) -> Tensor:
        if x.dim() != 4 or x.is_contiguous():
            return super().forward(x.flatten(1))
        # Flattening a channels_last map would copy it, and hand a gradient in the other format
        # to everything before it; permuting the weight instead costs next to nothing.
        weight = self.weight.view(-1, *x.shape[1:]).permute(0, 2, 3, 1).flatten(1)
        return F.linear(x.permute(0, 2, 3, 1).flatten(1), weight, self.bias)


def convolution(
    inputs: int, outputs: int, kernel: int, filler: Filler, *, stride: int = 1, padding: int = 0
) -> nn.Conv2d:
    """A square convolution with bias from `inputs` to `outputs` channels."""
    layer = nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=padding, device="meta")
    return _filled(layer, filler)


def inner_product(inputs: int, outputs: int, filler: Filler) -> InnerProduct:
    """A filled `InnerProduct`."""
    return _filled(InnerProduct(inputs, outputs, device="meta"), filler)


def _filled(layer: Layer, filler: Filler) -> Layer:
    # Made on no device first: torch's own initial values would only advance the generator.
    layer = layer.to_empty(device=torch.get_default_device())
    filler(layer.weight)
    if layer.bias is not None:
        torch.nn.init.zeros_(layer.bias)
    return layer
