"""File systems of a test's own, which can be full or read-only."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from required import absent


@contextmanager
def disk(place: Path, size: str) -> Iterator[Callable[..., None]]:
    """One of `size` at `place`, and what changes how it is mounted; skips where none may be."""
    place.mkdir()

    def mount(*options: str) -> None:
        done = subprocess.run(["mount", *options, str(place)], capture_output=True, text=True)
        if done.returncode:
            absent(f"the right to mount a file system ({done.stderr.strip()})")

    mount("-t", "tmpfs", "-o", f"size={size}", "tmpfs")
    try:
        yield mount
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)
