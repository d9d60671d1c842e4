"""Caffe's CIFAR-10 examples: `cifar10_full` (his `cifar3`), `cifar10_quick`, the sigmoid variant.

Reference sections 4 and 5. They want raw pixels (0 to 255) minus the mean image: their first filler
has standard deviation 1e-4.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from disciplined.mistakes import Mistake
from disciplined.models.batch_norm import CaffeBatchNorm
from disciplined.models.fillers import gaussian
from disciplined.models.layers import convolution, image_size, inner_product
from disciplined.models.lrn import WithinChannelLRN
from disciplined.models.pooling import average_pool, max_pool, pooled


class ThreeConvolutions(nn.Module):
    """What the three share: 5×5 convolutions with padding 2, of 32, 32 and 64 channels.

    Behind each the map is pooled 3×3 with stride 2, rounded up, so 32×32 images become maps of 16,
    8 and 4 pixels; `features` is what is left of one image.
    """

    multipliers: dict[str, tuple[float, float]]
    """Rate and decay multipliers of the parameters that have others than (1, 1)."""

    def __init__(self, named: str, image_shape: Sequence[int], bias: float | None = 0.0) -> None:
        super().__init__()
        channels, height, width = image_size(image_shape, named)
        for _ in range(3):
            height, width = pooled(height, 3, 2), pooled(width, 3, 2)
        if min(height, width) < 1:
            raise Mistake(
                f"{named}: images of {image_shape[1]}×{image_shape[2]} pixels are too "
                "small, its three poolings leave nothing: choose a dataset of 8×8 or more"
            )
        self.conv1 = convolution(channels, 32, 5, gaussian(1e-4), padding=2, bias=bias)
        self.conv2 = convolution(32, 32, 5, gaussian(0.01), padding=2, bias=bias)
        self.conv3 = convolution(32, 64, 5, gaussian(0.01), padding=2, bias=bias)
        self.features = 64 * height * width


class ThreeLayer(ThreeConvolutions):
    """conv1-maxpool-ReLU-LRN, conv2-ReLU-avgpool-LRN, conv3-ReLU-avgpool, ip1.

    The 3-layer network of the first and third papers. `[N, C, H, W]` float to logits
    `[N, classes]`. 89,578 parameters for 3×32×32 and 10 classes.
    """

    def __init__(self, image_shape: Sequence[int], classes: int) -> None:
        super().__init__("model=three_layer", image_shape)
        self.norm1 = WithinChannelLRN(3, alpha=5e-5, beta=0.75)
        self.norm2 = WithinChannelLRN(3, alpha=5e-5, beta=0.75)
        self.ip1 = inner_product(self.features, classes, gaussian(0.01))
        self.multipliers = {
            "conv1.bias": (2.0, 1.0),
            "conv2.bias": (2.0, 1.0),
            "ip1.weight": (1.0, 250.0),
            "ip1.bias": (2.0, 0.0),
        }

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm1(F.relu_(max_pool(self.conv1(x), 3, 2)))
        x = self.norm2(average_pool(F.relu_(self.conv2(x)), 3, 2))
        x = average_pool(F.relu_(self.conv3(x)), 3, 2)
        return self.ip1(x)


class Quick(ThreeConvolutions):
    """conv1-maxpool-ReLU, conv2-ReLU-avgpool, conv3-ReLU-avgpool, ip1 (64), ip2: no LRN.

    Nothing stands between the two inner products. `[N, C, H, W]` float to logits `[N, classes]`.
    145,578 parameters for 3×32×32 and 10 classes.
    """

    def __init__(self, image_shape: Sequence[int], classes: int) -> None:
        super().__init__("model=cifar10_quick", image_shape)
        self.ip1 = inner_product(self.features, 64, gaussian(0.1))
        self.ip2 = inner_product(64, classes, gaussian(0.1))
        self.multipliers = {
            f"{layer}.bias": (2.0, 1.0) for layer in ("conv1", "conv2", "conv3", "ip1", "ip2")
        }

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu_(max_pool(self.conv1(x), 3, 2))
        x = average_pool(F.relu_(self.conv2(x)), 3, 2)
        x = average_pool(F.relu_(self.conv3(x)), 3, 2)
        return self.ip2(self.ip1(x))


class SigmoidBatchNorm(ThreeConvolutions):
    """conv1-maxpool-BN-sigmoid, conv2-BN-sigmoid-avgpool, conv3-BN-sigmoid-avgpool, ip1: clr/fig06.

    `[N, C, H, W]` float to logits `[N, classes]`. Two forms of the example went about, and the
    paper does not say which it ran; parameters are counted for 3×32×32 and 10 classes.

    Args:
        image_shape: C, H, W.
        classes: outputs.
        batch_norm: `maf`, `groups` and `evaluate` of `CaffeBatchNorm`.
        form: `merged`, as in Caffe's own repository: convolutions without bias, batch norm without
            a scale, TBS 100; 89,450 parameters. `proposed`, as its forks had it before: biases, a
            scale that starts at 1 and a shift at 0.001, ip1's decay times 250, TBS 111; 89,834.
    """

    def __init__(
        self,
        image_shape: Sequence[int],
        classes: int,
        batch_norm: Mapping[str, Any],
        form: str = "merged",
    ) -> None:
        if form not in ("merged", "proposed"):
            raise Mistake(f"model.network.form={form}: expected merged or proposed")
        proposed = form == "proposed"
        named = "model=three_layer_sigmoid_bn"
        super().__init__(named, image_shape, bias=0.0 if proposed else None)
        self.norm1, self.norm2, self.norm3 = (
            CaffeBatchNorm(channels, scale=proposed, **batch_norm) for channels in (32, 32, 64)
        )
        self.ip1 = inner_product(self.features, classes, gaussian(0.01))
        self.multipliers = {"ip1.bias": (1.0, 0.0)}
        if proposed:
            self.multipliers = {"conv1.bias": (2.0, 1.0), "conv2.bias": (2.0, 1.0)}
            for name in ("norm1", "norm2", "norm3"):
                nn.init.constant_(getattr(self, name).bias, 0.001)
                self.multipliers[f"{name}.weight"] = (1.00001, 0.0)
                self.multipliers[f"{name}.bias"] = (1.00001, 0.0)
            self.multipliers["ip1.weight"] = (1.0, 250.0)
            self.multipliers["ip1.bias"] = (0.2, 0.0)

    def forward(self, x: Tensor) -> Tensor:
        # In place: batch norm's backward pass reads its input, never its output.
        x = self.norm1(max_pool(self.conv1(x), 3, 2)).sigmoid_()
        x = average_pool(self.norm2(self.conv2(x)).sigmoid_(), 3, 2)
        x = average_pool(self.norm3(self.conv3(x)).sigmoid_(), 3, 2)
        return self.ip1(x)
