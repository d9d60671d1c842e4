"""What a data set is here: all of its images in memory as bytes, so that a device can hold them.

The papers feed raw pixels 0..255 (reference 0), so bytes lose nothing; `pixels.py` turns a batch of
them into what a network reads. The rows of a table stand in the images' place as they are, and
`Pictures` where the images are too many to hold.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor


@dataclass(frozen=True, eq=False)
class ImageSet:
    """A data set: images and int64 labels [N], for training and testing.

    Images are uint8 [N,C,H,W] in 0..255, or float32 features [N,F] of a table, or `Pictures`, whose
    files are read when they are needed. `sha256` names images and labels exactly: equal where they
    are equal, whatever file or archive they were read from (of `Pictures` it knows names and sizes
    only).
    """

    train_images: Any
    train_labels: Tensor
    test_images: Any
    test_labels: Tensor
    sha256: str

    def with_training(self, indices: Tensor) -> "ImageSet":
        """The same set with only these training images (int64 [M]), and a checksum that says so."""
        return replace(
            self,
            train_images=subset(self.train_images, indices),
            train_labels=self.train_labels[indices],
            sha256=checksum("subset", self.sha256, indices.cpu().numpy().astype("<i8").tobytes()),
        )


def in_memory(name: str, *told: str, arrays: Sequence[NDArray[Any]]) -> ImageSet:
    """The set `name` of training images and labels, test images and labels, in that order.

    Its checksum is over what else is `told` of it and the arrays' bytes, whose memory it shares.
    """
    contents = (array.tobytes() for array in arrays)
    tensors = (torch.from_numpy(array) for array in arrays)
    return ImageSet(*tensors, sha256=checksum(name, *told, *contents))


def subset(images: Any, indices: Tensor) -> Any:
    """These of the images (int64 [M]), in this order; of `Pictures` without reading them."""
    return images[indices] if isinstance(images, Tensor) else images.subset(indices.numpy())


def checksum(name: str, *parts: str | bytes) -> str:
    """A sha256 in hex over a set's name and, in order, the checksums or bytes of what is in it."""
    digest = hashlib.sha256(name.encode())
    for part in parts:
        content = part.encode() if isinstance(part, str) else part
        digest.update(b"\0%d\0" % len(content))
        digest.update(content)
    return digest.hexdigest()
