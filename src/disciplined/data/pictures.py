"""Images too many to hold: files decoded when they are read, by processes that run ahead.

What is read depends on nothing but which pictures are asked for and what was drawn for them, so any
number of processes reads the same bytes, and a resumed run goes on with them.
"""

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from threading import Thread
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from disciplined.data.decoding import CROPS, WORDS, centre, decoded, pixels
from disciplined.data.listing import Listing
from disciplined.data.randomness import Purpose, words
from disciplined.mistakes import Mistake

Read = TypeVar("Read")
GLANCE = 1.0  # seconds after which a process that reads looks for its parent again


@dataclass(frozen=True, eq=False)
class Pictures:
    """uint8 images [N,3,size,size] in files, decoded when they are indexed.

    Resized to `resize` pixels at the shorter side and cropped to `size`: in the middle, or for
    training as `crop` says (`random`, `resized`: `decoding`) from random words. `workers` processes
    decode. `mean` is a value a channel to subtract: nobody averages so many. `chosen` int64 [N] are
    the pictures of the listing in use.
    """

    listing: Listing
    chosen: NDArray[np.int64]
    size: int
    resize: int
    crop: str
    mean: tuple[float, ...]
    workers: int = 0

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """As a tensor of them would have it."""
        return len(self), 3, self.size, self.size

    def __len__(self) -> int:
        return len(self.chosen)

    def subset(self, indices: NDArray[np.int64]) -> "Pictures":
        """These of the pictures, unread."""
        return replace(self, chosen=self.chosen[indices])

    def __getitem__(self, indices: Any) -> Tensor:
        """The middles of some pictures, uint8 [n,3,size,size], decoded here."""
        return self.read(np.arange(len(self))[indices])

    def draws(self, seed: int, iteration: int, total_batch_size: int) -> NDArray[np.uint64]:
        """The words that the crops of an iteration's total batch take, [TBS, 22]."""
        drawn = words(Purpose.PICTURE, seed, iteration, total_batch_size * WORDS)
        return drawn.reshape(total_batch_size, WORDS)

    def read(self, indices: NDArray[np.int64], draws: NDArray[np.uint64] | None = None) -> Tensor:
        """Pictures by index, uint8 [n,3,size,size]; cropped by `draws` [n,22], or in the middle."""
        found = np.empty((len(indices), *self.shape[1:]), dtype=np.uint8)
        for place, number in enumerate(self.chosen[indices]):
            picture = decoded(self.listing.path(int(number)))
            if draws is None:
                picture = centre(picture, self.resize, self.size)
            else:
                picture = CROPS[self.crop](picture, self.resize, self.size, draws[place].tolist())
            found[place] = pixels(picture)
        return torch.from_numpy(found)

    def each(self, parts: Sequence[NDArray[np.int64]]) -> Iterator[Tensor]:
        """The middles of these pictures, a tensor a part, in order."""
        return ahead(partial(self._part, parts), range(len(parts)), self.workers)

    def _part(self, parts: Sequence[NDArray[np.int64]], number: int) -> Tensor:
        return self.read(parts[number])


def ahead(read: Callable[[int], Read], numbers: Sequence[int], workers: int) -> Iterator[Read]:
    """`read` of every number, in order, by `workers` processes ahead of time, or here where 0.

    A `Mistake` in a process is raised here as what it is.
    """
    loader = DataLoader(
        _Reading(read),
        sampler=numbers,
        batch_size=None,
        num_workers=workers,
        pin_memory=torch.cuda.is_available(),
        worker_init_fn=partial(_heedful, os.getpid()),
        generator=torch.Generator(),  # or it would draw from the one that layers draw from
    )
    for found in loader:
        if isinstance(found, Mistake):
            raise found
        yield found


class _Reading(Dataset[Any]):
    """A function of a number as torch's loader wants it; what it raises for a user is an answer."""

    def __init__(self, read: Callable[[int], Any]) -> None:
        self.read = read

    def __getitem__(self, number: int) -> Any:
        try:
            return self.read(number)
        except Mistake as mistake:
            return mistake


def _heedful(trains: int, worker: int) -> None:
    """Leave stopping to the process `trains`: it saves first, and needs its batches until then.

    A scheduler's SIGTERM reaches all processes, and torch takes the death of one that reads for a
    fault. So one ends by SIGTERM only where that process sent it, as torch does at the end.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "SIGUSR1"):  # not on Windows
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    if hasattr(signal, "sigtimedwait"):  # nor on macOS, which does not say who sent a signal
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        Thread(target=_heed, args=(trains, os.getppid()), daemon=True).start()


def _heed(trains: int, parent: int) -> None:
    """End this process, whatever it reads, once told to by `trains`, or once `parent` is no more.

    They are the same where processes are forked.
    """
    while os.getppid() == parent:
        told = signal.sigtimedwait({signal.SIGTERM}, GLANCE)
        if told is not None and told.si_pid == trains:
            break
    os._exit(128 + signal.SIGTERM)
