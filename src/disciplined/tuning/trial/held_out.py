"""Which of the images held out are measured at every point of a range test.

All of them at every point would cost more than the training between the points: at most `most`, the
same each time, so that what their choice adds is in every point alike. They are drawn at random,
once, since sets are often in the order of their classes; where single images cannot be asked for
(streams, loaders of one's own) they are the first.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.utils.data import BatchSampler, DataLoader, IterableDataset

from disciplined.tuning.trial.batches import processes, size


@dataclass(frozen=True)
class HeldOut:
    """Batches to measure, and in words which part of the images they are, empty for all."""

    batches: Iterable[Any]
    part: str


def held_out(validation: Iterable[Any], most: int | None) -> HeldOut:
    """What is measured of `validation`: `most` images over all processes, None for all."""
    if most is None:
        return HeldOut(validation, "")
    most = max(1, -(-most // processes()))
    if isinstance(validation, list | tuple):
        return listed(validation, most)
    if isinstance(validation, DataLoader) and (found := drawn(validation, most)):
        return found
    return HeldOut(First(validation, most), "the first")


def listed(batches: Sequence[Any], most: int) -> HeldOut:
    """Some of the batches of a list, in their order."""
    sizes = [size(batch) for batch in batches]
    if sum(sizes) <= most:
        return HeldOut(batches, "")
    order = np.random.default_rng(0).permutation(len(batches))
    enough = int(np.searchsorted(np.cumsum(np.array(sizes)[order]), most)) + 1
    return HeldOut([batches[i] for i in sorted(order[:enough])], "drawn once out")


def drawn(loader: DataLoader, most: int) -> HeldOut | None:
    """A loader over some of another's images; None where its images cannot be chosen."""
    own = type(loader).__iter__ is not DataLoader.__iter__
    if own or isinstance(loader.dataset, IterableDataset) or loader.batch_size is None:
        return None
    indices = np.array(sorted(loader.sampler))
    if len(indices) <= most:
        return HeldOut(loader, "")
    chosen = np.sort(np.random.default_rng(0).choice(indices, most, replace=False)).tolist()
    workers = {
        "persistent_workers": True,
        "prefetch_factor": loader.prefetch_factor,
        "multiprocessing_context": loader.multiprocessing_context,
    }
    found = DataLoader(
        loader.dataset,
        batch_sampler=BatchSampler(chosen, loader.batch_size, drop_last=False),
        num_workers=loader.num_workers,
        collate_fn=loader.collate_fn,
        pin_memory=loader.pin_memory,
        timeout=loader.timeout,
        worker_init_fn=loader.worker_init_fn,
        generator=torch.Generator().manual_seed(0),
        **(workers if loader.num_workers else {}),
    )
    return HeldOut(found, "drawn once out")


@dataclass(frozen=True)
class First:
    """The first batches of any iterable, until they have so many images."""

    batches: Iterable[Any]
    most: int

    def __iter__(self) -> Iterator[Any]:
        images = 0
        for batch in self.batches:
            yield batch
            images += size(batch)
            if images >= self.most:
                return
