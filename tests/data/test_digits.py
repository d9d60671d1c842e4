import subprocess
import sys

import numpy as np
import pytest
import torch

import disciplined.data.digits as module
from disciplined.data.digits import digits
from disciplined.data.images import ImageSet


@pytest.fixture(scope="module")
def images() -> ImageSet:
    return digits()


def test_shapes_and_types(images):
    assert images.train_images.shape == (1437, 1, 8, 8)
    assert images.test_images.shape == (360, 1, 8, 8)
    assert images.train_labels.shape == (1437,) and images.test_labels.shape == (360,)
    assert images.train_images.dtype == images.test_images.dtype == torch.uint8
    assert images.train_labels.dtype == images.test_labels.dtype == torch.int64


def test_grey_values_fill_the_byte(images):
    values = torch.unique(torch.cat([images.train_images.flatten(), images.test_images.flatten()]))
    assert values.tolist() == [round(grey * 255 / 16) for grey in range(17)]


def test_every_image_of_scikit_learn_is_in_one_part_with_its_label(images):
    from sklearn.datasets import load_digits

    values, targets = load_digits(return_X_y=True)
    wanted = {
        (np.rint(image * 255 / 16).astype(np.uint8).tobytes(), int(label))
        for image, label in zip(values, targets, strict=True)
    }
    parts = [
        [(i.numpy().tobytes(), int(y)) for i, y in zip(x, labels, strict=True)]
        for x, labels in (
            (images.train_images, images.train_labels),
            (images.test_images, images.test_labels),
        )
    ]
    assert len(wanted) == 1797 and len(parts[0]) + len(parts[1]) == 1797
    assert set(parts[0]) | set(parts[1]) == wanted
    assert not set(parts[0]) & set(parts[1])


def test_the_test_images_are_balanced_and_always_the_same(images):
    assert images.test_labels.bincount().tolist() == [36] * 10
    again = digits()
    assert torch.equal(again.test_images, images.test_images)
    assert torch.equal(again.train_images, images.train_images)
    assert again.sha256 == images.sha256
    assert images.sha256 == "602092e0330276d06251160a704d017d6d306d430cc5c9e1c852645f0c3b2c9c"


def test_a_scikit_learn_with_other_folders_gives_the_same(images, monkeypatch):
    monkeypatch.setattr(module, "find_spec", lambda _name: None)
    assert digits().sha256 == images.sha256


def test_scikit_learn_is_not_imported_to_read_its_file_nor_for_blobs():
    command = "import sys; from disciplined.data.digits import digits; digits(); "
    command += "from disciplined.data.blobs import blobs; blobs(); "
    command += "assert not [name for name in sys.modules if name.startswith('sklearn')]"
    done = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
