"""MNIST from its four IDX files, as torchvision and the publishers lay them out."""

import gzip
import math
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from disciplined.data.files import DownloadFailed, absent, fetch, read_checked
from disciplined.data.images import ImageSet, checksum

SOURCE = "https://ossci-datasets.s3.amazonaws.com/mnist/"
# file: (md5 unpacked, md5 of its .gz)
FILES = {
    "train-images-idx3-ubyte": (
        "6bbc9ace898e44ae57da46a324031adb",
        "f68b3c2dcbeaaa9fbdd348bbdeb94873",
    ),
    "train-labels-idx1-ubyte": (
        "a25bea736e30d166cdddb491f175f624",
        "d53e105ee54ea40749a09fcbcd1e9432",
    ),
    "t10k-images-idx3-ubyte": (
        "2646ac647ad5339dbf082846283269ea",
        "9fb629c4189551a2d022fa330f9573f3",
    ),
    "t10k-labels-idx1-ubyte": (
        "27ae3e4e09519cfbb04c329615203637",
        "ec29112dd5afa0611ce80d1b7f02629c",
    ),
}


def mnist(data_dir: str | Path, download: bool = True) -> ImageSet:
    """60,000 training and 10,000 test images, uint8 [N,1,28,28], of the ten digits.

    Read from `data_dir`/MNIST/raw, each file unpacked or as its .gz, its md5 checked. Where one is
    missing its .gz is downloaded, if `download`. Raises Mistake for a corrupt file, and where a
    file is missing and cannot be had.

    LeCun, Cortes, Burges, *The MNIST database of handwritten digits*, 1998.
    """
    folder = Path(data_dir).expanduser()
    train_images, train_labels, test_images, test_labels = (
        torch.from_numpy(parse_idx(_content(folder, name, download))) for name in FILES
    )
    return ImageSet(
        train_images.unsqueeze(1),
        train_labels.long(),
        test_images.unsqueeze(1),
        test_labels.long(),
        sha256=checksum("mnist", *(md5 for md5, _ in FILES.values())),
    )


def parse_idx(content: bytearray) -> NDArray[np.uint8]:
    """The array in an IDX file of unsigned bytes, over the same memory.

    The header is two zero bytes, 8 for unsigned bytes, the number of dimensions, then each
    dimension as a big-endian 32-bit number. Raises ValueError where that or the length is not so.
    """
    if len(content) < 4 or bytes(content[:3]) != b"\0\0\x08":
        raise ValueError(f"not an IDX file of unsigned bytes: it begins with {bytes(content[:4])}")
    start = 4 + 4 * content[3]
    shape = tuple(int(n) for n in np.frombuffer(content[4:start], dtype=">u4"))
    if len(shape) != content[3] or len(content) - start != math.prod(shape):
        raise ValueError(f"an IDX file of {shape} does not have {len(content)} bytes")
    return np.frombuffer(content, dtype=np.uint8, offset=start).reshape(shape)


def _content(data_dir: Path, name: str, download: bool) -> bytearray:
    """One file's content, its md5 checked; writable, as the arrays that become tensors must be."""
    md5, gz_md5 = FILES[name]
    path = data_dir / "MNIST" / "raw" / name
    packed = path.with_name(f"{name}.gz")
    if path.is_file():
        return bytearray(read_checked(path, md5))
    if not packed.is_file():
        why = f"MNIST/raw/{packed.name} is missing"
        try:
            if not download:
                raise DownloadFailed("dataset.load.download=false")
            fetch(f"{SOURCE}{packed.name}", packed, gz_md5)
        except DownloadFailed as failure:
            what = "MNIST/raw/ with the four *-ubyte.gz files"
            raise absent("MNIST", data_dir, what, SOURCE, f"{why} and {failure}") from None
    return bytearray(gzip.decompress(read_checked(packed, gz_md5)))
