"""Pictures read from files: crops against torchvision's, draws, processes."""

import os
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from pictures import folder as made
from pictures import picture
from required import absent

from disciplined.data.decoding import WORDS, centre, pixels, random_crop, random_resized_crop
from disciplined.data.imagenet import imagenet, large_folder
from disciplined.data.pictures import Pictures, ahead
from disciplined.mistakes import Mistake

FIRST, LAST = 0, 2**64 - 1


def train(root: Path, **settings) -> Pictures:
    made(root, sizes=((12, 9), (7, 20)))
    return large_folder(root, size=6, resize=8, **settings).train_images


def test_they_look_like_a_tensor(tmp_path: Path):
    pictures = train(tmp_path)
    assert len(pictures) == 5 and pictures.shape == (5, 3, 6, 6)
    two = pictures[:2]
    assert two.shape == (2, 3, 6, 6) and two.dtype == torch.uint8
    assert torch.equal(pictures[torch.tensor([1, 0])], two.flip(0))
    assert torch.equal(pictures.subset(np.array([4, 1]))[:], pictures[np.array([4, 1])])


def test_a_random_crop_lies_where_its_words_say():
    source = picture(0, 10, 8)
    values = np.asarray(source)
    for words, (left, top) in (
        ((FIRST, FIRST), (0, 0)),
        ((LAST, FIRST), (5, 0)),
        ((FIRST, LAST), (0, 3)),
        ((2**63, 2**63), (3, 2)),
    ):
        found = np.asarray(random_crop(source, 8, 5, words))
        assert np.array_equal(found, values[top : top + 5, left : left + 5]), words


def test_places_of_random_crops_are_uniform(tmp_path: Path):
    pictures = train(tmp_path)
    drawn = np.concatenate([pictures.draws(0, t, 300) for t in range(20)])
    assert drawn.shape == (6000, WORDS)
    source = np.arange(10)[None].repeat(10, 0).astype(np.uint8)
    from PIL import Image

    lefts = [
        int(np.asarray(random_crop(Image.fromarray(source), 10, 6, words.tolist()))[0, 0])
        for words in drawn
    ]
    counts = np.bincount(lefts, minlength=5)
    assert np.abs(counts - 1200).max() < 5 * np.sqrt(1200)


def test_a_resized_crop_takes_part_of_the_picture(tmp_path: Path):
    """A picture whose pixels are their own places: areas and shapes are what was asked."""
    from PIL import Image

    rows, columns = np.mgrid[0:200, 0:240]
    source = Image.fromarray(np.stack([rows, columns, rows * 0], axis=2).astype(np.uint8))
    areas, ratios = [], []
    for words in train(tmp_path).draws(1, 0, 2000).tolist():
        found = np.asarray(random_resized_crop(source, 0, 16, words)).astype(float)
        assert found.shape == (16, 16, 3)
        height, width = (np.ptp(found[:, :, axis]) * 16 / 15 for axis in (0, 1))
        areas.append(height * width / (200 * 240))
        ratios.append(width / height)
    assert 0.07 < min(areas) < 0.1 and 0.9 < max(areas) < 1.05
    rng = np.random.default_rng(0)
    area, ratio = rng.uniform(0.08, 1, 10**5), np.exp(rng.uniform(*np.log([3 / 4, 4 / 3]), 10**5))
    fit = (area * ratio * 200 < 240) & (area / ratio * 240 < 200)  # of 240×200 pixels
    assert abs(np.mean(areas) - area[fit].mean()) < 5 * area[fit].std() / np.sqrt(2000)
    assert 0.7 < min(ratios) < 0.8 and 1.28 < max(ratios) < 1.4
    assert abs(np.mean(np.log(ratios)) - np.log(ratio[fit]).mean()) < 0.02


def test_a_picture_that_no_part_fits_gives_its_middle():
    source = picture(0, 400, 10)
    found = random_resized_crop(source, 0, 10, [LAST] * WORDS)
    wanted = source.resize((10, 10), 2, box=(193, 0, 206, 10))
    assert np.array_equal(np.asarray(found), np.asarray(wanted))


@pytest.mark.parametrize(("width", "height"), [(37, 53), (53, 37), (256, 300), (41, 41)])
def test_the_middle_is_torchvisions(width: int, height: int):
    transforms = pytest.importorskip("torchvision").transforms
    source = picture(1, width, height)
    usual = transforms.Compose([transforms.Resize(32), transforms.CenterCrop(27)])
    assert np.array_equal(np.asarray(centre(source, 32, 27)), np.asarray(usual(source)))


def test_the_middle_by_hand():
    source = picture(1, 9, 6)
    wanted = np.asarray(source).transpose(2, 0, 1)[:, 1:5, 2:6]
    assert np.array_equal(pixels(centre(source, 6, 4)), wanted)


def test_any_number_of_processes_reads_the_same_bytes(tmp_path: Path):
    here, there = train(tmp_path / "a", workers=0), train(tmp_path / "b", workers=2)
    parts = [np.array([4, 0]), np.array([1]), np.array([2, 3, 3])]
    for one, other in zip(here.each(parts), there.each(parts), strict=True):
        assert torch.equal(one, other)


def test_reading_ahead_draws_nothing_that_layers_draw_from():
    before = torch.get_rng_state()
    assert list(ahead(torch.tensor, range(3), 0)) == [0, 1, 2]
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("name", ["INT", "TERM", "USR1"])
def test_a_signal_to_all_processes_does_not_end_those_that_read(name: str):
    """The process that trains saves, and needs its batches until then, however late that is."""

    def process(place: int) -> tuple[int, float]:
        time.sleep(0.05)
        return os.getpid(), signal.getitimer(signal.ITIMER_REAL)[0]

    read = ahead(process, range(8), 1)
    first, _ = next(read)
    assert first != os.getpid()
    subprocess.run(["kill", f"-{name}", str(first)], check=True)  # not sent by this process
    assert list(read) == [[first, 0.0]] * 7, "nor does an alarm end them later"


def test_a_process_that_reads_ends_when_the_one_it_reads_for_says_so():
    """As torch does at the end, where no batch is asked for any more."""

    def process(place: int) -> int:
        time.sleep(600 if place else 0)
        return os.getpid()

    read = ahead(process, range(2), 1)
    os.kill(next(read), signal.SIGTERM)
    with pytest.raises(RuntimeError, match="exited unexpectedly"):
        next(read)


@pytest.mark.parametrize("workers", [0, 1])
def test_an_unreadable_picture_is_a_mistake_in_one_line(tmp_path: Path, one_line, workers: int):
    root = made(tmp_path)
    (root / "train" / "dog" / "1.PNG").write_bytes(b"GIF89a")
    pictures = large_folder(root, size=4, resize=6, workers=workers).train_images
    with one_line("dog/1.PNG", "is no picture"):
        list(pictures.each([np.array([4])]))


def test_the_checksum_knows_names_and_sizes(tmp_path: Path):
    one, other = (large_folder(made(tmp_path / name)) for name in ("a", "b"))
    assert one.sha256 == other.sha256
    chosen = torch.tensor([0, 4])
    assert one.with_training(chosen).sha256 == other.with_training(chosen).sha256 != one.sha256
    assert len(one.with_training(chosen).train_images) == 2
    (tmp_path / "b/train/cat/0.png").rename(tmp_path / "b/train/cat/3.png")
    assert large_folder(tmp_path / "b").sha256 != one.sha256
    with (tmp_path / "a/test/dog/0.png").open("ab") as file:
        file.write(b"\0")
    assert large_folder(tmp_path / "a").sha256 != one.sha256


def test_settings_that_cannot_be_meant(tmp_path: Path, one_line):
    root = made(tmp_path, held_out="val")
    with one_line("dataset.load.crop=some", "random, resized"):
        large_folder(root, crop="some")
    with one_line("dataset.load.size=300", "256"):
        large_folder(root, size=300)
    with one_line("data_dir=", "no ImageNet there", "imagenet/train"):
        imagenet(tmp_path)


def test_imagenets_test_folder_without_labels_is_not_read(tmp_path: Path):
    root = made(tmp_path / "imagenet", held_out="val")
    (root / "test").mkdir()
    assert len(imagenet(tmp_path, size=4, resize=6).test_images) == 2


def test_draws_are_what_they_always_were(tmp_path: Path):
    """Golden: a resumed run goes on with the crops that it began with."""
    drawn = train(tmp_path).draws(7, 3, 2)
    assert drawn[1, :2].tolist() == [10869956525012039035, 2207316497670439987]
    assert (train(tmp_path / "b").draws(7, 3, 40)[:2] == drawn).all()
    with pytest.raises(Mistake):
        train(tmp_path / "c").draws(-1, 0, 1)


@pytest.fixture(scope="session")
def mini() -> Path:
    """Ten classes of Imagenette, 41 training and 10 validation pictures each, grey ones among."""
    given = os.environ.get("DISCIPLINED_DATA", Path(__file__).parents[2] / "data")
    found = Path(given).resolve() / "imagenette-mini"
    return found if found.is_dir() else absent(f"imagenette-mini ({found})")


@pytest.mark.data
@pytest.mark.parametrize("crop", ["random", "resized"])
def test_the_real_mini_set(mini: Path, tmp_path: Path, crop: str):
    (tmp_path / "imagenet").symlink_to(mini)
    found = imagenet(tmp_path, crop=crop, workers=2)
    assert found.train_images.shape == (410, 3, 230, 230)
    assert found.test_images.shape == (100, 3, 230, 230)
    assert found.train_labels.bincount().tolist() == [41] * 10
    assert found.test_labels.bincount().tolist() == [10] * 10
    pictures: Pictures = found.train_images
    every = np.arange(410)
    read = pictures.read(every, pictures.draws(0, 0, 410))
    means = read.float().mean(dim=(0, 2, 3))  # ImageNet's are 124, 117 and 104
    assert torch.allclose(means, torch.tensor([120.0, 116.0, 108.0]), atol=12), means
    grey = (read == read[:, :1]).flatten(1).all(1)
    assert 1 <= int(grey.sum()) <= 6
    assert not torch.equal(read, pictures.read(every, pictures.draws(0, 1, 410)))
