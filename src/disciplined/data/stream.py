"""The order in which a run reads its training images: one stream without end.

The stream is the epochs' permutations end to end; iteration t takes places t*TBS to (t+1)*TBS.
Batches straddle epochs and nothing is dropped, as in the papers (reference 0 and 2.6). Caffe read
its database in file order, the same in every epoch; here that is a choice beside shuffling.
"""

import numpy as np
from numpy.typing import NDArray

from disciplined.data.randomness import Purpose, permutation
from disciplined.mistakes import Mistake


class Stream:
    """Indices into `images` training images for total batches of `total_batch_size`, from `seed`.

    Every epoch's order is another permutation, or with `shuffled=False` the data set's own. Has no
    state but a cache of the last two epochs' orders: a run that starts at iteration t reads what a
    run that arrives there reads, and parts of a batch (devices, micro-batches) put together in
    order are the batch. Raises Mistake for sizes below one.
    """

    def __init__(
        self, images: int, total_batch_size: int, seed: int, *, shuffled: bool = True
    ) -> None:
        if images < 1:
            raise Mistake(f"train_size={images}: a run needs at least one image to train on")
        if total_batch_size < 1:
            raise Mistake(
                f"total_batch_size={total_batch_size}: an optimiser step needs at least one image"
            )
        self.images = images
        self.total_batch_size = total_batch_size
        self.seed = seed
        self.shuffled = shuffled
        self._orders: dict[int, NDArray[np.int64]] = {}

    def indices(self, iteration: int) -> NDArray[np.int64]:
        """The images of one iteration, int64 [TBS]."""
        return self.chunk(iteration, iteration + 1)[0]

    def slice(self, iteration: int, part: int, parts: int) -> NDArray[np.int64]:
        """One of `parts` equal parts of an iteration's images, int64 [TBS/parts]."""
        return self.chunk(iteration, iteration + 1, part, parts)[0]

    def chunk(self, first: int, last: int, part: int = 0, parts: int = 1) -> NDArray[np.int64]:
        """A part of the images of iterations first..last-1, int64 [last-first, TBS/parts].

        Raises Mistake where `parts` does not divide the total batch size.
        """
        columns = part_of(self.total_batch_size, part, parts)
        start, stop = first * self.total_batch_size, last * self.total_batch_size
        pieces = np.empty(stop - start, dtype=np.int64)
        place = start
        while place < stop:
            epoch, offset = divmod(place, self.images)
            taken = min(self.images - offset, stop - place)
            pieces[place - start : place - start + taken] = self._order(epoch)[
                offset : offset + taken
            ]
            place += taken
        return np.ascontiguousarray(pieces.reshape(last - first, -1)[:, columns])

    def _order(self, epoch: int) -> NDArray[np.int64]:
        if epoch not in self._orders:
            if len(self._orders) == 2:
                del self._orders[min(self._orders)]
            self._orders[epoch] = (
                permutation(Purpose.ORDER, self.seed, epoch, self.images)
                if self.shuffled
                else np.arange(self.images, dtype=np.int64)
            )
        return self._orders[epoch]


def part_of(total_batch_size: int, part: int, parts: int) -> slice:
    """The places of a total batch that part `part` of `parts` takes; Mistake if unequal."""
    if total_batch_size % parts:
        raise Mistake(
            f"total_batch_size={total_batch_size}: {parts} equal parts (devices times accumulation "
            f"steps) must divide it; {total_batch_size // parts * parts or parts} would do"
        )
    size = total_batch_size // parts
    return slice(part * size, (part + 1) * size)
