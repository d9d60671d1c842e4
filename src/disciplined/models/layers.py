"""Layers with Caffe's initial values: a filler for the weight, a constant for the bias.

And the one check that every network makes of the images it is given.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from disciplined.mistakes import Mistake
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
    inputs: int,
    outputs: int,
    kernel: int,
    filler: Filler,
    *,
    stride: int = 1,
    padding: int = 0,
    groups: int = 1,
    bias: float | None = 0.0,
) -> nn.Conv2d:
    """A square convolution from `inputs` to `outputs` channels; its bias starts at `bias`.

    `bias=None` leaves the bias out; `groups` are Caffe's `group`.
    """
    layer = nn.Conv2d(
        inputs,
        outputs,
        kernel,
        stride=stride,
        padding=padding,
        groups=groups,
        bias=bias is not None,
        device="meta",
    )
    return _filled(layer, filler, bias)


def inner_product(inputs: int, outputs: int, filler: Filler, *, bias: float = 0.0) -> InnerProduct:
    """A filled `InnerProduct`; its bias starts at `bias`."""
    return _filled(InnerProduct(inputs, outputs, device="meta"), filler, bias)


def image_size(image_shape: Sequence[int], named: str, halved: int = 0) -> tuple[int, int, int]:
    """C, H, W of a data set's images, for the network that the setting `named` chose.

    Raises `Mistake` where the data are no images, or cannot be halved so many times without rest.
    """
    if len(image_shape) != 3:
        shape = "×".join(map(str, image_shape))
        raise Mistake(
            f"{named}: takes images of channels × height × width, and these data are {shape}: "
            "choose another dataset, or model=mlp_blobs"
        )
    channels, height, width = image_shape
    parts = 2**halved
    if height % parts or width % parts:
        times = {1: "once", 2: "twice"}.get(halved, f"{halved} times")
        raise Mistake(
            f"{named}: images of {height}×{width} pixels cannot be halved {times}: choose a "
            f"dataset whose sides are divisible by {parts}"
        )
    return channels, height, width


def _filled(layer: Layer, filler: Filler, bias: float | None) -> Layer:
    # Made on no device first: torch's own initial values would only advance the generator.
    layer = layer.to_empty(device=torch.get_default_device())
    filler(layer.weight)
    if bias is not None and layer.bias is not None:
        torch.nn.init.constant_(layer.bias, bias)
    return layer
