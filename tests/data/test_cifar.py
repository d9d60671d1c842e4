import io
import os
import pickle
import tarfile
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from disciplined.data import cifar
from disciplined.data.cifar import cifar10, cifar100, parse_batch

ARCHIVE = "cifar-10-python.tar.gz"


def packed(contents: dict[str, bytes], *, folder: str = "cifar-10-batches-py/") -> bytes:
    """A tar.gz of these files, as the author's: a folder, its files in no particular order."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=0) as tar:
        for name, content in sorted(contents.items(), reverse=True):
            member = tarfile.TarInfo(f"{folder}{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def listing(folder: Path) -> dict[str, bytes]:
    return {str(p): p.read_bytes() if p.is_file() else b"" for p in folder.rglob("*")}


def assert_is(images, tiny) -> None:
    assert (images.train_images.numpy() == tiny.images[:7]).all()
    assert (images.test_images.numpy() == tiny.images[7:]).all()
    assert images.train_labels.tolist() == tiny.labels[:7]
    assert images.test_labels.tolist() == tiny.labels[7:]
    assert images.train_images.dtype == torch.uint8 and images.train_labels.dtype == torch.int64


def test_the_folder_is_read(tiny_cifar, tmp_path: Path):
    tiny_cifar.unpack(tmp_path)
    images = cifar10(tmp_path, download=False)
    assert_is(images, tiny_cifar)
    images.train_images[0] = images.test_images[0] = 0  # over memory that may be written to


def test_the_archive_is_read_and_nothing_written(tiny_cifar, tmp_path: Path):
    extra = {**tiny_cifar.contents, "readme.html": b"hello", "batches.meta": b"not looked at"}
    (tmp_path / ARCHIVE).write_bytes(packed(extra))
    before = listing(tmp_path)
    from_archive = cifar10(tmp_path, download=False)
    assert_is(from_archive, tiny_cifar)
    assert listing(tmp_path) == before
    tiny_cifar.unpack(tmp_path / "unpacked")
    assert cifar10(tmp_path / "unpacked").sha256 == from_archive.sha256


def test_an_incomplete_folder_gives_way_to_the_archive(tiny_cifar, tmp_path: Path, one_line):
    folder = tiny_cifar.unpack(tmp_path)
    (folder / "data_batch_2").unlink()
    with one_line("cifar-10-batches-py lacks data_batch_2", "download=false"):
        cifar10(tmp_path, download=False)
    (tmp_path / ARCHIVE).write_bytes(packed(tiny_cifar.contents))
    assert_is(cifar10(tmp_path, download=False), tiny_cifar)


@pytest.mark.parametrize("name", ["data_batch_1", "data_batch_2", "test_batch"])
@pytest.mark.parametrize("harm", ["a bit", "the end"])
@pytest.mark.parametrize("layout", ["folder", "archive"])
def test_a_corrupt_file_is_named_with_both_checksums(
    tiny_cifar, tmp_path: Path, one_line, name: str, harm: str, layout: str
):
    right = cifar.CIFAR10.files[name][1]
    content = bytearray(tiny_cifar.contents[name])
    if harm == "a bit":
        content[len(content) // 2] ^= 1
    else:
        del content[-1]
    tiny_cifar.contents[name] = bytes(content)
    if layout == "folder":
        folder = tiny_cifar.unpack(tmp_path)
        expected = str(folder / name), right
    else:
        (tmp_path / ARCHIVE).write_bytes(packed(tiny_cifar.contents))
        # a member of another length is not read, so the archive is blamed
        expected = (name, right) if harm == "a bit" else (cifar.CIFAR10.archive_md5,)
        expected = (str(tmp_path / ARCHIVE), *expected)
    with one_line(*expected, "corrupt", "md5 should be", "dataset=digits"):
        cifar10(tmp_path)


@pytest.mark.parametrize("harm", ["cut", "a bit", "no archive", "empty", "no member", "a folder"])
def test_a_corrupt_archive_is_named(tiny_cifar, tmp_path: Path, one_line, harm: str):
    if harm == "no member":
        del tiny_cifar.contents["test_batch"]
    content = bytearray(packed(tiny_cifar.contents))
    if harm == "cut":
        del content[len(content) // 2 :]
    elif harm == "a bit":
        content[len(content) // 3] ^= 16
    elif harm == "no archive":
        content[:] = b"<html>please log in</html>"
    elif harm == "empty":
        content.clear()
    (tmp_path / ARCHIVE).write_bytes(content)
    if harm == "a folder":
        (tmp_path / ARCHIVE).unlink()
        (tmp_path / ARCHIVE).mkdir()
        with one_line("data_dir=", ARCHIVE):
            cifar10(tmp_path, download=False)
        return
    with one_line(str(tmp_path / ARCHIVE), "corrupt", "md5 should be"):
        cifar10(tmp_path)


def test_members_are_taken_by_exact_name_and_kind(tiny_cifar, tmp_path: Path, one_line):
    """A path that climbs out, an absolute one, a link by a right name: none is followed."""
    outside = tmp_path / "outside"
    outside.write_bytes(tiny_cifar.contents["data_batch_1"])
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    hostile = {
        "../escaped": b"x",
        "/tmp/disciplined-escaped": b"x",
        "../cifar-10-batches-py/data_batch_1": b"x",
        "cifar-10-batches-py/../escaped": b"x",
        "cifar-10-batches-py/../cifar-10-batches-py/data_batch_1": b"x",
    }
    good = {f"cifar-10-batches-py/{n}": c for n, c in tiny_cifar.contents.items()}
    (data_dir / ARCHIVE).write_bytes(packed({**hostile, **good}, folder=""))
    before = listing(tmp_path)
    assert_is(cifar10(data_dir, download=False), tiny_cifar)
    assert listing(tmp_path) == before and not Path("/tmp/disciplined-escaped").exists()

    with tarfile.open(data_dir / ARCHIVE, "w:gz") as tar:
        link = tarfile.TarInfo("cifar-10-batches-py/data_batch_1")
        link.type, link.linkname = tarfile.SYMTYPE, str(outside)
        tar.addfile(link)
    with one_line(ARCHIVE, "corrupt"):
        cifar10(data_dir, download=False)


def test_absent_and_not_to_be_downloaded(tmp_path: Path, one_line):
    for load, archive in ((cifar10, ARCHIVE), (cifar100, "cifar-100-python.tar.gz")):
        with one_line("data_dir=", archive, str(tmp_path), "download=false", "dataset=digits"):
            load(tmp_path, download=False)
    with one_line("data_dir=", "never-made"):
        cifar10(tmp_path / "never-made", download=False)
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("offline")
def test_offline_is_said_in_one_line_at_once(tmp_path: Path, one_line):
    start = time.perf_counter()
    with one_line("data_dir=", ARCHIVE, "download failed", "refused", "dataset=digits"):
        cifar10(tmp_path / "new")
    assert time.perf_counter() - start < 2
    assert not list(tmp_path.iterdir())


def test_what_is_missing_is_downloaded(tiny_cifar, tmp_path: Path, serve, monkeypatch):
    archive = packed(tiny_cifar.contents)
    tiny_cifar.publish(monkeypatch, archive)
    serve({ARCHIVE: archive})
    assert_is(cifar10(tmp_path / "data"), tiny_cifar)
    assert listing(tmp_path / "data") == {str(tmp_path / "data" / ARCHIVE): archive}
    assert_is(cifar10(tmp_path / "data", download=False), tiny_cifar)


class Payload:
    """What a hostile pickle does when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_nothing_is_unpickled_before_its_checksum(tiny_cifar, tmp_path: Path, one_line):
    mark = tmp_path / "mark"
    right = cifar.CIFAR10.files["data_batch_1"][1]
    tiny_cifar.contents["data_batch_1"] = pickle.dumps(Payload(mark))
    tiny_cifar.unpack(tmp_path)
    with one_line("data_batch_1", right):
        cifar10(tmp_path)
    assert not mark.exists()


def test_a_hostile_pickle_with_the_right_checksum_runs_nothing(
    tiny_cifar, tmp_path: Path, monkeypatch
):
    mark = tmp_path / "mark"
    tiny_cifar.contents["data_batch_1"] = pickle.dumps(Payload(mark))
    tiny_cifar.publish(monkeypatch)
    tiny_cifar.unpack(tmp_path)
    with pytest.raises(pickle.UnpicklingError, match="mkdir has no place in a CIFAR file"):
        cifar10(tmp_path)
    assert not mark.exists()
    pickle.loads(tiny_cifar.contents["data_batch_1"])  # the payload does work
    assert mark.exists()


@pytest.mark.parametrize(
    "name",
    [
        b"builtins\neval",
        b"os\nsystem",
        b"numpy\nload",
        b"numpy\nndarray.tofile",
        b"numpy.core.multiarray\nscalar",
        b"numpy._core.multiarray\n_reconstruct",
        b"copyreg\n_reconstructor",
    ],
)
@pytest.mark.parametrize("protocol", [2, 4])
def test_no_other_name_is_found(name: bytes, protocol: int):
    if protocol == 2:
        content = b"\x80\x02c" + name + b"\n."
    else:
        module, attribute = (b"\x8c" + bytes([len(part)]) + part for part in name.split(b"\n"))
        content = b"\x80\x04" + module + attribute + b"\x93."
    with pytest.raises(pickle.UnpicklingError, match="has no place"):
        parse_batch(content, b"labels")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x80\x02",
        pickle.dumps([1, 2]),
        pickle.dumps({b"labels": [1]}),
        pickle.dumps({b"data": bytes(3072), b"labels": [1]}),
    ],
)
def test_what_is_no_batch_is_said_to_be_none(content: bytes):
    with pytest.raises(ValueError, match="not a CIFAR batch"):
        parse_batch(content, b"labels")


def test_a_batch_needs_a_label_for_each_image(tiny_cifar):
    content = tiny_cifar.contents["data_batch_1"]
    images, labels = parse_batch(content, b"labels")
    assert (images == tiny_cifar.images[:4]).all() and labels.tolist() == [3, 1, 4, 1]
    one_less = content.replace(b"J\x03\0\0\0J\x01\0\0\0", b"J\x03\0\0\0", 1)
    with pytest.raises(ValueError, match="4 images but 3 labels"):
        parse_batch(one_less, b"labels")
    with pytest.raises(ValueError, match="not a CIFAR batch"):
        parse_batch(content, b"fine_labels")


@pytest.mark.data
def test_the_real_cifar10(data_dir: Path):
    images = cifar10(data_dir, download=False)
    assert images.train_images.shape == (50_000, 3, 32, 32)
    assert images.test_images.shape == (10_000, 3, 32, 32)
    assert images.train_labels[:8].tolist() == [6, 9, 9, 4, 1, 1, 2, 7]
    assert images.test_labels[:8].tolist() == [3, 8, 8, 0, 6, 6, 1, 6]
    assert images.train_labels.bincount().tolist() == [5_000] * 10
    assert images.test_labels.bincount().tolist() == [1_000] * 10
    assert images.train_images[0, :, 0, 0].tolist() == [59, 62, 63]
    assert images.train_images[0, :, 0, 1].tolist() == [43, 46, 45]  # along the row
    means = images.train_images.numpy().mean(axis=(0, 2, 3))
    assert np.allclose(means, [125.307, 122.950, 113.866], atol=1e-3)
    assert images.sha256 == "34f58c5bdd5413ade29478d97a9638a627f3c374ebc019e7f38172f9a44c53ca"


@pytest.mark.data
def test_the_real_cifar10_as_an_archive(data_dir: Path, tmp_path: Path, one_line):
    folder = data_dir / "cifar-10-batches-py"
    contents = {name: (folder / name).read_bytes() for name in cifar.CIFAR10.files}
    archive = tmp_path / ARCHIVE
    archive.write_bytes(packed(contents))
    images, wanted = cifar10(tmp_path, download=False), cifar10(data_dir, download=False)
    assert torch.equal(images.train_images, wanted.train_images)
    assert torch.equal(images.train_labels, wanted.train_labels)
    assert torch.equal(images.test_images, wanted.test_images)
    assert torch.equal(images.test_labels, wanted.test_labels)
    assert images.sha256 == wanted.sha256
    os.truncate(archive, archive.stat().st_size // 2)
    with one_line(str(archive), "corrupt", "c58f30108f718f92721af3b95e74349a"):
        cifar10(tmp_path, download=False)


@pytest.mark.data
def test_a_real_file_with_one_bit_changed(data_dir: Path, tmp_path: Path, one_line):
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    for name in cifar.CIFAR10.files:
        (folder / name).symlink_to((data_dir / "cifar-10-batches-py" / name).absolute())
    content = bytearray((folder / "data_batch_1").read_bytes())
    content[20_000_000] ^= 1
    (folder / "data_batch_1").unlink()
    (folder / "data_batch_1").write_bytes(content)
    with one_line("data_batch_1", "c99cafc152244af753f735de768cd75f"):
        cifar10(tmp_path, download=False)


@pytest.mark.data
def test_the_real_cifar100(data_dir: Path):
    images = cifar100(data_dir, download=False)
    assert images.train_images.shape == (50_000, 3, 32, 32)
    assert images.test_images.shape == (10_000, 3, 32, 32)
    assert images.train_labels[:5].tolist() == [19, 29, 0, 11, 1]
    assert images.test_labels[:5].tolist() == [49, 33, 72, 51, 71]
    assert images.train_labels.bincount().tolist() == [500] * 100
    assert images.test_labels.bincount().tolist() == [100] * 100
    means = images.train_images.numpy().mean(axis=(0, 2, 3))
    assert np.allclose(means, [129.304, 124.070, 112.434], atol=1e-3)
    assert images.sha256 == "0d64b8bcfca9d4f10a1a927a51909f72d2720e931adf08161a1aa0748cfc509f"
