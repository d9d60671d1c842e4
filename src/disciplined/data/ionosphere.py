"""UCI's Ionosphere: radar returns, good or bad (reference 14, tutorials/ionosphere)."""

from pathlib import Path

import numpy as np
import torch

from disciplined.data.files import DownloadFailed, absent, fetch, read_checked
from disciplined.data.images import ImageSet, checksum

SOURCE = "https://archive.ics.uci.edu/ml/machine-learning-databases/ionosphere/"
FILE = "ionosphere.data"
MD5 = "85649e5fb5b15fb9dab726c400be61fe"
NAMES = ("ionosphere.csv", FILE)
CLASSES = ("b", "g")  # sorted, as the tutorial's label encoder numbers them
TRAIN = 235  # of 351 rows: Keras's validation_split=0.33 measures the last int(351 * 0.67) behind


def ionosphere(data_dir: str | Path, download: bool = True) -> ImageSet:
    """235 training and 116 test rows, float32 [N,34] as published (-1..1); bad is 0, good 1.

    Unshuffled, as the tutorial splits them: of the last 116 rows 107 are good, so that always
    answering "good" scores 92.24 %, where the training rows are 118 good and 117 bad. Read from
    `data_dir`/ionosphere, ionosphere.csv or UCI's own ionosphere.data, its md5 checked; downloaded
    where it is missing, if `download`. Raises Mistake for a corrupt file, and where it is missing
    and cannot be had.

    Sigillito, Wing, Hutton, Baker, *Ionosphere*, UCI Machine Learning Repository, 1989.
    """
    lines = _content(Path(data_dir).expanduser(), download).decode().split()
    rows = [line.split(",") for line in lines]
    values = np.array([row[:-1] for row in rows], dtype=np.float64).astype(np.float32)
    labels = np.array([CLASSES.index(row[-1]) for row in rows], dtype=np.int64)
    arrays = values[:TRAIN], labels[:TRAIN], values[TRAIN:], labels[TRAIN:]
    tensors = (torch.from_numpy(array) for array in arrays)
    return ImageSet(*tensors, sha256=checksum("ionosphere", MD5))


def _content(data_dir: Path, download: bool) -> bytes:
    """The file's content, its md5 checked."""
    folder = data_dir / "ionosphere"
    for name in NAMES:
        if (folder / name).is_file():
            return read_checked(folder / name, MD5)
    path = folder / FILE
    try:
        if not download:
            raise DownloadFailed("dataset.load.download=false")
        fetch(f"{SOURCE}{FILE}", path, MD5)
    except DownloadFailed as failure:
        why = f"ionosphere/{FILE} is missing and {failure}"
        what = f"ionosphere/{FILE}"
        raise absent("Ionosphere", data_dir, what, SOURCE, why) from None
    return read_checked(path, MD5)
