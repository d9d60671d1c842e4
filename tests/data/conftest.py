"""Small published sets, made here in the formats of the real ones, and a web server for them."""

import gzip
import hashlib
import http.server
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from disciplined.data import cifar, files, mnist
from disciplined.mistakes import Mistake


def md5(content: bytes) -> str:
    return hashlib.md5(content).hexdigest()


def pickled_2009(images: np.ndarray, labels: list[int], name: bytes = b"labels") -> bytes:
    """A batch as CIFAR's author pickled it: Python 2, protocol 2, numpy of that day."""

    def text(value: bytes) -> bytes:
        return b"U" + bytes([len(value)]) + value

    def number(value: int) -> bytes:
        return b"J" + struct.pack("<i", value)

    raw = images.tobytes()
    dtype = b"cnumpy\ndtype\n" + text(b"u1") + b"K\x00K\x01\x87R"
    dtype += b"(K\x03" + text(b"|") + b"NNN" + number(-1) * 2 + b"K\x00tb"
    array = (
        b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85" + text(b"b") + b"\x87R"
    )
    shape = number(len(images)) + number(images[0].size) + b"\x86"
    array += b"(K\x01" + shape + dtype + b"\x89T" + struct.pack("<i", len(raw)) + raw + b"tb"
    listed = b"](" + b"".join(map(number, labels)) + b"e"
    return b"\x80\x02}(" + text(b"data") + array + text(name) + listed + b"u."


class TinyCifar:
    """CIFAR-10 of seven training images in two files and three test images."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        rng = np.random.default_rng(0)
        self.images = rng.integers(0, 256, (10, 3, 32, 32), dtype=np.uint8)
        self.labels = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3]
        self.contents = {
            "data_batch_1": pickled_2009(self.images[:4], self.labels[:4]),
            "data_batch_2": pickled_2009(self.images[4:7], self.labels[4:7]),
            "test_batch": pickled_2009(self.images[7:], self.labels[7:]),
        }
        self.publish(monkeypatch)

    def publish(self, monkeypatch: pytest.MonkeyPatch, archive: bytes = b"") -> None:
        """Make what `contents` holds (and an archive) the published files."""
        checks = {name: (len(content), md5(content)) for name, content in self.contents.items()}
        published = cifar.Published(
            **{**vars(cifar.CIFAR10), "files": checks, "archive_md5": md5(archive)}
        )
        monkeypatch.setattr(cifar, "CIFAR10", published)

    def unpack(self, data_dir: Path) -> Path:
        folder = data_dir / "cifar-10-batches-py"
        folder.mkdir(parents=True)
        for name, content in self.contents.items():
            (folder / name).write_bytes(content)
        return folder


class TinyMnist:
    """MNIST of five training and two test images of 28x28."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        rng = np.random.default_rng(1)
        self.train_images = rng.integers(0, 256, (5, 28, 28), dtype=np.uint8)
        self.train_labels = np.array([5, 0, 4, 1, 9], dtype=np.uint8)
        self.test_images = rng.integers(0, 256, (2, 28, 28), dtype=np.uint8)
        self.test_labels = np.array([7, 2], dtype=np.uint8)
        arrays = (self.train_images, self.train_labels, self.test_images, self.test_labels)
        self.contents = dict(zip(mnist.FILES, map(idx, arrays), strict=True))
        self.packed = {f"{name}.gz": gzip.compress(c) for name, c in self.contents.items()}
        checks = {n: (md5(c), md5(self.packed[f"{n}.gz"])) for n, c in self.contents.items()}
        monkeypatch.setattr(mnist, "FILES", checks)

    def unpack(self, data_dir: Path, *, packed: bool = False) -> Path:
        folder = data_dir / "MNIST" / "raw"
        folder.mkdir(parents=True)
        for name, content in (self.packed if packed else self.contents).items():
            (folder / name).write_bytes(content)
        return folder


def idx(array: np.ndarray) -> bytes:
    """An array of bytes as an IDX file."""
    header = struct.pack(f">2xBB{array.ndim}I", 8, array.ndim, *array.shape)
    return header + array.tobytes()


@pytest.fixture
def tiny_cifar(monkeypatch: pytest.MonkeyPatch) -> TinyCifar:
    return TinyCifar(monkeypatch)


@pytest.fixture
def tiny_mnist(monkeypatch: pytest.MonkeyPatch) -> TinyMnist:
    return TinyMnist(monkeypatch)


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """No network: every source is a port of this machine where nobody answers."""
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(cifar, "SOURCE", "http://127.0.0.1:9/")
    monkeypatch.setattr(mnist, "SOURCE", "http://127.0.0.1:9/")


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., str]]:
    """serve({name: content}, stall=name) -> address: a web server on this machine.

    It sends half of `stall` and then nothing more. Sources are pointed at it; patience is 0.5 s.
    """
    servers: list[http.server.ThreadingHTTPServer] = []
    over = threading.Event()

    def start(contents: dict[str, bytes], *, stall: str = "") -> str:
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                name = self.path[1:]
                if name not in contents:
                    return self.send_error(404)
                self.send_response(200)
                self.send_header("Content-Length", str(len(contents[name])))
                self.end_headers()
                if name == stall:
                    self.wfile.write(contents[name][: len(contents[name]) // 2])
                    self.wfile.flush()
                    over.wait(5)
                else:
                    self.wfile.write(contents[name])
                return None

            def log_message(self, *arguments: object) -> None:
                """Keep quiet."""

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        address = f"http://127.0.0.1:{server.server_address[1]}/"
        for module in (cifar, mnist):
            monkeypatch.setattr(module, "SOURCE", address)
        return address

    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(files, "PATIENCE", 0.5)
    yield start
    over.set()
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def one_line() -> Callable[..., object]:
    """with one_line("part", "another"): the block raises a Mistake of one line with these in it."""

    @contextmanager
    def check(*parts: str) -> Iterator[None]:
        with pytest.raises(Mistake) as caught:
            yield
        said = str(caught.value)
        assert "\n" not in said, said
        for part in parts:
            assert part in said, f"{part!r} is not in: {said}"

    return check
