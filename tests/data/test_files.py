import hashlib
import socket
import time
from pathlib import Path

import pytest

from disciplined.data import files
from disciplined.data.files import DownloadFailed, fetch, read_checked

CONTENT = bytes(range(256)) * 100
MD5 = hashlib.md5(CONTENT).hexdigest()


def test_a_file_with_its_checksum_is_read(tmp_path: Path, one_line):
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    assert read_checked(path, MD5) == CONTENT
    with one_line(str(path), MD5, "0" * 32):
        read_checked(path, "0" * 32)


def test_a_file_that_cannot_be_read_is_a_mistake(tmp_path: Path, one_line):
    (tmp_path / "folder").mkdir()
    with one_line(str(tmp_path / "folder"), "cannot be read"):
        read_checked(tmp_path / "folder", MD5)


def test_a_download_appears_whole(tmp_path: Path, serve, capsys):
    address = serve({"file": CONTENT})
    fetch(f"{address}file", tmp_path / "new" / "file", MD5)
    assert (tmp_path / "new" / "file").read_bytes() == CONTENT
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["file"]
    assert f"{address}file" in capsys.readouterr().err


@pytest.mark.parametrize("why", ["another file", "404", "stalls", "refused", "silent", "no folder"])
def test_a_download_that_fails_leaves_nothing(tmp_path: Path, serve, why: str):
    address = serve({"file": CONTENT, "other": b"a login page"}, stall="file")
    target, url, said = tmp_path / "data" / "file", f"{address}file", "timed out"
    silent = socket.create_server(("127.0.0.1", 0))  # takes a call, never answers
    if why == "another file":
        url, said = f"{address}other", "instead of"
    elif why == "404":
        url, said = f"{address}absent", "Not Found"
    elif why == "refused":
        url, said = "http://127.0.0.1:9/file", "refused"
    elif why == "silent":
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/file"
        said = ""
    elif why == "no folder":
        url, said = f"{address}other", "File exists"
        target = tmp_path / "blocked" / "file"
        target.parent.write_text("a file where the folder should be")
    start = time.perf_counter()
    with silent, pytest.raises(DownloadFailed) as caught:
        fetch(url, target, MD5)
    assert time.perf_counter() - start < 3
    assert said in str(caught.value) and "\n" not in str(caught.value)
    assert [p.name for p in tmp_path.rglob("*") if p.is_file() and p.name != "blocked"] == []


def test_a_name_that_is_looked_up_forever_is_given_up(tmp_path: Path, monkeypatch):
    """Looking a name up knows no timeout of its own."""
    monkeypatch.setattr(files, "PATIENCE", 0.2)
    monkeypatch.setattr(files.urllib.request, "urlopen", lambda *_, **__: time.sleep(1))
    start = time.perf_counter()
    with pytest.raises(DownloadFailed, match=r"no answer within 0\.2 s"):
        fetch("http://example.invalid/file", tmp_path / "file", MD5)
    assert time.perf_counter() - start < 0.9


def test_an_interrupted_download_leaves_nothing(tmp_path: Path, monkeypatch):
    class Response:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

        def read(self, _size):
            if not list(tmp_path.glob(".file.*.part")):
                pytest.fail("the download did not go to a part beside its place")
            raise KeyboardInterrupt

    monkeypatch.setattr(files, "_opened", lambda _url: Response())
    with pytest.raises(KeyboardInterrupt):
        fetch("http://example.invalid/file", tmp_path / "file", MD5)
    assert not list(tmp_path.iterdir())
