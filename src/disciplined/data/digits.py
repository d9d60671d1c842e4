"""The data set that needs no download: scikit-learn's 8x8 handwritten digits."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from disciplined.data.images import ImageSet, in_memory
from disciplined.data.subsets import split

TEST_IMAGES = 360  # 36 of each digit; the other 1437 are for training


def digits() -> ImageSet:
    """1437 training and 360 test images, uint8 [N,1,8,8], of the ten digits.

    The 1797 images that scikit-learn brings (the test part of UCI's "Optical Recognition of
    Handwritten Digits", Alpaydin and Kaynak 1998), their grey values 0..16 rounded to 0..255. They
    come unsplit: the test images are held out here, balanced over the classes and always the same.
    """
    values, labels = _table()
    images = np.rint(values * (255 / 16)).astype(np.uint8).reshape(-1, 1, 8, 8)
    labels = labels.astype(np.int64)
    train, test = split(labels, train_size=None, validation=TEST_IMAGES)
    arrays = images[train], labels[train], images[test], labels[test]
    return in_memory("digits", arrays=arrays)


def _table() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Grey values 0..16 [1797,64] and labels [1797], from scikit-learn's own file where it lies.

    Importing scikit-learn to read it takes longer (3 s) than many a run on these images.
    """
    package = find_spec("sklearn")
    if package is not None and package.origin is not None:
        file = Path(package.origin).parent / "datasets" / "data" / "digits.csv.gz"
        if file.is_file():
            table = np.loadtxt(file, delimiter=",")
            return table[:, :64], table[:, 64]
    from sklearn.datasets import load_digits

    values, labels = load_digits(return_X_y=True)
    return np.asarray(values, dtype=np.float64), np.asarray(labels, dtype=np.float64)
