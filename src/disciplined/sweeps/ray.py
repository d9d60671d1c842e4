"""Allocations as tasks of a Ray cluster, through Ray's public interface: `allocation.work` each.

Ray places a task where there is what it asks for, and starts it again where its worker or its node
was lost; the runs go on from their checkpoints. Every node has this package and the folder that the
command is given in, at the same places.
"""

import contextlib
import os
import re
import signal
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

# Where `uv run` started this, Ray would start its workers by `uv run` as well, in a packed copy of
# the project that lacks the extra `ray`: they never come up. Read as Ray is imported.
os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")

import ray
from ray.exceptions import RayError

from disciplined.ending import SIGNALS
from disciplined.mistakes import Mistake
from disciplined.sweeps import allocation

SETTINGS = "hydra.launcher.ray"


class Ray:
    """An engine (`elsewhere.Engine`).

    Args:
        init: arguments of `ray.init`.
        remote: arguments of `ray.remote` for each allocation: `num_cpus`, `num_gpus`, …
    """

    def __init__(self, init: Mapping[str, Any], remote: Mapping[str, Any]):
        quiet = {"log_to_driver": False, "logging_level": "warning", "include_dashboard": False}
        self.init: dict[str, Any] = quiet | dict(init)
        # a worker that had a GPU would be ended after every task; this one leaves it to its runs
        self.remote: dict[str, Any] = {"max_calls": 0} | dict(remote)
        self.tasks: dict[Path, ray.ObjectRef] = {}

    def submit(self, files: Sequence[Path]) -> str:
        """See `elsewhere.Engine`."""
        setting = "init"
        try:
            if not ray.is_initialized():
                answers(self.init.get("address"))
                with signals_kept():
                    ray.init(**self.init)
            setting = "remote"
            task = ray.remote(**self.remote)(work)
        except (ConnectionError, RuntimeError, TypeError, ValueError) as error:
            raise Mistake(f"{SETTINGS}.{setting}: {one_line(error)}") from error
        cores = max(1, int(self.remote["num_cpus"]))
        self.tasks = {file: task.remote(str(file), cores) for file in files}
        return f"{len(files)} allocations to Ray: {self.room()}"

    def room(self) -> str:
        """How large the cluster is, and whether an allocation has to wait for a larger node."""
        asked: dict[str, float] = {
            "CPU": self.remote["num_cpus"],
            "GPU": self.remote.get("num_gpus") or 0,
        }
        asked |= self.remote.get("resources") or {}
        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        totals = ", ".join(f"{sum(node.get(k, 0) for node in nodes):g} {k}" for k in asked)
        words = f"{len(nodes)} nodes, {totals}"
        if not any(all(node.get(k, 0) >= v for k, v in asked.items()) for node in nodes):
            wanted = ", ".join(f"{v:g} {k}" for k, v in asked.items())
            words += f"; waiting for a node of {wanted}, which none has"
        return words

    def alive(self) -> dict[Path, bool]:
        """See `elsewhere.Engine`; which of them run Ray does not say."""
        tasks = list(self.tasks.values())
        _, waiting = ray.wait(tasks, num_returns=len(tasks), timeout=0, fetch_local=False)
        there = set(waiting)
        return {file: True for file, task in self.tasks.items() if task in there}

    def cancel(self) -> None:
        """See `elsewhere.Engine`."""
        for task in self.tasks.values():
            ray.cancel(task)  # SIGINT to one that runs, as `pool.train` takes it

    def fate(self, file: Path) -> str:
        """See `elsewhere.Engine`."""
        try:
            ray.get(self.tasks[file])
        except RayError as error:
            return f"Ray: {one_line(error)}"
        return "Ray's task ended before it"


def answers(address: str | None) -> None:
    """Raise `ConnectionError` where nobody listens: Ray itself would ask for minutes."""
    found = re.fullmatch(r"([\w.-]+):(\d+)", address or "")
    if not found:  # `auto`, a client's `ray://…`, or a cluster of this machine's own
        return
    try:
        socket.create_connection((found[1], int(found[2])), timeout=10).close()
    except OSError as error:
        raise ConnectionError(f"address={address}: nobody answers there ({error})") from error


@contextlib.contextmanager
def signals_kept() -> Iterator[None]:
    """Ray makes SIGTERM its own, and the command would end before its runs have saved."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def work(file: str, cores: int) -> None:
    """The task, in a Ray worker."""
    # what is forked would else begin by reading the worker's program, and with it all of Ray
    vars(sys.modules["__main__"]).pop("__file__", None)
    if allocation.work(file, cores=cores) == signal.SIGTERM:
        os.kill(os.getpid(), signal.SIGTERM)  # the worker's end, not the task's: it is begun again


def one_line(error: Exception) -> str:
    """What Ray says over many lines, of which a traceback's last counts."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[-1 if "Traceback" in str(error) else 0].strip()
