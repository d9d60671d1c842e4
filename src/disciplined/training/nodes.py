"""Which machine this is, and whether a process that a machine named is still alive on it.

Processes of one node know of each other at once. What two nodes know of each other they learn from
the files they share (`disciplined.training.lease`).
"""

import os
import socket
from pathlib import Path

NODE = "DISCIPLINED_NODE"


def this() -> str:
    """A text that no two nodes have in common: host, boot and, for containers, the process names'
    space.

    `$DISCIPLINED_NODE` replaces it where those do not tell two nodes apart, such as virtual
    machines woken from one snapshot.
    """
    if told := os.environ.get(NODE):
        return told
    boot = space = ""
    if Path("/proc/self").exists():  # Linux
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        space = str(Path("/proc/self/ns/pid").readlink())
    return " ".join(filter(None, (socket.gethostname(), boot, space)))


def host() -> str:
    """What people call it."""
    return os.environ.get(NODE) or socket.gethostname()


def started(pid: int) -> str | None:
    """When a process of this node began, as the kernel counts; None where it has ended or nothing
    is told of it."""
    try:
        told = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (OSError, ValueError):
        return None
    return None if told[0] in "ZX" else told[19]


def alive(pid: int, began: str | None) -> bool | None:
    """Whether the process of this node that had this number and began then still lives; None where
    that cannot be told."""
    if pid < 1:
        return None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # another user's, maybe
        pass
    if began is None or not Path(f"/proc/{pid}").exists():
        return None
    return started(pid) == began
