"""Any of torchvision's classification data sets that come with a training and a test part."""

import inspect
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from disciplined.data.decoding import centre, pixels
from disciplined.data.images import ImageSet, in_memory
from disciplined.mistakes import Mistake

Part = tuple[NDArray[np.uint8], NDArray[np.int64]]


def torchvision(
    name: str | None = None,
    data_dir: str | Path = "data",
    download: bool = True,
    size: int | None = None,
) -> ImageSet:
    """`torchvision.datasets.<name>` (FashionMNIST, SVHN, ...) in memory, uint8 [N,C,H,W].

    `size` resizes shorter sides and cuts out the middle; without it the images must have one size.
    Raises Mistake for a set there is not, one that has not both parts, and where torchvision is not
    installed.
    """
    (train, train_labels), (test, test_labels) = _parts(name, str(data_dir), download, size)
    arrays = train, train_labels, test, test_labels
    return in_memory("torchvision", str(name), arrays=arrays)


def count(
    name: str | None = None,
    data_dir: str | Path = "data",
    download: bool = True,
    size: int | None = None,
) -> dict[str, Any]:
    """What the settings say of the set; nobody but torchvision knows, so it is loaded."""
    (train, train_labels), (test, test_labels) = _parts(name, str(data_dir), download, size)
    return {
        "image_shape": list(train.shape[1:]),
        "classes": 1 + int(max(train_labels.max(), test_labels.max())),
        "train_images": len(train),
        "test_images": len(test),
    }


@lru_cache(maxsize=1)  # counted, then loaded
def _parts(name: str | None, data_dir: str, download: bool, size: int | None) -> tuple[Part, Part]:
    if name is None:
        raise Mistake("dataset.load.name is missing: a set of torchvision's, such as FashionMNIST")
    try:
        from torchvision import datasets  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise Mistake(
            "dataset=torchvision: torchvision is not installed: uv sync --extra vision"
        ) from None
    kind: Any = getattr(datasets, str(name), None)
    if not inspect.isclass(kind) or not issubclass(kind, datasets.VisionDataset):
        raise Mistake(
            f"dataset.load.name={name}: torchvision has no such data set; it has, for example, "
            "FashionMNIST, KMNIST, SVHN, STL10"
        )
    made: Any = kind
    asks = inspect.signature(made).parameters
    if "train" in asks:
        parts: list[dict[str, Any]] = [{"train": True}, {"train": False}]
    elif "split" in asks:
        parts = [{"split": "train"}, {"split": "test"}]
    else:
        raise Mistake(
            f"dataset.load.name={name}: this set has no training and test part of its own; save it "
            "as pictures and use dataset=folder"
        )
    given: dict[str, Any] = {"download": download} if "download" in asks else {}
    try:
        train, test = (
            _read(made(str(Path(data_dir).expanduser()), **part, **given), str(name), size)
            for part in parts
        )
    except (RuntimeError, OSError, ValueError) as error:
        if isinstance(error, Mistake):
            raise
        why = " ".join(str(error).split())
        raise Mistake(f"dataset.load.name={name}: cannot be had ({why[:160]})") from None
    if train[0].shape[1:] != test[0].shape[1:]:
        raise Mistake(
            f"dataset.load.name={name}: training and test images differ in size; set "
            "dataset.load.size"
        )
    return train, test


def _read(part: Any, name: str, size: int | None) -> Part:
    """All images and labels of a part."""
    images, labels = [], []
    for picture, label in part:
        if not isinstance(label, int | np.integer):
            raise Mistake(
                f"dataset.load.name={name}: its labels are no classes ({type(label).__name__})"
            )
        images.append(pixels(picture if size is None else centre(picture, size, size)))
        if images[-1].shape != images[0].shape:
            raise Mistake(
                f"dataset.load.name={name}: its images differ in size or colour; set "
                "dataset.load.size=64, say, to resize and crop them"
            )
        labels.append(int(label))
    return np.stack(images), np.array(labels, dtype=np.int64)
