"""A Ray cluster of three nodes on this host: a head without cores, and two nodes of two cores.

    with nodes() as cluster:
        train("-m", "hydra/launcher=ray", f"hydra.launcher.ray.init.address={cluster.address}")

Sockets, state and logs are in one temporary folder; every process ends with it.
"""

import contextlib
import importlib.util
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

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
        node = self.cluster.add_node(num_cpus=2, num_gpus=1)
        self.workers.append(node)
        return node

    def kill(self, node: Any) -> None:
        """The node is gone at once, and all of Ray's processes on it."""
        self.workers.remove(node)
        self.cluster.remove_node(node, allow_graceful=False)


@contextlib.contextmanager
def nodes() -> Iterator[Nodes]:
    """Start it; end it, and see that nothing is left."""
    os.environ["RAY_AUTH_MODE"] = "disabled"  # else Ray keeps a token in the home folder
    from ray.cluster_utils import Cluster

    folder = tempfile.mkdtemp(prefix="ray-", dir="/tmp")  # sockets' paths must be short
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "temp_dir": folder})
    try:
        found = Nodes(cluster, [])
        found.add()
        found.add()
        yield found
    finally:
        cluster.shutdown()
        shutil.rmtree(folder, ignore_errors=True)
