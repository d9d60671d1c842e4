"""A folder of pictures of the reader's own as a data set in memory."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from disciplined.data.decoding import centre, decoded, pixels
from disciplined.data.images import ImageSet, in_memory
from disciplined.data.listing import Listing, listed
from disciplined.mistakes import Mistake

LARGEST = 1 << 33  # bytes of pixels in memory; ImageNet at 224x224 would be 193 GB


def folder(
    data_dir: str | Path | None = None, size: int | None = None, channels: int = 3
) -> ImageSet:
    """The pictures in `data_dir`/train/<class>/ and test/ or val/, uint8 [N,C,H,W]; `listing`.

    `size` resizes their shorter sides and cuts out the middle `size`×`size`; without it they must
    all have one size. `channels` is 3 (greyscale pictures are repeated) or 1. Raises Mistake for
    what cannot be read, or does not fit in memory.
    """
    if channels not in (1, 3):
        raise Mistake(f"dataset.load.channels={channels}: expected 3 (colour) or 1 (grey)")
    if size is not None and (isinstance(size, bool) or not isinstance(size, int) or size < 1):
        raise Mistake(f"dataset.load.size={size}: expected a number of pixels")
    train, test = listed(data_dir)
    first = _read(train.path(0), size, channels)
    if (needed := first.nbytes * (len(train) + len(test))) > LARGEST:
        raise Mistake(
            f"dataset=folder: {needed / 1e9:.1f} GB of pixels are too many to hold in memory; use "
            "dataset=large_folder, which reads them as it goes, or a smaller dataset.load.size"
        )
    parts = [_all(part, first.shape, size, channels) for part in (train, test)]
    arrays = parts[0], train.labels, parts[1], test.labels
    return in_memory("folder", *train.classes, arrays=arrays)


def _all(
    part: Listing, shape: tuple[int, ...], size: int | None, channels: int
) -> NDArray[np.uint8]:
    found = np.empty((len(part), *shape), dtype=np.uint8)
    for number in range(len(part)):
        picture = _read(part.path(number), size, channels)
        if picture.shape != shape:
            here, first = ("×".join(map(str, s[1:])) for s in (picture.shape, shape))
            raise Mistake(
                f"{part.path(number)}: is {here} pixels where the first is {first}; set "
                "dataset.load.size=32, say, to resize and crop all of them"
            )
        found[number] = picture
    return found


def _read(path: str, size: int | None, channels: int) -> NDArray[np.uint8]:
    picture = decoded(path, channels)
    return pixels(picture if size is None else centre(picture, size, size))
