"""Random images of any declared shape in a data set's place, for runs that only have to run."""

from typing import Any

import torch

from disciplined.data.images import ImageSet


def random_images(
    shape: list[int], labels: int, train: int, test: int, **_settings: Any
) -> ImageSet:
    """`train` and `test` bytes (or features, where the shape is one number) of `labels` classes.

    Takes and ignores whatever the data set's own loader has for settings.
    """
    generator = torch.Generator().manual_seed(0)

    def images(count: int) -> torch.Tensor:
        if len(shape) == 1:
            return torch.randn(count, *shape, generator=generator)
        return torch.randint(0, 256, (count, *shape), dtype=torch.uint8, generator=generator)

    def classes(count: int) -> torch.Tensor:
        return (torch.arange(count) + labels - 1) % labels

    return ImageSet(images(train), classes(train), images(test), classes(test), sha256="random")
