"""What a data set is here: all of its images in memory as bytes, so that a device can hold them.

The papers feed raw pixels 0..255 (reference 0), so bytes lose nothing; `pixels.py` turns a batch of
them into what a network reads.
"""

import hashlib
from dataclasses import dataclass, replace

from torch import Tensor


@dataclass(frozen=True, eq=False)
class ImageSet:
    """A data set: uint8 images [N,C,H,W] in 0..255 and int64 labels [N], for training and testing.

    `sha256` names the images and labels exactly: equal where they are equal, whatever file or
    archive they were read from.
    """

    train_images: Tensor
    train_labels: Tensor
    test_images: Tensor
    test_labels: Tensor
    sha256: str

    def with_training(self, indices: Tensor) -> "ImageSet":
        """The same set with only these training images (int64 [M]), and a checksum that says so."""
        return replace(
            self,
            train_images=self.train_images[indices],
            train_labels=self.train_labels[indices],
            sha256=checksum("subset", self.sha256, indices.cpu().numpy().astype("<i8").tobytes()),
        )


def checksum(name: str, *parts: str | bytes) -> str:
    """A sha256 in hex over a set's name and, in order, the checksums or bytes of what is in it."""
    digest = hashlib.sha256(name.encode())
    for part in parts:
        content = part.encode() if isinstance(part, str) else part
        digest.update(b"\0%d\0" % len(content))
        digest.update(content)
    return digest.hexdigest()
