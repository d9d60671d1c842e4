"""Processes that tests start and end."""

import contextlib
import multiprocessing
import os
import runpy
import signal
import sys
from collections.abc import Mapping, Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path

from disciplined.ending import SIGNALS

ROOT = Path(__file__).parents[1]
WARM = ["disciplined.sweeps.alone", "disciplined.sweeps.warm"]  # what runs are forked from


def script(
    path: Path, arguments: Sequence[str], said: Path, environment: Mapping[str, str]
) -> BaseProcess:
    """Start a script of the checkout in a process forked from the warm server; what it prints goes
    to `said` with `.out` and `.err` behind it."""
    context = multiprocessing.get_context("forkserver")
    process = context.Process(target=_script, args=(path, arguments, said, dict(environment)))
    process.start()
    return process


def _script(path: Path, arguments: Sequence[str], said: Path, environment: dict[str, str]) -> None:
    for number, end in ((1, ".out"), (2, ".err")):
        os.dup2(os.open(said.with_suffix(end), os.O_WRONLY | os.O_CREAT | os.O_APPEND), number)
    sys.stdout, sys.stderr = (open(n, "w", buffering=1, closefd=False) for n in (1, 2))  # noqa: SIM115
    for one in SIGNALS:  # the server ignores them
        signal.signal(one, signal.default_int_handler if one == signal.SIGINT else signal.SIG_DFL)
    os.environ.update(environment)
    os.chdir(ROOT)
    sys.path[:0] = [str(path.parent), *environment.get("PYTHONPATH", "").split(os.pathsep)]
    sys.argv = [str(path), *arguments]
    runpy.run_path(str(path), run_name="__main__")


def kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def descendants(pid: int) -> list[int]:
    """Every process below this one, as Linux tells."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, task.read_text().split()):
            found += [child, *descendants(child)]
    return found


def running(pid: int) -> bool:
    """Whether a process still does something (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
