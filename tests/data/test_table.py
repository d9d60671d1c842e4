from pathlib import Path

import numpy as np
import pytest
import torch

from disciplined.data.table import table
from disciplined.data.table_file import count, share

ROWS = "height,kind,width\n" + "".join(
    f"{number},{'cat' if number % 4 else 'dog'},{number / 8}\n" for number in range(40)
)


def written(folder: Path, text: str, name: str = "rows.csv") -> str:
    (folder / name).write_text(text)
    return str(folder / name)


def test_numbers_and_labels_are_read(tmp_path: Path):
    found = table(written(tmp_path, ROWS), "kind", test_share=0.25)
    assert found.train_images.dtype == torch.float32 and found.train_labels.dtype == torch.int64
    assert found.train_images.shape == (30 + 0, 2) and found.test_images.shape == (10, 2)
    assert found.test_labels.bincount().tolist() == [8, 2], "a quarter of 30 is rounded to 8"
    both = torch.cat([found.train_images, found.test_images])
    labels = torch.cat([found.train_labels, found.test_labels])
    order = both[:, 0].argsort()
    assert both[order, 0].tolist() == list(range(40))
    assert both[order, 1].tolist() == [number / 8 for number in range(40)]
    assert labels[order].tolist() == [0 if number % 4 else 1 for number in range(40)]  # cat, dog


def test_the_count_is_what_is_loaded(tmp_path: Path):
    file = written(tmp_path, ROWS)
    found = table(file, "kind", test_share=0.3)
    counted = count(file, "kind", test_share=0.3)
    assert len(counted.pop("digest")) == 16
    assert counted == {
        "image_shape": [2],
        "classes": 2,
        "train_images": len(found.train_images),
        "test_images": len(found.test_images),
    }


@pytest.mark.parametrize(("label", "header"), [("kind", True), (1, True), (1, False), (-2, False)])
def test_a_label_is_a_columns_name_or_number(tmp_path: Path, label, header: bool):
    text = ROWS if header else ROWS.partition("\n")[2]
    found = table(written(tmp_path, text), label, test_share=0.25, header=header)
    reference = table(written(tmp_path, ROWS), "kind", test_share=0.25)
    assert found.sha256 == reference.sha256
    assert torch.equal(found.train_images, reference.train_images)


def test_a_second_file_is_tested_on(tmp_path: Path):
    file = written(tmp_path, "a,y\n1,10\n2,9\n\n3,9\n")
    test = written(tmp_path, "a,y\n5,9\n4,10\n", "test.csv")
    found = table(file, "y", test_file=test)
    assert found.train_images.tolist() == [[1], [2], [3]]
    assert found.train_labels.tolist() == [1, 0, 0], "labels that are numbers are sorted as numbers"
    assert found.test_images.tolist() == [[5], [4]] and found.test_labels.tolist() == [0, 1]


def test_other_delimiters_and_marks(tmp_path: Path):
    file = tmp_path / "rows.csv"
    file.write_bytes(b"\xef\xbb\xbfy;a\r\nq;1e-3\r\np;2\r\np;3\r\nq;4\r\n")
    found = table(str(file), "y", test_share=0.5, delimiter=";")
    assert found.train_images.shape == (2, 1) and found.train_labels.tolist() in ([0, 1], [1, 0])


def test_the_same_rows_are_tested_every_time_and_depend_on_no_path(tmp_path: Path):
    (tmp_path / "elsewhere").mkdir()
    first = table(written(tmp_path, ROWS), "kind", test_share=0.25)
    second = table(written(tmp_path / "elsewhere", ROWS, "mine.csv"), "kind", test_share=0.25)
    assert first.sha256 == second.sha256
    other = table(written(tmp_path, ROWS.replace("39,", "38,")), "kind", test_share=0.25)
    assert other.sha256 != first.sha256


def test_a_share_keeps_proportions_and_every_class_on_both_sides():
    labels = np.repeat([0, 1, 2], [100, 10, 2])
    chosen = share(labels, 0.2)
    assert np.bincount(labels[chosen]).tolist() == [20, 2, 1]
    assert np.bincount(labels[share(labels, 0.99)]).tolist() == [99, 9, 1]
    assert 30 < np.flatnonzero(chosen[:100]).mean() < 70, "drawn, not the first or last"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,y\n1,p\nx,q\n", "line 3: a=x is no finite number"),
        ("a,y\n1,p\n,q\n", "a=(empty) is no finite number"),
        ("a,y\n1,p\nnan,q\n", "a=nan is no finite number"),
        ("a,y\n1,p\n1e39,q\n", "a=1e39 is no finite number"),
        ("a,y\n1,p\n2\n", "line 3: 1 cells where the first line has 2"),
        ("a,y\n1,p\n2,\n", "line 3: the label is empty"),
        ("a,y\n1,p\n2,p\n", "all rows are of one class (p)"),
        ("a,y\n1,p\n2,q\n3,q\n", "a class has a single row"),
        ("a,y\n", "has no rows"),
        ("", "has no rows"),
        ("a,b\n1,2\n", "dataset.load.label=y"),
        ("y\np\nq\n", "has one column"),
    ],
)
def test_what_cannot_be_meant_is_one_line(tmp_path: Path, one_line, text: str, said: str):
    with one_line("rows.csv" if "single" not in said else "test_share", said):
        count(written(tmp_path, text), "y", test_share=0.5)


def test_other_mistakes(tmp_path: Path, one_line):
    file = written(tmp_path, ROWS)
    with one_line("dataset.load.file is missing"):
        count(None, "kind")
    with one_line("dataset.load.label is missing"):
        count(file, None)
    with one_line(str(tmp_path / "no.csv"), "cannot be read"):
        count(str(tmp_path / "no.csv"), "kind", test_share=0.2)
    with one_line(f"dataset.load.test_file={tmp_path / 'no.csv'}: cannot be read"):
        count(file, "kind", str(tmp_path / "no.csv"))
    with one_line("dataset.load.label=['kind']"):
        count(file, ["kind"], test_share=0.2)  # pyright: ignore
    with one_line("dataset.load.delimiter=;;"):
        count(file, "kind", test_share=0.2, delimiter=";;")
    with one_line("test_file=None", "test_share=None"):
        count(file, "kind")
    with one_line("test_share=0.2", "test_file="):
        count(file, "kind", file, 0.2)
    for wrong in (0, 1, -0.5, 20):
        with one_line(f"test_share={wrong}"):
            count(file, "kind", test_share=wrong)
    with one_line("its columns are not those of"):
        count(file, "kind", written(tmp_path, "a,kind\n1,cat\n", "test.csv"))
    head = "height,kind,width\n1,cat,2\n"
    with one_line("has no row of class dog"):
        count(file, "kind", written(tmp_path, head, "test.csv"))
    with one_line("class cow is in no training row"):
        count(file, "kind", written(tmp_path, head + "1,dog,2\n1,cow,2\n", "test.csv"))
    (tmp_path / "bytes.csv").write_bytes(b"a,y\n\xff\xfe,p\n")
    with one_line("bytes.csv", "UTF-8"):
        count(str(tmp_path / "bytes.csv"), "y", test_share=0.2)
