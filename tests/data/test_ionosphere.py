import hashlib
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from disciplined.data import ionosphere as module
from disciplined.data.ionosphere import ionosphere


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> bytes:
    """Five rows of three numbers, of which three are for training."""
    content = b"1,0,0.5,g\n0,0,-1,b\n1,1,1,g\n0.25,0,0,b\n1,0,-0.5,g\n"
    monkeypatch.setattr(module, "MD5", hashlib.md5(content).hexdigest())
    monkeypatch.setattr(module, "TRAIN", 3)
    return content


@pytest.mark.parametrize("name", ["ionosphere.csv", "ionosphere.data"])
def test_rows_are_split_as_they_come(small: bytes, tmp_path: Path, name: str):
    (tmp_path / "ionosphere").mkdir()
    (tmp_path / "ionosphere" / name).write_bytes(small)
    found = ionosphere(tmp_path, download=False)
    assert found.train_images.tolist() == [[1, 0, 0.5], [0, 0, -1], [1, 1, 1]]
    assert found.test_images.tolist() == [[0.25, 0, 0], [1, 0, -0.5]]
    assert found.train_labels.tolist() == [1, 0, 1] and found.test_labels.tolist() == [0, 1]
    assert found.train_images.dtype == torch.float32


def test_a_corrupt_file_is_named(small: bytes, tmp_path: Path, one_line):
    (tmp_path / "ionosphere").mkdir()
    (tmp_path / "ionosphere" / "ionosphere.csv").write_bytes(small[:-1])
    with one_line("ionosphere.csv", "corrupt", "md5 should be"):
        ionosphere(tmp_path)


def test_what_is_missing_is_downloaded(small: bytes, tmp_path: Path, serve, monkeypatch, one_line):
    with one_line("data_dir=", "ionosphere/ionosphere.data", "download=false"):
        ionosphere(tmp_path, download=False)
    monkeypatch.setattr(module, "SOURCE", serve({"ionosphere.data": small}))
    first = ionosphere(tmp_path)
    assert (tmp_path / "ionosphere" / "ionosphere.data").read_bytes() == small
    assert ionosphere(tmp_path, download=False).sha256 == first.sha256


def test_offline_is_said_at_once(tmp_path: Path, monkeypatch, one_line):
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(module, "SOURCE", "http://127.0.0.1:9/")
    start = time.perf_counter()
    with one_line("data_dir=", "download failed", "refused"):
        ionosphere(tmp_path)
    assert time.perf_counter() - start < 2


@pytest.mark.data
def test_the_real_set(data_dir: Path):
    """Reference 0: of the last 116 rows 107 are good, 92.24 %."""
    found = ionosphere(data_dir, download=False)
    assert found.train_images.shape == (235, 34) and found.test_images.shape == (116, 34)
    assert found.train_labels.bincount().tolist() == [117, 118]
    assert found.test_labels.bincount().tolist() == [9, 107]
    assert round(107 / 116, 4) == 0.9224
    raw = np.genfromtxt(data_dir / "ionosphere" / "ionosphere.csv", delimiter=",")[:, :-1]
    both = torch.cat([found.train_images, found.test_images]).numpy()
    assert np.array_equal(both, raw.astype(np.float32))
