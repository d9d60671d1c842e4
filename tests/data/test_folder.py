from pathlib import Path

import numpy as np
import pytest
import torch
from pictures import folder as made
from pictures import picture
from PIL import Image

from disciplined.data import folder as module
from disciplined.data.folder import folder
from disciplined.data.listing import count, count_large, listed


@pytest.mark.parametrize("held_out", ["test", "val"])
def test_pictures_are_read_by_class_and_name(tmp_path: Path, held_out: str):
    found = folder(made(tmp_path, held_out=held_out))
    assert found.train_images.shape == (5, 3, 6, 8) and found.train_images.dtype == torch.uint8
    assert found.test_images.shape == (2, 3, 6, 8)
    assert found.train_labels.tolist() == [0, 0, 0, 1, 1] and found.test_labels.tolist() == [0, 1]
    first = np.asarray(picture(0, 8, 6)).transpose(2, 0, 1)
    assert np.array_equal(found.train_images[0].numpy(), first)
    grey = np.asarray(picture(1, 8, 6, "L"))
    assert np.array_equal(found.train_images[1].numpy(), np.stack([grey] * 3))


def test_grey_pictures_have_one_channel_if_asked(tmp_path: Path):
    found = folder(made(tmp_path), channels=1)
    assert found.train_images.shape == (5, 1, 6, 8)
    assert np.array_equal(found.train_images[1, 0].numpy(), np.asarray(picture(1, 8, 6, "L")))


@pytest.mark.parametrize("settings", [{}, {"size": 4}, {"channels": 1}])
def test_the_count_is_what_is_loaded(tmp_path: Path, settings):
    root = made(tmp_path)
    found = folder(root, **settings)
    counted = count(root, **settings)
    assert len(counted.pop("digest")) == 16
    assert counted == {
        "image_shape": list(found.train_images.shape[1:]),
        "classes": 2,
        "train_images": 5,
        "test_images": 2,
    }
    assert count_large(root, size=4)["image_shape"] == [3, 4, 4]


def test_pictures_of_several_sizes_are_resized_and_cropped(tmp_path: Path, one_line):
    root = made(tmp_path, sizes=((8, 6), (6, 12)))
    with one_line("is 12×6 pixels where the first is 6×8", "dataset.load.size"):
        folder(root)
    found = folder(root, size=6)
    assert found.train_images.shape == (5, 3, 6, 6)
    wide, tall = (np.asarray(picture(n, *s)) for n, s in ((0, (8, 6)), (3, (6, 12))))
    assert np.array_equal(found.train_images[0].numpy(), wide[:, 1:7].transpose(2, 0, 1))
    assert np.array_equal(found.train_images[3].numpy(), tall[3:9].transpose(2, 0, 1))


def test_the_checksum_is_of_the_pixels_not_the_place(tmp_path: Path):
    here, there = (folder(made(tmp_path / name)) for name in ("a", "b"))
    assert here.sha256 == there.sha256
    picture(99, 8, 6).save(tmp_path / "b" / "test" / "cat" / "0.png")
    assert folder(tmp_path / "b").sha256 != here.sha256


def test_other_files_are_passed_over(tmp_path: Path):
    root = made(tmp_path)
    (root / "train" / "cat" / "notes.txt").write_text("not a picture")
    (root / "train" / "cat" / ".hidden.png").write_bytes(b"")
    (root / "train" / "readme").write_text("not a class")
    (root / "train" / ".cache").mkdir()
    assert len(listed(root)[0]) == 5


def test_mistakes_are_one_line(tmp_path: Path, one_line, monkeypatch):
    with one_line("dataset.load.data_dir is missing"):
        count()
    with one_line(f"data_dir={tmp_path}", "has no test/ or val/"):
        count(tmp_path)
    root = made(tmp_path / "a")
    (root / "test" / "dog" / "0.png").rename(tmp_path / "kept.png")
    with one_line(str(root / "test" / "dog"), "has no pictures"):
        count(root)
    (root / "test" / "dog").rmdir()
    with one_line(str(root / "test"), "has no folder dog"):
        count(root)
    (root / "test" / "dog").mkdir()
    (tmp_path / "kept.png").rename(root / "test" / "dog" / "0.png")
    (root / "test" / "cow").mkdir()
    picture(0, 8, 6).save(root / "test" / "cow" / "0.png")
    with one_line(str(root / "train"), "has no folder cow"):
        count(root)
    (root / "test" / "cow" / "0.png").unlink()
    (root / "test" / "cow").rmdir()
    (root / "train" / "dog" / "0.png").write_bytes(b"not a picture")
    with one_line(str(root / "train" / "dog" / "0.png"), "is no picture"):
        folder(root)
    (root / "train" / "dog" / "0.png").write_bytes((root / "train/cat/0.png").read_bytes()[:90])
    with one_line(str(root / "train" / "dog" / "0.png"), "is no picture"):
        folder(root)
    single = tmp_path / "single"
    for part in ("train", "val"):
        (single / part / "cat").mkdir(parents=True)
        Image.new("RGB", (4, 4)).save(single / part / "cat" / "a.jpg")
    with one_line("has one class (cat)"):
        count(single)
    with one_line("channels=2"):
        folder(single, channels=2)
    with one_line("size=-1"):
        folder(single, size=-1)
    monkeypatch.setattr(module, "LARGEST", 100)
    with one_line("dataset=large_folder"):
        folder(made(tmp_path / "c"))
