"""The batches of a run for Lightning: which images, and what is done to each, in what order.

The order depends on the seed and the iteration alone, so a resumed run starts at its iteration and
sees what the uninterrupted one would have, and any number of processes shares the same batches.
Images that are read from files come with their batch.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from disciplined.data.draws import Draws
from disciplined.data.pictures import Pictures, ahead
from disciplined.data.stream import Stream


class Batch(NamedTuple):
    """One process's part of a total batch.

    `indices` int64 [n]; `flags` bool [n], which are mirrored; `corners` and `holes` int64 [n,2],
    where they are cropped and punched; `pictures` uint8 [n,C,H,W], where they are not in memory.
    """

    iteration: Tensor
    indices: Tensor
    flags: Tensor | None = None
    corners: Tensor | None = None
    holes: Tensor | None = None
    pictures: Tensor | None = None


class Drawn(NamedTuple):
    """What is drawn for a total batch: images int64 [TBS], augmentation, files' crops [TBS,22]."""

    iteration: int
    indices: NDArray[np.int64]
    augmentation: Draws
    crops: NDArray[np.uint64] | None


class Batches:
    """The run's batches from iteration `first` on; `accumulate` parts to an iteration.

    Args:
        stream: the seeded order of the training images.
        iterations: the run's length.
        first: where it begins; a resumed run behind its checkpoint.
        augmentation: what to draw for each image from (seed, iteration); `draws`.
        image_shape: the images' [C, H, W], for what is drawn within them.
        pictures: the training images, where they are read from files.
        part, parts: this process's number and how many share the total batch.
        accumulate: micro-batches to an optimiser step.
    """

    def __init__(
        self,
        stream: Stream,
        iterations: int,
        *,
        first: int = 0,
        augmentation: str = "none",
        image_shape: Sequence[int] = (),
        pictures: Pictures | None = None,
        part: int = 0,
        parts: int = 1,
        accumulate: int = 1,
    ):
        self.stream, self.iterations, self.first = stream, iterations, first
        self.augmentation, self.image_shape = augmentation, image_shape
        self.pictures = pictures
        self.part, self.parts, self.accumulate = part, parts, accumulate
        self._last: Drawn | None = None

    def __len__(self) -> int:
        """Micro-batches in the whole run: Lightning counts those before `first` as done."""
        return self.iterations * self.accumulate

    def __iter__(self) -> Iterator[Batch]:
        """The batches from `first` to the end."""
        numbers = range(self.first * self.accumulate, len(self))
        if self.pictures is None:
            return map(self.batch, numbers)
        return ahead(self.batch, numbers, self.pictures.workers)

    def batch(self, number: int) -> Batch:
        """The run's micro-batch `number`, counted from its beginning: a function of that alone."""
        iteration, micro = divmod(number, self.accumulate)
        drawn = self.drawn(iteration)
        size = self.stream.total_batch_size // (self.parts * self.accumulate)
        start = (self.part * self.accumulate + micro) * size
        mine = slice(start, start + size)
        indices = drawn.indices[mine]
        pictures = None
        if self.pictures is not None and drawn.crops is not None:
            pictures = self.pictures.read(indices, drawn.crops[mine])
        return Batch(
            torch.tensor(iteration),
            torch.from_numpy(indices),
            *(None if one is None else torch.from_numpy(one[mine]) for one in drawn.augmentation),
            pictures=pictures,
        )

    def drawn(self, iteration: int) -> Drawn:
        """What is drawn for an iteration's total batch: once, for all of its micro-batches here."""
        if self._last is None or self._last.iteration != iteration:
            seed, whole = self.stream.seed, self.stream.total_batch_size
            self._last = Drawn(
                iteration,
                self.stream.indices(iteration),
                Draws.of(self.augmentation, seed, iteration, whole, self.image_shape),
                None if self.pictures is None else self.pictures.draws(seed, iteration, whole),
            )
        return self._last
