"""A data set's published files: checked by md5 before anything in them is believed, or fetched.

md5 is what the publishers give. It guards against damage and mix-ups; what is then parsed is parsed
as if it were hostile all the same (`cifar.py`).
"""

import hashlib
import http.client
import os
import queue
import sys
import threading
import urllib.request
from pathlib import Path
from typing import Any

from disciplined.mistakes import Mistake

PATIENCE = 8.0  # seconds a server may be silent, its name's look-up included


def read_checked(path: Path, md5: str) -> bytes:
    """A file's whole content; Mistake if it cannot be read or its md5 is not the published one."""
    content = read(path)
    check(content, md5, str(path))
    return content


def read(path: Path) -> bytes:
    """A file's whole content; Mistake if it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise Mistake(f"{path} cannot be read: {error.strerror}; make it readable") from None


def check(content: bytes, md5: str, name: str) -> None:
    """Raise the Mistake that says so unless `content` has the published md5."""
    found = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if found != md5:
        raise corrupt(name, md5, found)


def corrupt(name: str, md5: str, found: str) -> Mistake:
    """What to say of a damaged file (or a member of an archive)."""
    return Mistake(
        f"{name} is corrupt: its md5 should be {md5} and is {found}; "
        f"delete it and fetch it again, or use dataset=digits"
    )


def absent(title: str, data_dir: Path, what: str, source: str, why: str) -> Mistake:
    """What to say of a data set that is not there: what to put where."""
    return Mistake(
        f"data_dir={data_dir}: no {title} there ({why}); put {what} from {source} into "
        f"{data_dir.absolute()}, or use dataset=digits, which needs no download"
    )


class DownloadFailed(Exception):
    """Why a file could not be fetched, in one line."""


def fetch(url: str, path: Path, md5: str) -> None:
    """Download `url` to `path`, which appears only whole and with the published md5.

    Raises DownloadFailed, within seconds where there is no network, leaving no file behind.
    """
    try:
        with _opened(url) as response:
            print(f"downloading {url}", file=sys.stderr)
            path.parent.mkdir(parents=True, exist_ok=True)
            _received(response, path, md5)
    except (OSError, http.client.HTTPException) as error:
        reason = " ".join(str(getattr(error, "reason", error)).split()) or type(error).__name__
        raise DownloadFailed(f"the download failed: {reason}") from None


def _received(response: Any, path: Path, md5: str) -> None:
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    digest = hashlib.md5(usedforsecurity=False)
    try:
        with part.open("wb") as file:
            while block := response.read(1 << 20):
                digest.update(block)
                file.write(block)
        if (found := digest.hexdigest()) != md5:
            raise DownloadFailed(f"the download of {path.name} has md5 {found} instead of {md5}")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _opened(url: str) -> Any:
    """The response, or TimeoutError: looking up a name knows no timeout, so a thread does it."""
    answers: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def open_url() -> None:
        try:
            answers.put(urllib.request.urlopen(url, timeout=PATIENCE))
        except Exception as error:
            answers.put(error)

    threading.Thread(target=open_url, daemon=True).start()
    try:
        answer = answers.get(timeout=PATIENCE)
    except queue.Empty:
        raise TimeoutError(f"no answer within {PATIENCE:g} s") from None
    if isinstance(answer, Exception):
        raise answer
    return answer
