"""A picture file as pixels: decoded, resized and cropped by Pillow, which comes with `vision`."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from disciplined.mistakes import Mistake

TRIES = 10
WORDS = 2 * TRIES + 2  # random words that a crop takes at most: area and shape a try, then a place
AREA, RATIO = (0.08, 1.0), (3 / 4, 4 / 3)


def pillow() -> Any:
    """The module PIL.Image; Mistake where it is not installed."""
    try:
        from PIL import Image
    except ImportError:
        raise Mistake(
            "reading pictures needs Pillow, which is not installed: uv sync --extra vision"
        ) from None
    return Image


def picture_size(path: str) -> tuple[int, int]:
    """A picture's height and width, from its header."""
    image = pillow()
    try:
        with image.open(path) as found:
            return found.height, found.width
    except Exception as error:
        raise unreadable(path, error) from None


def decoded(path: str, channels: int = 3) -> Any:
    """The picture in a file, of three channels (greyscale ones are repeated) or of one (grey)."""
    image = pillow()
    try:
        with image.open(path) as found:
            return found.convert("RGB" if channels == 3 else "L")
    except Exception as error:  # Pillow raises what its decoders do
        raise unreadable(path, error) from None


def unreadable(path: str, error: Exception) -> Mistake:
    """What to say of a file that holds no picture."""
    why = " ".join(str(error).split()) or type(error).__name__
    return Mistake(f"{path}: is no picture that can be read ({why[:120]}); remove or replace it")


def pixels(picture: Any) -> NDArray[np.uint8]:
    """A picture as uint8 [C,H,W]."""
    values = np.asarray(picture)
    return values[None] if values.ndim == 2 else values.transpose(2, 0, 1)


def shorter_side(picture: Any, length: int) -> Any:
    """The picture with its shorter side resized to `length` (bilinear), its shape kept."""
    width, height = picture.size
    short, long = min(width, height), int(length * max(width, height) / min(width, height))
    if short == length:
        return picture
    size = (length, long) if width <= height else (long, length)
    return picture.resize(size, pillow().Resampling.BILINEAR)


def centre(picture: Any, resize: int, size: int) -> Any:
    """The middle `size`×`size` pixels of the picture resized to `resize` at its shorter side."""
    picture = shorter_side(picture, resize)
    left, top = (round((side - size) / 2) for side in picture.size)
    return picture.crop((left, top, left + size, top + size))


def random_crop(picture: Any, resize: int, size: int, words: Sequence[int]) -> Any:
    """`size`×`size` pixels at a random place of the resized picture, as Caffe's data layer."""
    picture = shorter_side(picture, resize)
    left, top = (_place(word, side - size) for word, side in zip(words, picture.size, strict=False))
    return picture.crop((left, top, left + size, top + size))


def random_resized_crop(picture: Any, resize: int, size: int, words: Sequence[int]) -> Any:
    """A part of 8 to 100 % of the picture's area, 3:4 to 4:3, resized to `size`×`size`.

    As the field does since Szegedy et al. 2014: area uniform, shape uniform in its logarithm, ten
    tries to fit the picture, then the largest part in the middle.
    """
    width, height = picture.size
    bilinear = pillow().Resampling.BILINEAR
    for number in range(TRIES):
        area = width * height * _between(words[2 * number], *AREA)
        ratio = math.exp(_between(words[2 * number + 1], *map(math.log, RATIO)))
        w, h = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if 0 < w <= width and 0 < h <= height:
            left, top = _place(words[-2], width - w), _place(words[-1], height - h)
            return picture.resize((size, size), bilinear, box=(left, top, left + w, top + h))
    w, h = min(width, round(height * RATIO[1])), min(height, round(width / RATIO[0]))
    left, top = (width - w) // 2, (height - h) // 2
    return picture.resize((size, size), bilinear, box=(left, top, left + w, top + h))


CROPS = {"random": random_crop, "resized": random_resized_crop}


def _place(word: int, last: int) -> int:
    """A random 64-bit word as a whole number from 0 to `last`."""
    return ((int(word) >> 32) * (last + 1)) >> 32


def _between(word: int, low: float, high: float) -> float:
    """A random 64-bit word as a number between two."""
    return low + (high - low) * ((int(word) >> 11) * 2.0**-53)
