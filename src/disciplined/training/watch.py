"""How a process learns that the holder of a record on another node has died."""

import errno
import time
from pathlib import Path

from disciplined.training import lease

SILENT = (errno.EIO, errno.ETIMEDOUT, errno.EINTR)  # what a server that does not answer looks like


class Watch:
    """What this process has seen of a record's holder, from look to look, by its own clock alone.

    alive: whether the holder has shown that it lives. lease: the seconds without any sign after
    which it is put out.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.seen: dict[str, bytes] | None = None
        self.since = 0.0
        self.alive = False
        self.lease = lease.SECONDS

    def held(self) -> bool:
        """Whether another process holds the record. One that has died, as far as this node can
        know, is put out first. True, too, while the server does not answer.

        Raises `OSError` where nothing can be read or changed.
        """
        now = time.monotonic()
        try:
            found = lease.signs(self.folder)
            who = {token: lease.holder(self.folder, token) for token in found}
        except OSError as error:
            if error.errno not in SILENT:
                raise
            self.seen = None
            return True
        if self.seen is None or found != self.seen:
            # the first look sees no change
            self.alive = self.seen is not None and bool(found)
            self.seen, self.since = found, time.monotonic()
        known = {token: one.alive if one else None for token, one in who.items()}
        self.alive |= True in known.values()
        self.lease = max((one.lease for one in who.values() if one), default=lease.SECONDS)
        lapsed = now - self.since >= self.lease
        for token, lives in known.items():
            if lives is False or (lapsed and lives is None):
                lease.put_out(self.folder, token)
                del self.seen[token]
        return bool(self.seen)
