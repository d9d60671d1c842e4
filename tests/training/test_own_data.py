"""Data of the reader's own, and the tutorials': from a folder or file to the end of `train.py`."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from pictures import folder, picture

from disciplined.data import listing, table_file
from disciplined.mistakes import Mistake
from disciplined.training import assembly
from disciplined.training.config import compose
from disciplined.training.planning import plan
from disciplined.training.record import Record
from disciplined.training.run import run

HERE = Path(__file__).parent

NET = [
    "model=three_layer",
    "model.network._target_=dropping.Dropping",
    "model.input.subtract_mean=false",
    "schedule=constant",
    "schedule.lr=1e-3",
    "duration=2it",
    "evaluate_every=1it",
    "total_batch_size=4",
    "precision=fp32",
    "trainer=cpu",
    "trainer.threads=1",
]


def rows(path: Path, shift: int = 0) -> str:
    lines = [f"{n + shift},{n % 5},{'cat' if n % 4 else 'dog'}" for n in range(40)]
    path.write_text("\n".join(["a,b,kind", *lines]) + "\n")
    return str(path)


def own(tmp_path: Path, dataset: str) -> list[str]:
    if dataset == "table":
        file = rows(tmp_path / "rows.csv")
        return ["dataset=table", f"dataset.load.file={file}", "dataset.load.label=kind"]
    return [f"dataset={dataset}", f"dataset.load.data_dir={folder(tmp_path / 'pictures')}"]


def train(tmp_path: Path, *overrides: str) -> tuple[int, dict]:
    """`train.py` in this process, which has paid for its imports."""
    import train as script

    status = script.main([*NET, *overrides, f"output_dir={tmp_path}"])
    (record,) = (tmp_path / "runs").iterdir()
    return status, json.loads((record / "summary.json").read_text())


@pytest.mark.parametrize("dataset", ["blobs", "folder"])
def test_two_updates(tmp_path: Path, monkeypatch, capsys, dataset: str):
    monkeypatch.syspath_prepend(str(HERE))
    monkeypatch.syspath_prepend(str(HERE.parents[1]))
    chosen = ["dataset=blobs"] if dataset == "blobs" else own(tmp_path, dataset)
    status, summary = train(tmp_path, *chosen)
    assert status == 0 and summary["status"] == "done" and summary["result"]["iteration"] == 2
    assert summary["name"] == f"three_layer-{dataset}-constant"
    assert "majority" not in summary["result"] and "majority" not in capsys.readouterr().out


def test_two_updates_by_command(warm_command, tmp_path: Path):
    where = f"{HERE}:{HERE.parents[1] / 'src'}"
    done = warm_command("train.py", *NET, *own(tmp_path, "table"), PYTHONPATH=where)
    assert done.returncode == 0, done.stderr
    (record,) = (tmp_path / "runs").iterdir()
    summary = json.loads((record / "summary.json").read_text())
    assert summary["status"] == "done" and summary["result"]["iteration"] == 2
    assert summary["result"]["majority"] == 0.75  # six of eight rows are cats
    assert "majority    75.00% of the test set" in done.stdout


@pytest.mark.data
def test_the_ionospheres_majority_is_printed(data_dir: Path, tmp_path: Path, monkeypatch, capsys):
    monkeypatch.syspath_prepend(str(HERE))
    monkeypatch.syspath_prepend(str(HERE.parents[1]))
    status, summary = train(tmp_path, "dataset=ionosphere", f"data_dir={data_dir}")
    assert status == 0 and summary["result"]["majority"] == 107 / 116
    assert "majority    92.24% of the test set is one class" in capsys.readouterr().out


@pytest.mark.parametrize("dataset", ["table", "folder", "large_folder"])
def test_counting_imports_no_torch_and_is_the_config(tmp_path: Path, dataset: str):
    chosen = own(tmp_path, dataset)
    code = (
        "import sys; from disciplined.training.config import compose;"
        "from disciplined.training.planning import plan; from disciplined.training import words;"
        f"cfg = compose({[*NET, *chosen]!r}); words.beginning(plan(cfg)); d = cfg.dataset;"
        "print(list(d.image_shape), d.classes, d.train_images, d.test_images,"
        "      list(cfg.model.network.image_shape), cfg.model.network.classes);"
        "assert 'torch' not in sys.modules"
    )
    environment = {"PYTHONPATH": f"{HERE.parents[1] / 'src'}", "PATH": ""}
    code = code.replace("dropping.Dropping", "disciplined.models.lenet.LeNet")
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr
    said = {
        "table": "[2] 2 32 8 [2] 2",
        "folder": "[3, 6, 8] 2 5 2 [3, 6, 8] 2",
        "large_folder": "[3, 224, 224] 2 5 2 [3, 224, 224] 2",
    }
    assert done.stdout.strip() == said[dataset]


def test_a_key_depends_on_the_name_and_the_settings_not_the_place(tmp_path: Path):
    chosen = own(tmp_path, "table")
    first = plan(compose([*NET, *chosen])).key
    moved = rows(tmp_path / "moved.csv")
    assert plan(compose([*NET, *chosen, f"dataset.load.file={moved}"])).key == first
    changed = rows(tmp_path / "changed.csv", shift=7)
    assert plan(compose([*NET, *chosen, f"dataset.load.file={changed}"])).key != first
    assert plan(compose([*NET, *chosen, "dataset.name=mine"])).key.startswith("three_layer-mine-")
    for change in ("dataset.name=mine", "dataset.load.test_share=0.25", "dataset.load.label=2"):
        other = plan(compose([*NET, *chosen, change])).key
        assert other.rpartition("-")[2] != first.rpartition("-")[2], change
    with (tmp_path / "rows.csv").open("a") as file:
        file.write("1,1,cat\n" * 10)
    assert plan(compose([*NET, *chosen])).key != first, "more rows are other data"

    pictures = own(tmp_path, "folder")
    here = plan(compose([*NET, *pictures])).key
    there = folder(tmp_path / "elsewhere")
    assert plan(compose([*NET, *pictures, f"dataset.load.data_dir={there}"])).key == here


def test_other_rows_are_another_run(tmp_path: Path, monkeypatch):
    """The finished record of the old rows is not given as an answer for the new ones."""
    monkeypatch.syspath_prepend(str(HERE))
    chosen = [*own(tmp_path, "table"), f"output_dir={tmp_path}"]
    assert run(compose([*NET, *chosen]), quiet=True) == 0
    rows(tmp_path / "rows.csv", shift=1)
    assert run(compose([*NET, *chosen]), quiet=True) == 0
    first, second = (Record(f).finished() for f in sorted((tmp_path / "runs").iterdir()))
    assert first and second
    assert first["result"]["data_sha256"] != second["result"]["data_sha256"]


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["dataset=table"], "dataset.load.file is missing"),
        (["dataset=folder"], "dataset.load.data_dir is missing"),
        (["dataset=table", "dataset.load.file=no.csv", "dataset.load.label=a"], "cannot be read"),
        (["dataset=blobs", "augmentation=crop"], "augmentation=crop: blobs is a table"),
        (["dataset=blobs", "augmentation=mirror"], "augmentation=mirror: blobs is a table"),
        (["dataset=digits", "augmentation=mirror_crop"], "use augmentation=crop"),
        (["dataset=digits", "augmentation=cutout"], "augmentation=cutout: a mirrored image"),
        (["dataset=blobs", "dataset.name=a/b"], "dataset.name=a/b: expected letters"),
        (["dataset=blobs", "dataset.classes=null"], "dataset.classes=null: expected a value"),
        (["dataset=blobs", "trainer.workers=-1"], "trainer.workers=-1: expected 0 or"),
    ],
)
def test_a_mistake_is_one_line(overrides, said):
    with pytest.raises(Mistake) as found:
        plan(compose([*NET, *overrides]))
    assert said in str(found.value) and "\n" not in str(found.value)


def test_a_hole_needs_room(tmp_path: Path):
    with pytest.raises(Mistake, match="a hole of 16×16 leaves too little of images of 6×8"):
        plan(compose([*NET, *own(tmp_path, "folder"), "augmentation=cutout"]))


@pytest.mark.parametrize("dataset", ["table", "folder", "large_folder"])
def test_data_are_read_once_to_be_planned_and_trained_on(tmp_path: Path, monkeypatch, dataset: str):
    """Files from before today, as a reader's are; what was changed just now is read again."""
    chosen = own(tmp_path, dataset)
    for path in tmp_path.rglob("*"):
        os.utime(path, (10**9, 10**9))
    module, name = (table_file, "read") if dataset == "table" else (listing, "_files")
    original = getattr(module, name)
    asked: list[str] = []

    def counted(where: Path, *others: object):
        asked.append(f"{where.name}/{others[0]}" if dataset != "table" else where.name)
        return original(where, *others)

    monkeypatch.setattr(module, name, counted)
    cfg = compose([*NET, *chosen])
    assert compose([*NET, *chosen]).dataset.digest == cfg.dataset.digest
    images, _ = assembly.loaded(cfg)
    parts = ["train/cat", "train/dog", "test/cat", "test/dog"]
    assert asked == (["rows.csv"] if dataset == "table" else parts)
    assert len(images.train_images) == cfg.dataset.train_images
    if dataset == "table":
        rows(tmp_path / "rows.csv", shift=1)
    else:
        picture(9, 8, 6).save(tmp_path / "pictures" / "train" / "dog" / "9.png")
    del asked[:]
    assert compose([*NET, *chosen]).dataset.digest != cfg.dataset.digest
    assert asked == (["rows.csv"] if dataset == "table" else parts[:2])


def test_what_is_said_of_data_is_held_against_them(tmp_path: Path, monkeypatch):
    monkeypatch.syspath_prepend(str(HERE))
    chosen = [*own(tmp_path, "folder"), "dataset.train_images=4", f"output_dir={tmp_path}"]
    with pytest.raises(Mistake, match=r"dataset\.train_images=4: folder has 5"):
        run(compose([*NET, *chosen]), quiet=True)


def test_torchvisions_set_trains(tmp_path: Path, monkeypatch):
    datasets = pytest.importorskip("torchvision").datasets
    monkeypatch.syspath_prepend(str(HERE))

    class Made(datasets.VisionDataset):
        def __init__(self, root: str, train: bool = True):
            self.size = 12 if train else 6

        def __getitem__(self, index: int):
            if index >= self.size:
                raise IndexError
            return picture(index, 8, 8), index % 3

    monkeypatch.setattr(datasets, "Made", Made, raising=False)
    chosen = ["dataset=torchvision", "dataset.load.name=Made", f"output_dir={tmp_path}"]
    cfg = compose([*NET, *chosen])
    assert cfg.dataset.name == "Made" and list(cfg.dataset.image_shape) == [3, 8, 8]
    assert (cfg.dataset.classes, cfg.dataset.train_images, cfg.dataset.test_images) == (3, 12, 6)
    assert run(cfg, quiet=True) == 0
