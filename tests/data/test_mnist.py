import shutil
import struct
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from disciplined.data.mnist import FILES, mnist, parse_idx


@pytest.mark.parametrize("packed", [False, True])
def test_both_layouts_are_read(tiny_mnist, tmp_path: Path, packed: bool):
    tiny_mnist.unpack(tmp_path, packed=packed)
    images = mnist(tmp_path, download=False)
    assert (images.train_images.numpy()[:, 0] == tiny_mnist.train_images).all()
    assert (images.test_images.numpy()[:, 0] == tiny_mnist.test_images).all()
    assert images.train_images.dtype == torch.uint8 and images.train_images.is_contiguous()
    assert images.train_labels.tolist() == [5, 0, 4, 1, 9]
    assert images.test_labels.tolist() == [7, 2] and images.test_labels.dtype == torch.int64
    images.train_images[0] = 0  # over memory that may be written to


def test_the_checksum_is_of_what_is_inside(tiny_mnist, tmp_path: Path):
    tiny_mnist.unpack(tmp_path / "a")
    tiny_mnist.unpack(tmp_path / "b", packed=True)
    assert mnist(tmp_path / "a").sha256 == mnist(tmp_path / "b").sha256


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("file", range(4))
@pytest.mark.parametrize("harm", ["a bit", "the end"])
def test_a_corrupt_file_is_named_with_both_checksums(
    tiny_mnist, tmp_path: Path, one_line, packed: bool, file: int, harm: str
):
    folder = tiny_mnist.unpack(tmp_path, packed=packed)
    path = sorted(folder.iterdir())[file]
    content = bytearray(path.read_bytes())
    if harm == "a bit":
        content[len(content) // 2] ^= 1
    else:
        del content[-1]
    path.write_bytes(content)
    before = sorted(tmp_path.rglob("*"))
    with one_line(path.name, "corrupt", "md5 should be", "dataset=digits"):
        mnist(tmp_path)
    assert sorted(tmp_path.rglob("*")) == before and path.read_bytes() == content


def test_missing_and_not_to_be_downloaded(tiny_mnist, tmp_path: Path, one_line):
    with one_line("data_dir=", "MNIST/raw", str(tmp_path), "download=false", "dataset=digits"):
        mnist(tmp_path, download=False)
    folder = tiny_mnist.unpack(tmp_path)
    (folder / "t10k-labels-idx1-ubyte").unlink()
    with one_line("t10k-labels-idx1-ubyte.gz is missing"):
        mnist(tmp_path, download=False)


@pytest.mark.usefixtures("offline")
def test_offline_is_said_in_one_line_at_once(tmp_path: Path, one_line):
    start = time.perf_counter()
    with one_line("data_dir=", "MNIST/raw", "download failed", "refused", "dataset=digits"):
        mnist(tmp_path / "new")
    assert time.perf_counter() - start < 2
    assert not list(tmp_path.iterdir())


def test_what_is_missing_is_downloaded(tiny_mnist, tmp_path: Path, serve):
    serve(tiny_mnist.packed)
    first = mnist(tmp_path)
    raw = tmp_path / "MNIST" / "raw"
    assert {path.name: path.read_bytes() for path in raw.iterdir()} == tiny_mnist.packed
    assert mnist(tmp_path, download=False).sha256 == first.sha256


def test_idx_headers_are_checked():
    content = bytearray(b"\0\0\x08\2" + struct.pack(">2I", 2, 3) + bytes(range(6)))
    assert parse_idx(content).tolist() == [[0, 1, 2], [3, 4, 5]]
    for wrong in (
        b"",
        b"\0\0\x08",
        b"\0\0\x0d\1" + bytes(4),
        b"\1\0\x08\1" + bytes(4),
        content[1:],
    ):
        with pytest.raises(ValueError, match="not an IDX file"):
            parse_idx(bytearray(wrong))
    for wrong in (content[:-1], content + b"\0", content[:10], content[:3] + b"\3" + content[4:]):
        with pytest.raises(ValueError):
            parse_idx(bytearray(wrong))
    huge = bytearray(b"\0\0\x08\2" + struct.pack(">2I", 2**32 - 1, 2**32 - 1))
    with pytest.raises(ValueError, match="does not have"):
        parse_idx(huge)


@pytest.mark.data
def test_the_real_set(data_dir: Path, tmp_path: Path):
    images = mnist(data_dir, download=False)
    assert images.train_images.shape == (60_000, 1, 28, 28)
    assert images.test_images.shape == (10_000, 1, 28, 28)
    assert images.train_labels[:8].tolist() == [5, 0, 4, 1, 9, 2, 1, 3]
    assert images.test_labels[:8].tolist() == [7, 2, 1, 0, 4, 1, 4, 9]
    counts = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert images.train_labels.bincount().tolist() == counts
    assert np.isclose(images.train_images.numpy().mean(), 33.318, atol=1e-3)
    assert images.sha256 == "855979fafdf1b420f367562e6560ea39a1248c411ecc5d2365e967048eb09d67"
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for name in FILES:
        shutil.copy(data_dir / "MNIST" / "raw" / f"{name}.gz", raw)
    packed = mnist(tmp_path, download=False)
    assert torch.equal(packed.train_images, images.train_images)
    assert torch.equal(packed.test_labels, images.test_labels)
    assert packed.sha256 == images.sha256
