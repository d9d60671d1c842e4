"""CIFAR-10 and CIFAR-100 from the archive their author publishes, or unpacked beside it.

The files are Python pickles, which can run any code, so nothing is unpickled before its md5 is the
published one, and then by a reader that knows three names and stands in for all of them.
"""

import hashlib
import io
import pickle
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from disciplined.data.files import (
    DownloadFailed,
    absent,
    check,
    corrupt,
    fetch,
    read,
    read_checked,
)
from disciplined.data.images import ImageSet, checksum

SOURCE = "https://www.cs.toronto.edu/~kriz/"


@dataclass(frozen=True)
class Published:
    """The published files of one of the two sets; `files`: name -> (bytes, md5), the test's last.

    `labels` is the name that its files keep the labels under.
    """

    name: str
    title: str
    archive: str
    archive_md5: str
    folder: str
    files: dict[str, tuple[int, str]]
    labels: bytes


CIFAR10 = Published(
    name="cifar10",
    title="CIFAR-10",
    archive="cifar-10-python.tar.gz",
    archive_md5="c58f30108f718f92721af3b95e74349a",
    folder="cifar-10-batches-py",
    files={
        "data_batch_1": (31035704, "c99cafc152244af753f735de768cd75f"),
        "data_batch_2": (31035320, "d4bba439e000b95fd0a9bffe97cbabec"),
        "data_batch_3": (31035999, "54ebc095f3ab1f0389bbae665268c751"),
        "data_batch_4": (31035696, "634d18415352ddfa80567beed471001a"),
        "data_batch_5": (31035623, "482c414d41f54cd18b22e5b47cb7c3cb"),
        "test_batch": (31035526, "40351d587109b95175f43aff81a1287e"),
    },
    labels=b"labels",
)
CIFAR100 = Published(
    name="cifar100",
    title="CIFAR-100",
    archive="cifar-100-python.tar.gz",
    archive_md5="eb9058c3a382ffc7106e4002c42a8d85",
    folder="cifar-100-python",
    files={
        "train": (155249918, "16019d7e3df5f24257cddd939b257f8d"),
        "test": (31049707, "f0ef6b0ae62326f3e7ffdfab6717acfc"),
    },
    labels=b"fine_labels",
)


def cifar10(data_dir: str | Path, download: bool = True) -> ImageSet:
    """50,000 training and 10,000 test images, uint8 [N,3,32,32] (R, G, B), of ten classes.

    Read from `data_dir`: cifar-10-batches-py/ where it is whole, else cifar-10-python.tar.gz, which
    is downloaded where it is missing, if `download`. Raises Mistake for a corrupt file, and where
    the set is missing and cannot be had.

    Krizhevsky, *Learning Multiple Layers of Features from Tiny Images*, 2009.
    """
    return _load(CIFAR10, Path(data_dir).expanduser(), download)


def cifar100(data_dir: str | Path, download: bool = True) -> ImageSet:
    """As `cifar10`, of the hundred fine classes: cifar-100-python/ or cifar-100-python.tar.gz."""
    return _load(CIFAR100, Path(data_dir).expanduser(), download)


def _load(published: Published, data_dir: Path, download: bool) -> ImageSet:
    contents = _contents(published, data_dir, download)
    batches = {name: parse_batch(content, published.labels) for name, content in contents}
    *train, test = (batches[name] for name in published.files)  # an archive has its own order
    return ImageSet(
        torch.from_numpy(np.concatenate([images for images, _ in train])),
        torch.from_numpy(np.concatenate([labels for _, labels in train])),
        torch.from_numpy(test[0].copy()),
        torch.from_numpy(test[1]),
        sha256=checksum(published.name, *(md5 for _, md5 in published.files.values())),
    )


def _contents(published: Published, data_dir: Path, download: bool) -> Iterator[tuple[str, bytes]]:
    """Every file's name and content, md5 checked, from the folder, the archive or the network."""
    folder, archive = data_dir / published.folder, data_dir / published.archive
    missing = [name for name in published.files if not (folder / name).is_file()]
    if not missing:
        for name, (_, md5) in published.files.items():
            yield name, read_checked(folder / name, md5)
        return
    if not archive.is_file():
        why = f"{published.folder} lacks {missing[0]}, " if folder.is_dir() else ""
        try:
            if not download:
                raise DownloadFailed("dataset.load.download=false")
            fetch(f"{SOURCE}{published.archive}", archive, published.archive_md5)
        except DownloadFailed as failure:
            raise absent(
                published.title, data_dir, published.archive, SOURCE, f"{why}{failure}"
            ) from None
    yield from _archived(published, archive)


def _archived(published: Published, archive: Path) -> Iterator[tuple[str, bytes]]:
    """The files in the archive, by their exact names, in memory: nothing is written to disk.

    One pass: going back in a gzip means to begin again. A member that claims another size is not
    even read.
    """
    wanted = {f"{published.folder}/{name}": name for name in published.files}
    try:
        with tarfile.open(archive, "r|gz", bufsize=1 << 20) as tar:
            for member in tar:
                name = wanted.get(member.name)
                if name is None:
                    continue
                size, md5 = published.files[name]
                file = tar.extractfile(member) if member.isreg() and member.size == size else None
                if file is None:
                    break
                content = file.read()
                check(content, md5, f"{member.name} in {archive}")
                del wanted[member.name]
                yield name, content
                if not wanted:
                    return
    except (tarfile.TarError, zlib.error, EOFError, OSError):
        pass  # said below, with the checksum
    found = hashlib.md5(read(archive), usedforsecurity=False).hexdigest()
    raise corrupt(str(archive), published.archive_md5, found)


def parse_batch(content: bytes, labels: bytes) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Images uint8 [N,3,32,32], over the pickle's bytes, and labels int64 [N] of one pickled batch.

    `labels` is the name the batch keeps its labels under. Raises pickle.UnpicklingError for a
    pickle that names anything but a numpy array, and ValueError for one that holds something else.
    """
    try:
        batch = _Unpickler(io.BytesIO(content), encoding="bytes").load()
        pixels = np.frombuffer(batch[b"data"].content, dtype=np.uint8).reshape(-1, 3, 32, 32)
        values = np.array(batch[labels], dtype=np.int64)
    except (AttributeError, EOFError, IndexError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"not a CIFAR batch: {error}") from None
    if values.shape != (len(pixels),):
        raise ValueError(f"not a CIFAR batch: {len(pixels)} images but {len(values)} labels")
    return pixels, values


class _Array:
    """Stands in for the pickled numpy array, whose bytes it keeps, and for the array's dtype."""

    content: bytes

    def __init__(self, *arguments: Any) -> None:
        """Take what numpy's constructors would be given."""

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        if len(state) == 5:  # version, shape, dtype, column-major, bytes
            self.content = state[4]


class _Unpickler(pickle.Unpickler):
    """Admits the three names that CIFAR's files hold, and not even those reach numpy.

    Besides, numpy warns of the way these arrays were pickled in 2009, and is asked nothing here.
    """

    def find_class(self, module: str, name: str) -> Any:
        """The stand-in for a numpy name; pickle.UnpicklingError for any other."""
        if (module, name) in {
            ("numpy.core.multiarray", "_reconstruct"),
            ("numpy", "ndarray"),
            ("numpy", "dtype"),
        }:
            return _Array
        raise pickle.UnpicklingError(f"{module}.{name} has no place in a CIFAR file")
