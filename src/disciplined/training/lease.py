"""Who trains a run: one process among those of all nodes that share the record's folder.

No lock of the operating system's and no clock that two nodes would have to agree on; of the file
server it takes what NFS promises: a directory is renamed in one step, and only onto an empty one.

    held/<token>/holder    who holds the record, written once
    held/<token>/beat      a count that goes on four times a lease while the holder lives
    held/<token>/*         what the holder is about to put into the record

* The record is free where `held` is absent or empty. It is taken by renaming a directory prepared
  beside it onto `held`: of any number of takers one succeeds. It is released by moving
  `held/<token>` away.
* A holder on this node is known to have died by its process. Any other is watched: if its count
  stands still for the length of its lease, by the watcher's own monotonic clock, its directory is
  moved out of `held`, by its token, and removed.
* So a holder may be put out that was only slow: stopped, or behind a network that was down. All it
  puts into the record is renamed from `held/<token>`, all it takes out is renamed to there, and
  rows are added to files that it made itself, which the next holder replaces. Once its directory is
  removed none of these can succeed, be it a request that was on its way: it learns that it has lost
  the record (`Lost`) by failing to touch it.
"""

import contextlib
import errno
import itertools
import json
import os
import secrets
import shutil
import stat
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from disciplined.mistakes import Busy, Mistake
from disciplined.training import nodes

HELD = "held"
ASIDE, PREPARED = ".lapsed", ".new"
LEASE = "DISCIPLINED_LEASE_SECONDS"
SECONDS = 60.0  # an NFS client may show what is as old
GONE = (errno.ENOENT, errno.ENOTDIR, errno.ESTALE)
LARGEST = 4096  # bytes of what a holder says of itself


class Lost(Busy):
    """This process was slow, and another has taken its run over."""


@dataclass(frozen=True)
class Holder:
    """What a holder says of itself. since: for people to read; nothing is decided by it."""

    node: str
    host: str
    pid: int
    started: str | None
    since: str
    lease: float

    def __str__(self) -> str:
        return f"{self.host}, process {self.pid}, since {self.since}"

    @property
    def alive(self) -> bool | None:
        """Whether its process lives; None where this node cannot tell."""
        return nodes.alive(self.pid, self.started) if self.node == nodes.this() else None


def seconds() -> float:
    """The lease that this process takes, `$DISCIPLINED_LEASE_SECONDS` or a minute.

    It says after how long a run of a node that died is taken over, and nothing else: a holder that
    outlives its lease loses time, never data. Raises `Mistake`.
    """
    told = os.environ.get(LEASE, str(SECONDS))
    with contextlib.suppress(ValueError):
        if 0.1 <= (found := float(told)) <= 86400:
            return found
    raise Mistake(f"${LEASE}={told}: expected seconds, from 0.1 to 86400")


def signs(folder: Path) -> dict[str, bytes]:
    """What is in `held`, by name, each with its count; {} where the record is free."""
    try:
        if not stat.S_ISDIR(os.lstat(folder / HELD).st_mode):
            return {"": b""}  # no holder makes a file or a link of it
        names = os.listdir(folder / HELD)
    except OSError as error:
        if error.errno in GONE:
            return {}
        raise
    return {name: content(folder / HELD / name / "beat") for name in names}


def content(path: Path) -> bytes:
    """The beginning of a file as the server has it now; nothing where there is no such file."""
    try:  # opening asks an NFS server; a look at its times would not
        opened = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        if error.errno in (errno.EIO, errno.ETIMEDOUT, errno.EINTR):
            raise
        return b""
    try:
        return os.read(opened, LARGEST) if stat.S_ISREG(os.fstat(opened).st_mode) else b""
    finally:
        os.close(opened)


def holder(folder: Path, token: str) -> Holder | None:
    """Who holds the record by this token; None where that is not told as a holder does."""
    try:
        told = json.loads(content(folder / HELD / token / "holder"))
        found = Holder(**told)
        good = isinstance(found.pid, int) and 0 < float(found.lease) <= 86400
    except (ValueError, TypeError, RecursionError):
        return None
    return found if good and all(isinstance(v, str) for v in (found.node, found.host)) else None


def holders(folder: Path) -> list[Holder | None]:
    """Who holds the record as far as this node knows, without those it knows to have died."""
    found = [holder(folder, token) for token in signs(folder)]
    return [one for one in found if one is None or one.alive is not False]


def put_out(folder: Path, token: str) -> None:
    """End the hold of `token`, and of no other: when this returns it can change nothing more."""
    put_aside(folder / HELD / token if token else folder / HELD, folder)


def put_aside(path: Path, folder: Path) -> None:
    """Take a directory out of the way in one step and remove it, unless another was quicker: who
    takes the record next removes what that one did not."""
    aside = folder / f".{fresh()}{ASIDE}"
    try:
        os.rename(path, aside)
    except OSError as error:
        if error.errno not in GONE:
            raise
        return
    erase(aside)


def erase(path: Path) -> None:
    """Remove a directory in which somebody may still be writing, or whatever else it is."""
    for _ in range(100):
        try:
            if stat.S_ISDIR(os.lstat(path).st_mode):
                shutil.rmtree(path)
            else:
                os.unlink(path)
        except OSError as error:
            if error.errno not in (*GONE, errno.ENOTEMPTY, errno.EEXIST):
                raise
        if not os.path.lexists(path):
            return
    raise OSError(errno.ENOTEMPTY, os.strerror(errno.ENOTEMPTY), str(path))


def fresh() -> str:
    """A name that nobody else makes up."""
    return secrets.token_hex(8)


def take(folder: Path) -> "Lease | None":
    """Take a record that is free; None where another holds it. Raises `OSError` where the folder
    cannot be written to."""
    lease = Lease(folder, fresh(), seconds())
    prepared = folder / f".{lease.token}{PREPARED}"
    told = Holder(
        nodes.this(),
        nodes.host(),
        os.getpid(),
        nodes.started(os.getpid()),
        datetime.now(UTC).isoformat(timespec="seconds"),
        lease.seconds,
    )
    os.makedirs(folder, exist_ok=True)
    try:
        os.mkdir(prepared)
        os.mkdir(prepared / lease.token)
        written(prepared / lease.token / "holder", json.dumps(asdict(told)).encode())
        written(prepared / lease.token / "beat", b"%020d\n" % 0)
        os.rename(prepared, folder / HELD)
    except OSError as error:
        # an NFS request that was sent twice may have succeeded and say otherwise
        if not (error.errno in GONE and lease.holds()):
            erase(prepared)
            if error.errno in (*GONE, errno.ENOTEMPTY, errno.EEXIST):
                return None
            raise
    for left in os.listdir(folder):  # what was not finished by who put another out, or prepared
        with contextlib.suppress(OSError):  # another user's, or open elsewhere: the next may
            if left.endswith(ASIDE):
                erase(folder / left)
            elif left.endswith(PREPARED):
                put_aside(folder / left, folder)
    return lease


def written(path: Path, content: bytes, *flags: int) -> None:
    """Write a small file that is in its place at once."""
    opened = os.open(path, os.O_WRONLY | sum(flags or (os.O_CREAT, os.O_EXCL)), 0o666)
    try:
        os.write(opened, content)
    finally:
        os.close(opened)


class Lease:
    """A record held by this process, till `release` or its end.

    lost: whether this process is known to hold it no more.
    """

    def __init__(self, folder: Path, token: str, seconds: float):
        self.folder, self.token, self.seconds = folder, token, seconds
        self.own = folder / HELD / token
        self.pid = os.getpid()
        self.lost = False
        self.ended = threading.Event()
        self.names = itertools.count()
        self.rows: dict[Path, int] = {}  # files of rows, open

    def begin(self) -> None:
        """Have the count go on, in a thread of its own."""
        threading.Thread(target=self.beat, name="lease", daemon=True).start()

    def beat(self) -> None:
        """Count till the end or till the record is lost, whatever the disk says meanwhile."""
        for count in itertools.count(1):
            if self.ended.wait(self.seconds / 4):
                return
            try:  # over what is there: a full disk has room for that
                written(self.own / "beat", b"%020d\n" % count, 0)
            except OSError as error:
                if error.errno in (errno.ENOENT, errno.ENOTDIR) and not self.ended.is_set():
                    self.lost = True
                    return

    def holds(self) -> bool:
        """Whether the record is still this process's, asked of the server."""
        try:
            os.close(os.open(self.own / "beat", os.O_RDONLY))
        except OSError as error:
            return error.errno not in GONE
        return True

    def check(self) -> None:
        """Raise `Lost` where the record is known to be lost."""
        if self.lost:
            raise self.loss()

    def loss(self) -> Lost:
        """What is said of it."""
        self.lost = True
        found = [str(one) for one in holders(self.folder) if one]
        by = f"is being trained by another process ({found[0]})" if found else "was let go"
        return Lost(
            f"{self.folder}: nothing was heard of this process for its lease of {self.seconds:g} s,"
            f" and the run {by}; stopped here, and left it as it is"
        )

    @contextlib.contextmanager
    def fenced(self) -> Iterator[None]:
        """Raises `Lost` for what fails because the record is lost."""
        try:
            yield
        except OSError as error:
            if error.errno in GONE and not self.holds():
                raise self.loss() from error
            raise

    def part(self) -> Path:
        """A name for a file that nobody sees yet."""
        return self.own / f"{next(self.names)}.part"

    def commit(self, part: Path, path: Path) -> None:
        """Put a file into the record, in one step. Raises `Lost`."""
        with self.fenced():
            os.rename(part, path)

    def remove(self, path: Path) -> None:
        """Take something out of the record, if it is there. Raises `Lost`."""
        out = self.part()
        try:
            self.commit(path, out)
        except FileNotFoundError:
            return
        erase(out)

    def move(self, path: Path, to: Path) -> None:
        """Give a file of the record another name. Raises `Lost`."""
        between = self.part()
        self.commit(path, between)
        self.commit(between, to)

    def add(self, path: Path, more: bytes, whole: bytes) -> None:
        """Add to a file of this process's own making, or make it of the `whole`. Raises `Lost`."""
        if not self.made(path):
            self.make(path, whole)
            return
        with self.fenced():
            written_out(self.rows[path], more)

    def made(self, path: Path) -> bool:
        """Whether this process made the file that has this name now."""
        try:
            return path in self.rows and os.path.samestat(os.stat(path), os.fstat(self.rows[path]))
        except OSError:
            return False

    def make(self, path: Path, whole: bytes) -> None:
        """Make a file that rows are added to. Raises `Lost`."""
        part = self.part()
        with self.fenced():
            opened = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o666)
        try:
            written_out(opened, whole)
            self.commit(part, path)
        except BaseException:
            os.close(opened)
            with contextlib.suppress(OSError):
                os.unlink(part)
            raise
        self.close(path)
        self.rows[path] = opened

    def close(self, path: Path) -> None:
        """Close a file of rows, if it is open."""
        with contextlib.suppress(KeyError, OSError):
            os.close(self.rows.pop(path))

    def release(self) -> None:
        """Let another process take the record; not from a process that was forked from this."""
        if os.getpid() != self.pid:
            return
        self.ended.set()
        for path in list(self.rows):
            self.close(path)
        with contextlib.suppress(OSError):
            put_out(self.folder, self.token)
        with contextlib.suppress(OSError):  # not where another has taken it already
            os.rmdir(self.folder / HELD)


def written_out(opened: int, content: bytes | memoryview) -> None:
    """Write all of it to an open file, and have it on the disk."""
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(opened, rest) :]
    os.fsync(opened)
