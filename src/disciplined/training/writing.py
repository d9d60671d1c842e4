"""Files written so that a reader sees the old one or the new, never a part; through the lease of
the record that they belong to, where this process holds it."""

import contextlib
import hashlib
from pathlib import Path

from disciplined.training.lease import Lease, erase, fresh, written_out

HELD_HERE: dict[Path, Lease] = {}  # the records that this process holds, by folder


def lease_of(path: Path) -> Lease | None:
    """The lease that what this process does to a record's file goes through."""
    if not HELD_HERE:
        return None
    near = path.absolute().parent
    return HELD_HERE.get(near) or HELD_HERE.get(near.parent)


def sha256(content: bytes | memoryview) -> str:
    """As hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def write(path: Path, text: str) -> None:
    """Write beside, flush, rename."""
    put(path, text.encode())


def put(path: Path, content: bytes | memoryview) -> None:
    """Likewise, what is no text."""
    commit(staged(path, content), path)


def staged(path: Path, content: bytes | memoryview) -> Path:
    """Write what `commit` will put at `path`, and have it on the disk; a full one keeps nothing."""
    part = beside(path)
    lease = lease_of(path)
    try:
        with lease.fenced() if lease else contextlib.nullcontext(), part.open("xb") as file:
            written_out(file.fileno(), content)
    except OSError:
        discard(part)
        raise
    return part


def beside(path: Path) -> Path:
    """A name for what nobody is to see at `path` yet."""
    lease = lease_of(path)
    # of another node's process with the same number, too, the name is another
    return lease.part() if lease else path.with_name(f".{path.name}.{fresh()}.part")


def commit(part: Path, path: Path) -> None:
    """Give a file its name, in one step."""
    lease = lease_of(path)
    try:
        if lease:
            lease.commit(part, path)
        else:
            part.replace(path)
    except OSError:
        discard(part)
        raise


def remove(path: Path) -> None:
    """Remove a file, or a folder with all that is in it, if it is there."""
    if lease := lease_of(path):
        lease.remove(path)
    else:
        erase(path)


def move(path: Path, to: Path) -> None:
    """Give a file of the same record another name."""
    if lease := lease_of(path):
        lease.move(path, to)
    else:
        path.replace(to)


def discard(part: Path) -> None:
    """Remove what will not be put anywhere, if the disk lets it."""
    with contextlib.suppress(OSError):
        part.unlink(missing_ok=True)
