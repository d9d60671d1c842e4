"""What is read off the author's own range tests (superconv), beside what he and the pictures say.

Expected before any threshold was set: from the paper where it says something, else by eye on the
full logs. `falls` and the maximum: between which rates, None where accuracy holds to the end.
"""

from pathlib import Path

import numpy as np
import pytest

from disciplined.studies import author
from disciplined.training.rows import read_rows
from disciplined.tuning.curve import Curve
from disciplined.tuning.reading import readings, suggested

FLAT = "1708.07120: flat to very large rates, which is what announces super-convergence"
COLLAPSE = "by eye on the full log: collapses for good"

# log: (falls between, maximum between, source)
EXPECTED = {
    "range3Iter5kFig2b": (None, (2.9, 3), FLAT),
    "range3Iter20kFig2b": (None, (2.9, 3), FLAT),
    "range3Iter100kFig2b": (None, (2.9, 3), FLAT),
    "range3Cifar100kFig8": (None, (2.9, 3), FLAT),
    "range2SS80kRes56wd0": (None, (1.9, 2), FLAT),
    "range2SS80kRes56wd1": (None, (1.9, 2), FLAT),
    "range2SS80kRes56LR": (None, (1.7, 2), FLAT),
    "range2Res20Fig4b": (None, (1.9, 2), FLAT),
    "range2Res110Fig4b": (None, (1.9, 2), FLAT),
    "lrRange3SS520kDropuoutFig10a": (None, None, "0.863 at 0.7, 0.78 at 3: flat, then rougher"),
    "lrRange3SS520kClip10Fig12a": ((0.44, 0.48), (0.3, 0.48), COLLAPSE),
    "lrRange3SS520kClip10Fig12b": ((0.56, 0.62), (0.4, 0.62), COLLAPSE),
    "lrRange3SS520kClip2Fig12a": ((0.5, 0.72), (0.4, 0.6), f"{COLLAPSE}, ragged from about 0.5"),
    "lrRange3SS520kClip2Fig12b": ((0.45, 0.72), (0.4, 0.72), COLLAPSE),
    "lrRange3SS520kClip5Fig12a": ((0.4, 0.57), (0.2, 0.57), COLLAPSE),
    "lrRange3SS520kClip5Fig12b": ((0.35, 0.57), (0.35, 0.57), COLLAPSE),
}


def curve(columns: dict[str, np.ndarray]) -> Curve:
    """A log's test columns as what a range test of one's own would hold out."""
    kept = np.isfinite(columns["lr"])
    kept[kept] &= np.diff(columns["lr"][kept], prepend=-1) > 0
    return Curve(
        columns["lr"][kept],
        train_loss=columns["train_loss"][kept],
        val_loss=columns["test_loss"][kept],
        val_accuracy=columns["test_accuracy"][kept],
    )


def thinned(name: str) -> Curve:
    return curve(author.log(f"superconv/{name}").columns)


def full(name: str, folder: Path) -> Curve:
    rows = read_rows(folder / "superconv" / f"{name}.csv")
    return curve(
        {k: np.array([np.nan if r[k] is None else r[k] for r in rows], float) for k in rows[0]}
    )
