"""The author's curves in the repository are his logs, thinned."""

import math
from pathlib import Path

import numpy as np
import pytest

from disciplined.mistakes import Mistake
from disciplined.studies import author
from disciplined.studies.study_file import ids, load
from disciplined.training.rows import read_rows


def test_every_log_a_study_names_is_there():
    named = {name for study in ids() for name in load(study).author.values()}
    assert named <= set(author.index())


@pytest.mark.parametrize("name", author.index())
def test_a_curve_is_small_and_ends_as_its_log_does(name: str):
    log = author.log(name)
    assert 20 <= log.columns["iteration"].size <= 100
    assert log.columns["iteration"][-1] <= log.iterations
    measured = log.columns["test_accuracy"][~np.isnan(log.columns["test_accuracy"])]
    assert measured[-1] == log.final["test_accuracy"]


@pytest.mark.data
@pytest.mark.parametrize("name", author.index())
def test_every_point_is_the_authors(curves_dir: Path, name: str):
    full = {r["iteration"]: r for r in read_rows(curves_dir / f"{name}.csv")}
    small = read_rows(author.FOLDER / f"{name}.csv")
    assert all(full[row["iteration"]] == row for row in small)
    last = [r["test_loss"] for r in full.values() if r["test_loss"] is not None][-6:]
    residual = np.array(last) - np.polyval(np.polyfit(range(6), last, 1), range(6))
    spread = math.sqrt(float((residual**2).sum()) / 4)
    assert author.log(name).late_std["test_loss"] == pytest.approx(spread, rel=0.01)


def test_unknown_log():
    with pytest.raises(Mistake, match="no log superconv/nothing"):
        author.log("superconv/nothing")
