"""A table of the reader's own as a data set."""

from pathlib import Path

from disciplined.data.images import ImageSet, in_memory
from disciplined.data.table_file import read_split


def table(
    file: str | Path | None = None,
    label: str | int | None = None,
    test_file: str | Path | None = None,
    test_share: float | None = None,
    header: bool = True,
    delimiter: str = ",",
) -> ImageSet:
    """The numbers of a CSV file, float32 [N,F], and its labels, sorted; `table_file.read_split`."""
    found = read_split(file, label, test_file, test_share, header, delimiter)
    arrays = found.train, found.train_labels, found.test, found.test_labels
    return in_memory("table", *found.classes, arrays=arrays)
