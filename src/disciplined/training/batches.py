"""The batches of a run for Lightning: which images, and which of them mirrored, in what order.

The order depends on the seed and the iteration alone, so a resumed run starts at its iteration and
sees what the uninterrupted one would have, and any number of processes shares the same batches.
"""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from disciplined.data.augmentation import mirror_flags
from disciplined.data.stream import Stream


class Batch(NamedTuple):
    """One process's part of a total batch: `indices` int64 [n], `flags` bool [n] or None."""

    iteration: Tensor
    indices: Tensor
    flags: Tensor | None


class Batches:
    """The run's batches from iteration `first` on; `accumulate` parts to an iteration.

    Args:
        stream: the seeded order of the training images.
        iterations: the run's length.
        first: where it begins; a resumed run behind its checkpoint.
        mirrored: draw mirror flags from (seed, iteration).
        part, parts: this process's number and how many share the total batch.
        accumulate: micro-batches to an optimiser step.
    """

    def __init__(
        self,
        stream: Stream,
        iterations: int,
        *,
        first: int = 0,
        mirrored: bool,
        part: int = 0,
        parts: int = 1,
        accumulate: int = 1,
    ):
        self.stream, self.iterations, self.first = stream, iterations, first
        self.mirrored = mirrored
        self.part, self.parts, self.accumulate = part, parts, accumulate

    def __len__(self) -> int:
        """Micro-batches in the whole run: Lightning counts those before `first` as done."""
        return self.iterations * self.accumulate

    def __iter__(self) -> Iterator[Batch]:
        """The batches from `first` to the end."""
        size = self.stream.total_batch_size // (self.parts * self.accumulate)
        for iteration in range(self.first, self.iterations):
            indices = self.stream.indices(iteration)
            flags = None
            if self.mirrored:
                flags = mirror_flags(self.stream.seed, iteration, self.stream.total_batch_size)
            for micro in range(self.accumulate):
                start = (self.part * self.accumulate + micro) * size
                yield Batch(
                    torch.tensor(iteration),
                    torch.from_numpy(indices[start : start + size]),
                    None if flags is None else torch.from_numpy(flags[start : start + size]),
                )
