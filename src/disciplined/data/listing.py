"""Folders of pictures: train/<class>/*, and val/ or test/ beside it. No torch.

A run is planned by what `count` and `count_large` find; both read names and one picture's size. A
process walks a folder once, unless it changes.
"""

import hashlib
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from disciplined.data.decoding import picture_size
from disciplined.data.stamps import Stamp, stamp
from disciplined.mistakes import Mistake

ENDINGS = (".jpg", ".jpeg", ".png")


@dataclass(frozen=True, eq=False)
class Listing:
    """The pictures under one folder: `names` bytes [N] relative to it, int64 labels [N], sizes [N].

    Sorted by class and name. Names are kept as an array: a list of a million texts would be copied
    into every process that reads it.
    """

    folder: Path
    classes: list[str]
    names: NDArray[np.bytes_]
    labels: NDArray[np.int64]
    sizes: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.names)

    def path(self, number: int) -> str:
        """Where picture `number` is."""
        return os.path.join(self.folder, os.fsdecode(self.names[number]))  # noqa: PTH118  a million


def listed(
    folder: str | Path | None, held_out: tuple[str, ...] = ("test", "val")
) -> tuple[Listing, Listing]:
    """The pictures (jpg, jpeg, png) for training and for testing, in the first of `held_out`.

    Classes are the folders in train/, sorted. Raises Mistake where a folder is missing or empty,
    where the two have other classes, and for fewer than two. Pictures that come, go or are replaced
    are noticed by their folders' dates; one that is written over, by the next process.
    """
    if folder is None:
        raise Mistake(
            "dataset.load.data_dir is missing: a folder with train/<class>/*.jpg and "
            "test/<class>/*.jpg (or val/)"
        )
    root = Path(folder).expanduser()
    measured = next((name for name in held_out if (root / name).is_dir()), None)
    if measured is None or not (root / "train").is_dir():
        lacks = "train/" if measured else "/ or ".join(held_out) + "/"
        raise Mistake(
            f"dataset.load.data_dir={folder}: has no {lacks}; pictures are expected in "
            f"train/<class>/ and {held_out[0]}/<class>/"
        )
    train, test = (_pictures(part, _classes(part)) for part in (root / "train", root / measured))
    if len(train.classes) < 2:
        raise Mistake(
            f"{train.folder}: has one class ({train.classes[0]}); there must be two or more"
        )
    for here, there in ((train, test), (test, train)):
        if lacking := sorted(set(here.classes) - set(there.classes)):
            raise Mistake(
                f"{there.folder}: has no folder {lacking[0]}, which {here.folder} has; both need "
                "the same classes"
            )
    return train, test


def count(
    data_dir: str | Path | None = None, size: int | None = None, channels: int = 3
) -> dict[str, Any]:
    """What the settings of a folder of pictures say of it: shape, classes, numbers of pictures."""
    train, test = listed(data_dir)
    height, width = (size, size) if size else picture_size(train.path(0))
    return {**_numbers(train, test), "image_shape": [channels, height, width]}


def count_large(data_dir: str | Path | None = None, size: int = 224) -> dict[str, Any]:
    """As `count`, for pictures that are cropped when they are read."""
    return {**_numbers(*listed(data_dir)), "image_shape": [3, size, size]}


def _numbers(train: Listing, test: Listing) -> dict[str, Any]:
    """Numbers, and a digest of names, classes and sizes: pictures themselves are not read."""
    found = hashlib.sha256()
    for listing in (train, test):
        for array in (listing.names, listing.labels, listing.sizes):
            found.update(array.tobytes())
    return {
        "digest": found.hexdigest()[:16],
        "classes": len(train.classes),
        "train_images": len(train),
        "test_images": len(test),
    }


def _classes(folder: Path) -> tuple[tuple[str, Stamp], ...]:
    """The classes in train/, val/ or test/, sorted, with the state of their folders."""
    try:
        names = sorted(e.name for e in os.scandir(folder) if e.is_dir() and e.name[0] != ".")
    except OSError as error:
        raise Mistake(f"{error.filename}: cannot be read ({error.strerror})") from None
    if not names:
        raise Mistake(f"{folder}: has no folders; pictures are expected in {folder}/<class>/")
    return tuple((name, stamp(folder / name)) for name in names)


@lru_cache(maxsize=2)  # train/ and test/
def _pictures(folder: Path, classes: tuple[tuple[str, Stamp], ...]) -> Listing:
    """What is listed of train/, val/ or test/."""
    try:
        found = [
            (label, *one) for label, (name, _) in enumerate(classes) for one in _files(folder, name)
        ]
    except OSError as error:
        raise Mistake(f"{error.filename}: cannot be read ({error.strerror})") from None
    labels, names, sizes = zip(*found, strict=True)
    return Listing(
        folder,
        [name for name, _ in classes],
        np.array([os.fsencode(name) for name in names]),
        np.array(labels, dtype=np.int64),
        np.array(sizes, dtype=np.int64),
    )


def _files(folder: Path, name: str) -> list[tuple[str, int]]:
    """Names under `folder` and sizes in bytes of a class's pictures, sorted."""
    with os.scandir(folder / name) as entries:
        found = sorted(
            (f"{name}/{e.name}", e.stat().st_size)
            for e in entries
            if e.name.lower().endswith(ENDINGS) and e.name[0] != "." and e.is_file()
        )
    if not found:
        raise Mistake(f"{folder / name}: has no pictures ({', '.join(ENDINGS)})")
    return found
