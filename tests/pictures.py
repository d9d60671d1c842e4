"""Small folders of pictures, written here."""

from pathlib import Path

import numpy as np
from PIL import Image


def picture(seed: int, width: int, height: int, mode: str = "RGB") -> Image.Image:
    """Noise whose pixels a PNG keeps."""
    shape = (height, width, 3) if mode == "RGB" else (height, width)
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, shape, np.uint8))


def folder(
    root: Path, *, held_out: str = "test", sizes: tuple[tuple[int, int], ...] = ((8, 6),)
) -> Path:
    """train/ with cat (3 pictures) and dog (2), `held_out` with one of each; grey among them."""
    number = 0
    for part, counts in (("train", {"cat": 3, "dog": 2}), (held_out, {"cat": 1, "dog": 1})):
        for name, count in counts.items():
            (root / part / name).mkdir(parents=True)
            for index in range(count):
                mode = "L" if (name, index) == ("cat", 1) else "RGB"
                made = picture(number, *sizes[number % len(sizes)], mode)
                made.save(root / part / name / f"{index}.{'PNG' if index else 'png'}")
                number += 1
    return root
