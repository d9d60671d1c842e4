"""A table of the reader's own: a CSV file of numbers with a column of labels. No torch.

Read here for two: `table.py` makes tensors of it, and a run is planned by what `count` finds. A
process reads a file once, unless it changes.
"""

import csv
import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from disciplined.data.randomness import Purpose, permutation
from disciplined.data.stamps import Stamp, stamp
from disciplined.data.subsets import SEED
from disciplined.mistakes import Mistake

LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True, eq=False)
class Rows:
    """What a file holds: float32 features [N,F], a text label a row, the features' names."""

    features: NDArray[np.float32]
    labels: list[str]
    names: list[str]


@dataclass(frozen=True, eq=False)
class Split:
    """A table for training and testing: features [N,F], int64 labels [N], the classes' names."""

    train: NDArray[np.float32]
    train_labels: NDArray[np.int64]
    test: NDArray[np.float32]
    test_labels: NDArray[np.int64]
    classes: list[str]


def read_split(
    file: str | Path | None = None,
    label: str | int | None = None,
    test_file: str | Path | None = None,
    test_share: float | None = None,
    header: bool = True,
    delimiter: str = ",",
) -> Split:
    """The table in `file`; its classes are the labels, sorted (as numbers, where all of them are).

    `label` is the label column's name, or its number from 0 (-1 is the last). For testing there is
    `test_file`, or `test_share` of every class's rows, drawn with a seed of its own: every run
    tests on the same. Raises Mistake for what cannot be read, is no finite number, or leaves a
    class without rows to train or to test on.
    """
    if file is None or label is None:
        missing = "file" if file is None else "label"
        raise Mistake(
            f"dataset.load.{missing} is missing: dataset=table needs "
            "dataset.load.file=rows.csv and dataset.load.label=column"
        )
    if (test_file is None) == (test_share is None):
        raise Mistake(
            f"dataset.load.test_file={test_file} and test_share={test_share}: a table is tested on "
            "a file of its own or on a share of its rows; set one of them to null"
        )
    if not isinstance(label, str | int):
        raise Mistake(f"dataset.load.label={label}: expected a column's name, or its number from 0")
    if not isinstance(delimiter, str) or len(delimiter) != 1:
        raise Mistake(f"dataset.load.delimiter={delimiter}: expected one character, such as ;")
    files = Path(file).expanduser(), None if test_file is None else Path(test_file).expanduser()
    stamps = tuple(stamp(path) for path in files if path is not None)
    return _split(*files, label, test_share, header, delimiter, stamps)


@lru_cache(maxsize=1)  # counted, then loaded
def _split(
    file: Path,
    test_file: Path | None,
    label: str | int,
    test_share: float | None,
    header: bool,
    delimiter: str,
    stamps: tuple[Stamp, ...],
) -> Split:
    """What `read_split` says of files in the state that `stamps` stand for."""
    rows = read(file, label, header, delimiter)
    classes = sorted(set(rows.labels), key=_number_or_text(rows.labels))
    if len(classes) < 2:
        raise Mistake(
            f"{file}: all rows are of one class ({classes[0]}); there must be two or more"
        )
    if test_file is None:
        assert test_share is not None
        labels = _numbered(rows.labels, classes, file)
        chosen = share(labels, test_share)
        return Split(
            rows.features[~chosen], labels[~chosen], rows.features[chosen], labels[chosen], classes
        )
    test = read(test_file, label, header, delimiter, "test_file")
    if test.names != rows.names:
        raise Mistake(f"{test_file}: its columns are not those of {file}")
    if missing := [name for name in classes if name not in set(test.labels)]:
        raise Mistake(f"{test_file}: has no row of class {missing[0]}, which {file} has")
    return Split(
        rows.features,
        _numbered(rows.labels, classes, file),
        test.features,
        _numbered(test.labels, classes, test_file),
        classes,
    )


def count(
    file: str | Path | None = None,
    label: str | int | None = None,
    test_file: str | Path | None = None,
    test_share: float | None = None,
    header: bool = True,
    delimiter: str = ",",
) -> dict[str, Any]:
    """What the settings of a table say of it once it is read: shape, classes and rows."""
    found = read_split(file, label, test_file, test_share, header, delimiter)
    contents = hashlib.sha256()
    for array in (found.train, found.train_labels, found.test, found.test_labels):
        contents.update(array.tobytes())
    return {
        "digest": contents.hexdigest()[:16],
        "image_shape": [found.train.shape[1]],
        "classes": len(found.classes),
        "train_images": len(found.train),
        "test_images": len(found.test),
    }


def share(labels: NDArray[np.int64], test_share: float) -> NDArray[np.bool_]:
    """Which rows are for testing, bool [N]: that share of every class, rounded, at least one row.

    Unlike a validation split, which takes equally many of every class, the test rows keep the
    table's proportions: they stand for what the network will meet.
    """
    if isinstance(test_share, bool) or not 0 < test_share < 1:
        raise Mistake(f"dataset.load.test_share={test_share}: expected a share between 0 and 1")
    chosen = np.zeros(len(labels), dtype=np.bool_)
    for number in range(int(labels.max()) + 1):
        members = np.flatnonzero(labels == number)
        if len(members) < 2:
            raise Mistake(
                f"dataset.load.test_share={test_share}: a class has a single row, which cannot be "
                "trained and tested on; leave it out, or give a dataset.load.test_file"
            )
        wanted = min(max(1, round(test_share * len(members))), len(members) - 1)
        order = permutation(Purpose.TEST_SHARE, SEED, number, len(members))
        chosen[members[order[:wanted]]] = True
    return chosen


def read(path: Path, label: str | int, header: bool, delimiter: str, setting: str = "file") -> Rows:
    """The rows of one file, which `setting` named; blank lines are passed over."""
    names: list[str] | None = None
    place, values, labels = -1, [], []
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            lines = csv.reader(file, delimiter=delimiter)
            for cells in lines:
                if not any(cell.strip() for cell in cells):
                    continue
                if names is None:
                    names = (
                        [c.strip() for c in cells]
                        if header
                        else [str(c) for c in range(len(cells))]
                    )
                    place = _column(label, names, path, header)
                    if header:
                        continue
                if len(cells) != len(names):
                    raise Mistake(
                        f"{path}, line {lines.line_num}: {len(cells)} cells where the first line "
                        f"has {len(names)}"
                    )
                labels.append(cells[place].strip())
                if not labels[-1]:
                    raise Mistake(f"{path}, line {lines.line_num}: the label is empty")
                values.append(_numbers(cells, place, names, f"{path}, line {lines.line_num}"))
    except OSError as error:
        raise Mistake(f"dataset.load.{setting}={path}: cannot be read ({error.strerror})") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise Mistake(f"{path}: is no CSV file in UTF-8 ({error})") from None
    if names is None or not values:
        raise Mistake(f"{path}: has no rows")
    if len(names) < 2:
        raise Mistake(
            f"{path}: has one column, its labels; is dataset.load.delimiter={delimiter} right?"
        )
    features = np.array(values, dtype=np.float32)
    return Rows(features, labels, names[:place] + names[place + 1 :])


def _numbers(cells: list[str], place: int, names: list[str], where: str) -> list[float]:
    """A line's cells but the label as finite numbers of single precision."""
    found = []
    for number, cell in enumerate(cells):
        if number == place:
            continue
        try:
            value = float(cell)
        except ValueError:
            value = float("nan")
        if not abs(value) <= LARGEST:
            raise Mistake(
                f"{where}: {names[number]}={cell.strip() or '(empty)'} is no finite number; a "
                "table is numbers but for its labels"
            )
        found.append(value)
    return found


def _column(label: str | int, names: list[str], path: Path, header: bool) -> int:
    """The place of the label column."""
    if str(label) in names and (header or not str(label).startswith("-")):
        return names.index(str(label))
    if isinstance(label, int) and -len(names) <= label < len(names):
        return label % len(names)
    columns = ", ".join(names[:8]) + ", ..." * (len(names) > 8)
    raise Mistake(f"dataset.load.label={label}: {path} has no such column; it has {columns}")


def _number_or_text(labels: list[str]) -> Any:
    """The key that sorts labels: as numbers where all of them are, else as text."""
    try:
        numbers = {text: float(text) for text in labels}
    except ValueError:
        return str
    return lambda text: (numbers[text], text)


def _numbered(labels: list[str], classes: list[str], file: object) -> NDArray[np.int64]:
    """Labels as the numbers of their classes."""
    number = {name: place for place, name in enumerate(classes)}
    for name in labels:
        if name not in number:
            raise Mistake(f"{file}: class {name} is in no training row")
    return np.array([number[name] for name in labels], dtype=np.int64)
