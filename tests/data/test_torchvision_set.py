from pathlib import Path

import pytest
import torch

from disciplined.data import torchvision_set as module
from disciplined.data.mnist import mnist
from disciplined.data.torchvision_set import count, torchvision


def test_without_torchvision_it_says_how_to_get_it(one_line, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "torchvision", None)
    module._parts.cache_clear()
    with one_line("uv sync --extra vision"):
        count("FashionMNIST")


def test_mistakes_are_one_line(tmp_path: Path, one_line):
    pytest.importorskip("torchvision")
    with one_line("dataset.load.name is missing"):
        torchvision(None)
    for name in ("FashonMNIST", "ImageFolder2", "utils"):
        with one_line(f"dataset.load.name={name}", "no such data set"):
            torchvision(name)
    with one_line("dataset.load.name=FakeData", "no training and test part"):
        torchvision("FakeData")
    with one_line("dataset.load.name=FashionMNIST", "cannot be had"):
        torchvision("FashionMNIST", tmp_path, download=False)


def test_images_of_several_sizes_are_resized(monkeypatch, one_line):
    """A set of torchvision's kind, made here."""
    datasets = pytest.importorskip("torchvision").datasets
    from pictures import picture

    class Made(datasets.VisionDataset):
        def __init__(self, root: str, split: str = "train"):
            self.sizes = [(8, 6), (6, 9)] if split == "train" else [(6, 6)]

        def __len__(self):
            return len(self.sizes)

        def __getitem__(self, index: int):
            if index >= len(self):
                raise IndexError
            return picture(index, *self.sizes[index]), index

    monkeypatch.setattr(datasets, "Made", Made, raising=False)
    with one_line("dataset.load.name=Made", "differ in size", "dataset.load.size"):
        torchvision("Made")
    found = torchvision("Made", size=6)
    assert found.train_images.shape == (2, 3, 6, 6) and found.train_labels.tolist() == [0, 1]
    assert count("Made", size=6) == {
        "image_shape": [3, 6, 6],
        "classes": 2,
        "train_images": 2,
        "test_images": 1,
    }


@pytest.mark.data
def test_its_mnist_is_ours(data_dir: Path):
    pytest.importorskip("torchvision")
    ours, theirs = mnist(data_dir), torchvision("MNIST", data_dir, download=False)
    assert torch.equal(ours.train_images, theirs.train_images)
    assert torch.equal(ours.test_images, theirs.test_images)
    assert torch.equal(ours.train_labels, theirs.train_labels)
    assert torch.equal(ours.test_labels, theirs.test_labels)
    assert count("MNIST", data_dir, download=False)["image_shape"] == [1, 28, 28]
