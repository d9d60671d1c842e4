"""The processes of a run as Lightning wants to know them."""

import os

from lightning_fabric.plugins.environments import ClusterEnvironment, LightningEnvironment

from disciplined.training.launch import OURS, Ranks


def environment(ranks: Ranks) -> ClusterEnvironment:
    """Lightning's own where it starts the processes of one machine; else what the launcher said."""
    if ranks.joined:
        return Launched(ranks)
    os.environ[OURS] = "1"
    return LightningEnvironment()


class Launched(ClusterEnvironment):
    """Processes that were all started by `srun` or `torchrun`.

    Lightning's own for Slurm requeues the job on a signal, without our checkpoint, and refuses
    tasks that were not counted by node.
    """

    def __init__(self, ranks: Ranks):
        super().__init__()
        self.launch = ranks.launch

    @property
    def creates_processes_externally(self) -> bool:
        """They are all there."""
        return True

    @property
    def main_address(self) -> str:
        """Where they have met."""
        return os.environ["MASTER_ADDR"]

    @property
    def main_port(self) -> int:
        """Where they have met."""
        return int(os.environ["MASTER_PORT"])

    @staticmethod
    def detect() -> bool:
        """It is given, not found."""
        return False

    def world_size(self) -> int:
        """Over all nodes."""
        return self.launch.size

    def set_world_size(self, size: int) -> None:
        """It is known."""

    def global_rank(self) -> int:
        """Over all nodes."""
        return self.launch.rank

    def set_global_rank(self, rank: int) -> None:
        """It is known."""

    def local_rank(self) -> int:
        """On this node."""
        return self.launch.local_rank

    def node_rank(self) -> int:
        """Of this node."""
        return self.launch.node
