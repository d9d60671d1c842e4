"""ImageNet, or any folder of pictures too large for memory, in the layout of ImageFolder."""

from pathlib import Path

import numpy as np
import torch

from disciplined.data.decoding import CROPS
from disciplined.data.images import ImageSet, checksum
from disciplined.data.listing import Listing, listed
from disciplined.data.pictures import Pictures
from disciplined.mistakes import Mistake

MEAN = (123.68, 116.78, 103.94)  # ILSVRC 2012's red, green and blue (Simonyan & Zisserman 2014)


def imagenet(
    data_dir: str | Path,
    size: int = 230,
    resize: int = 256,
    crop: str = "random",
    mean: list[float] | None = None,
    workers: int = 0,
) -> ImageSet:
    """ILSVRC 2012 in `data_dir`/imagenet/train/<class>/*.JPEG and val/<class>/*.JPEG.

    1,281,167 training and 50,000 test images of a thousand classes, decoded as they are read:
    `Pictures`. The third paper crops 230×230 pixels at random from pictures resized to 256, and
    mirrors them (reference 3); `size=224 crop=resized` is what the field does. The middle is
    tested. That the shorter side is 256 pixels is our reading: the author's solvers name a database
    of resized pictures that nobody has, and its mean image; `mean` is ImageNet's a channel.

    Russakovsky et al., *ImageNet Large Scale Visual Recognition Challenge*, 2015.
    """
    folder = Path(data_dir).expanduser() / "imagenet"
    if not folder.is_dir():
        raise Mistake(
            f"data_dir={data_dir}: no ImageNet there; put ILSVRC 2012 into "
            f"{folder.absolute()}/train and /val, a folder a class (from image-net.org, for those "
            "who register)"
        )
    return _streamed("imagenet", folder, ("val",), size, resize, crop, mean, workers)


def large_folder(
    data_dir: str | Path | None = None,
    size: int = 224,
    resize: int = 256,
    crop: str = "resized",
    mean: list[float] | None = None,
    workers: int = 0,
) -> ImageSet:
    """The reader's pictures in `data_dir`/train/<class>/ and test/ or val/, read as ImageNet's."""
    return _streamed("large_folder", data_dir, ("test", "val"), size, resize, crop, mean, workers)


def _streamed(
    name: str,
    folder: str | Path | None,
    held_out: tuple[str, ...],
    size: int,
    resize: int,
    crop: str,
    mean: list[float] | None,
    workers: int,
) -> ImageSet:
    if crop not in CROPS:
        raise Mistake(f"dataset.load.crop={crop}: expected one of {', '.join(CROPS)}")
    if not 0 < size <= resize:
        raise Mistake(
            f"dataset.load.size={size}: expected a number of pixels up to resize={resize}"
        )

    def pictures(listing: Listing) -> Pictures:
        every = np.arange(len(listing))
        return Pictures(listing, every, size, resize, crop, tuple(mean or MEAN), workers)

    train, test = listed(folder, held_out)
    contents = [
        array.tobytes()
        for part in (train, test)
        for array in (part.names, part.sizes.astype("<i8"))
    ]
    return ImageSet(
        pictures(train),
        torch.from_numpy(train.labels),
        pictures(test),
        torch.from_numpy(test.labels),
        sha256=checksum(name, *contents),
    )
