"""Held-out validation images and smaller training sets, both class-balanced.

Drawn with a seed of their own, never the run's: every run of a study validates on the same images,
and repeats differ in what a seed is for. Training sets are nested (10,000 images hold the 5,000 of
a smaller setting) and do not depend on whether some images are held out: validation takes each
class's images from the front of its order, training from the back.
"""

import numpy as np
from numpy.typing import NDArray

from disciplined.data.randomness import Purpose, permutation
from disciplined.mistakes import Mistake

SEED = 1803_09820  # the third paper's number; fixed for good, since it decides who is held out


def split(
    labels: NDArray[np.integer], *, train_size: int | None, validation: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Indices (training, validation) into `labels` [N], int64, ascending, disjoint.

    `train_size` None is all that is not held out; `validation` 0 holds out nothing. Classes get as
    many images each as their numbers allow, counts at most one apart until a class is used up.
    Raises Mistake for sizes the set cannot give, or too small for an image of every class.
    """
    labels = np.asarray(labels)
    classes, sizes = np.unique(labels, return_counts=True)
    images = len(labels)
    if validation and not len(classes) <= validation <= images - len(classes):
        raise Mistake(
            f"dataset.validation={validation}: from {images} training images, 0 or between "
            f"{len(classes)} (one a class) and {images - len(classes)} can be held out"
        )
    held = _shares(sizes - 1, validation)  # every class keeps an image to train on
    remaining = images - validation
    wanted = remaining if train_size is None else train_size
    if not len(classes) <= wanted <= remaining:
        raise Mistake(
            f"train_size={wanted}: between {len(classes)} (one a class) and {remaining} "
            f"({images} less {validation} for validation) training images can be had"
        )
    kept = _shares(sizes - held, wanted)
    train, val = [], []
    for number, label in enumerate(classes):
        members = np.flatnonzero(labels == label)
        order = members[permutation(Purpose.SUBSET, SEED, int(label), len(members))]
        val.append(order[: held[number]])
        train.append(order[len(order) - kept[number] :])
    return np.sort(np.concatenate(train)), np.sort(np.concatenate(val))


def _shares(sizes: NDArray[np.integer], wanted: int) -> NDArray[np.int64]:
    """`wanted` images over classes of `sizes`, as evenly as can be; the first get the rest."""
    level = 0
    while np.minimum(sizes, level + 1).sum() <= wanted and level < sizes.max():
        level += 1
    shares = np.minimum(sizes, level).astype(np.int64)
    shares[np.flatnonzero(sizes > level)[: wanted - shares.sum()]] += 1
    return shares
