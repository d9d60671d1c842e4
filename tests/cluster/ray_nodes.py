"""A Ray cluster of three nodes on this host: a head without cores, and two nodes of two cores.

    with nodes() as cluster:
        train("-m", "hydra/launcher=ray", f"hydra.launcher.ray.init.address={cluster.address}")

Sockets, state and logs are in one temporary folder; every process ends with it.
"""

import contextlib
import importlib.util
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from processes import descendants, running

REASON = "Ray is not installed (pip install 'disciplined[ray]')"
needs_ray = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason=REASON)


@dataclass
class Nodes:
    """The running cluster."""

    cluster: Any
    workers: list[Any]  # Ray's handles of the nodes that have cores

    @property
    def address(self) -> str:
        return self.cluster.address

    def add(self) -> Any:
        """One more node."""
        node = patiently(lambda: self.cluster.add_node(num_cpus=2, num_gpus=1))
        self.workers.append(node)
        return node

    @staticmethod
    def processes(node: Any) -> list[int]:
        """Ray's processes on a node, and what they have started."""
        own = [info.process.pid for infos in node.all_processes.values() for info in infos]
        return [pid for parent in own for pid in [parent, *descendants(parent)]]

    def tasks(self, node: Any) -> list[int]:
        """Those of its workers that do a task of ours, by the title that Ray gives them."""
        titles = {pid: Path(f"/proc/{pid}/cmdline").read_bytes() for pid in self.processes(node)}
        return [pid for pid, title in titles.items() if title.startswith(b"ray::work")]

    def kill(self, node: Any) -> None:
        """The node is gone at once, and all of Ray's processes on it."""
        self.workers.remove(node)
        self.cluster.remove_node(node, allow_graceful=False)


def patiently(begin: Callable[[], Any]) -> Any:
    """Ray gives a node half a minute to start, whatever else the host does: try again."""
    for _ in range(4):
        with contextlib.suppress(Exception):
            return begin()
    return begin()


@contextlib.contextmanager
def nodes() -> Iterator[Nodes]:
    """Start it; end it, and see that nothing is left."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_AUTH_MODE", "disabled")  # else Ray keeps a token in the home folder
        patch.setenv("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")  # see `disciplined.sweeps.ray`
        with started() as found:
            yield found


@contextlib.contextmanager
def started() -> Iterator[Nodes]:
    """`nodes`, in an environment that is right."""
    from ray.cluster_utils import Cluster

    folder = tempfile.mkdtemp(prefix="ray-", dir="/tmp")  # sockets' paths must be short
    head = {"num_cpus": 0, "temp_dir": folder}
    cluster = patiently(lambda: Cluster(initialize_head=True, head_node_args=head))
    found = Nodes(cluster, [])
    try:
        found.add()
        found.add()
        yield found
    finally:
        daemons = [pid for node in cluster.list_all_nodes() for pid in found.processes(node)]
        cluster.shutdown()
        shutil.rmtree(folder, ignore_errors=True)
    until = time.monotonic() + 30
    while left := [pid for pid in daemons if running(pid)]:
        assert time.monotonic() < until, f"left behind: {left}"
        time.sleep(0.2)
