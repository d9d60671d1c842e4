"""The tutorials' multi-layer perceptrons, as Keras makes them (reference section 14)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from disciplined.mistakes import Mistake
from disciplined.models.fillers import Filler, gaussian, glorot_uniform, he_uniform
from disciplined.models.layers import inner_product

FILLERS: dict[str, Filler] = {
    "glorot_uniform": glorot_uniform,
    "he_uniform": he_uniform,
    "normal": gaussian(0.05),  # Keras 1's and 2's `normal`, in older copies of the ionosphere post
}


class MLP(nn.Module):
    """`Dense(n, relu)` for each of `hidden`, then `Dense(classes)`, or one sigmoid unit.

    Rows `[N, F]` float (images are flattened) to logits `[N, classes]`. tutorials/blobs: 2 inputs,
    50 units, 3 classes, 303 parameters; tutorials/ionosphere: 34, 34, one sigmoid, 1,225.

    Args:
        image_shape: the shape of a row, `[F]`.
        classes: outputs.
        hidden: units of the hidden layers.
        filler: initial values of the hidden layers: glorot_uniform, he_uniform or normal.
        last_filler: those of the last layer.
        outputs: 1 for Keras's sigmoid with binary cross-entropy, for two classes only: its z is
            handed on as the logits (0, z), whose cross-entropy is the binary one.
    """

    def __init__(
        self,
        image_shape: Sequence[int],
        classes: int,
        hidden: Sequence[int],
        filler: str = "glorot_uniform",
        last_filler: str = "glorot_uniform",
        outputs: int | None = None,
    ) -> None:
        super().__init__()
        for setting, value in (("filler", filler), ("last_filler", last_filler)):
            if value not in FILLERS:
                raise Mistake(f"model.network.{setting}={value}: expected {', '.join(FILLERS)}")
        if outputs not in (None, classes) and (outputs, classes) != (1, 2):
            raise Mistake(
                f"model.network.outputs={outputs}: these data have {classes} classes; expected "
                f"null{', or 1 (a sigmoid)' if classes == 2 else ''}"
            )
        units = [math.prod(image_shape), *hidden]
        self.hidden = nn.ModuleList(
            inner_product(a, b, FILLERS[filler]) for a, b in itertools.pairwise(units)
        )
        self.last = inner_product(units[-1], outputs or classes, FILLERS[last_filler])
        self.sigmoid = self.last.out_features != classes

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.hidden:
            x = F.relu_(layer(x))
        x = self.last(x)
        return F.pad(x, (1, 0)) if self.sigmoid else x
