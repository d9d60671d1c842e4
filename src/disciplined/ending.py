"""How a process ends: the statuses of every command, and the signals that end one."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

DONE, FAULT, MISTAKE, DIVERGED = 0, 1, 2, 3
BUSY = 75  # os.EX_TEMPFAIL: another process trains this very run; come back later
# the last two are schedulers' warnings; Windows has none
WARNINGS = [getattr(signal, name) for name in ("SIGUSR1", "SIGUSR2") if hasattr(signal, name)]
SIGNALS = [signal.SIGINT, signal.SIGTERM, *WARNINGS]


@contextmanager
def handled(handler: Callable[[int, Any], None]) -> Iterator[None]:
    """These signals go to `handler` meanwhile."""
    before = {number: signal.signal(number, handler) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler_before in before.items():
            signal.signal(number, handler_before)
