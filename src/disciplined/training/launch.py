"""What started this process, and which others share its run. No torch.

Slurm's `srun` starts one process for every device on every node, and so does `torchrun`. Where
neither did, this process is alone, or the first of its machine's, and Lightning starts the others.
Not what Lightning would find by itself: it takes the tasks of a whole job for those of this step,
and the processes that its own launcher started inside a step for Slurm's.
"""

import os
import re
import socket
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from omegaconf import DictConfig

from disciplined.mistakes import Mistake

T = TypeVar("T")
OURS = "DISCIPLINED_STARTS_RANKS"  # set for the processes that Lightning starts
DDP = ("trainer=ddp", "trainer.strategy=ddp")
PER_NODE = {"srun": "--ntasks-per-node", "torchrun": "--nproc-per-node"}
NODES = {"srun": "--nodes", "torchrun": "--nnodes"}


@dataclass(frozen=True)
class Launch:
    """This process among those that `by` (srun, torchrun; empty: neither) started together."""

    by: str = ""
    rank: int = 0
    size: int = 1
    local_rank: int = 0
    local_size: int = 1
    node: int = 0
    nodes: int = 1

    def check(self, cfg: DictConfig) -> None:
        """Raise `Mistake` unless the settings ask for these processes."""
        devices, nodes = cfg.trainer.devices, cfg.trainer.num_nodes
        if cfg.trainer.strategy != "ddp":
            if self.by == "torchrun" and self.size > 1:
                raise Mistake(
                    f"trainer.strategy={cfg.trainer.strategy}: torchrun started {self.size} "
                    f"processes; they share a run with trainer=ddp "
                    f"trainer.devices={self.local_size} trainer.num_nodes={self.nodes}"
                )
            return
        if self.size == 1 and self.by != "torchrun":  # Lightning starts the others of one node
            if nodes > 1:
                raise Mistake(
                    f"trainer.num_nodes={nodes}: this process was started alone; start one for "
                    f"every device: srun --nodes={nodes} --ntasks-per-node={devices} python "
                    f"train.py …, or on every node torchrun --nnodes={nodes} "
                    f"--nproc-per-node={devices} --rdzv-backend=c10d --rdzv-endpoint=HOST:29500 "
                    "train.py …"
                )
            return
        if nodes != self.nodes:
            raise Mistake(
                f"trainer.num_nodes={nodes}: {self.by} started this run on {self.nodes}; set "
                f"trainer.num_nodes={self.nodes}, or give {self.by} {NODES[self.by]}={nodes}"
            )
        if devices != self.local_size:
            raise Mistake(
                f"trainer.devices={devices}: {self.by} started {self.local_size} of this run's "
                f"processes on node {self.node}; set trainer.devices={self.local_size}, or give "
                f"{self.by} {PER_NODE[self.by]}={devices}"
            )


def found(arguments: Sequence[str], environ: Mapping[str, str] = os.environ) -> Launch:
    """The processes that train what `arguments` ask for.

    Of `srun` they may also be runs of their own (`seed=$SLURM_PROCID`), where none asks for DDP.
    """
    theirs = OURS not in environ
    if theirs and "TORCHELASTIC_RUN_ID" in environ:  # may itself have been started by srun
        names = "RANK WORLD_SIZE LOCAL_RANK LOCAL_WORLD_SIZE GROUP_RANK GROUP_WORLD_SIZE"
        return Launch("torchrun", *(int(environ[name]) for name in names.split()))
    if theirs and (tasks := step_tasks(environ)) > 1 and asks_for_ddp(arguments):
        node = int(environ["SLURM_NODEID"])
        return Launch(
            "srun",
            rank=int(environ["SLURM_PROCID"]),
            size=tasks,
            local_rank=int(environ["SLURM_LOCALID"]),
            local_size=per_node(environ["SLURM_STEP_TASKS_PER_NODE"])[node],
            node=node,
            nodes=int(environ["SLURM_STEP_NUM_NODES"]),
        )
    return alone("LOCAL_RANK" in environ and asks_for_ddp(arguments), environ)


def asks_for_ddp(arguments: Sequence[str]) -> bool:
    """Whether the run that `arguments` ask for is DDP, by whatever file. Raises `Mistake`."""
    if any(argument in DDP for argument in arguments):
        return True
    from disciplined.training.config import chosen  # Hydra: not for one that is alone

    return chosen(list(arguments)).trainer.strategy == "ddp"


def alone(ddp: bool, environ: Mapping[str, str] = os.environ) -> Launch:
    """A process that no launcher gave others; Lightning's are numbered."""
    return Launch(rank=int(environ.get("LOCAL_RANK", 0)) if ddp else 0)


def step_tasks(environ: Mapping[str, str] = os.environ) -> int:
    """How many tasks Slurm started with this one: of the step. A batch script knows its job's, and
    is none of them."""
    return int(environ.get("SLURM_STEP_NUM_TASKS", 1))


def per_node(told: str) -> list[int]:
    """Slurm's `2(x3),1` as 2, 2, 2, 1."""
    parts = (re.fullmatch(r"(\d+)(?:\(x(\d+)\))?", part) for part in told.split(","))
    return [int(part[1]) for part in parts if part for _ in range(int(part[2] or 1))]


def place(environ: Mapping[str, str] = os.environ) -> tuple[str, int]:
    """Host and port at which the first process awaits the others: as set, or of Slurm's step."""
    host, port = environ.get("MASTER_ADDR"), environ.get("MASTER_PORT")
    job, step = int(environ.get("SLURM_JOB_ID", 0)), int(environ.get("SLURM_STEP_ID", 0))
    return (
        host or address(first_node(environ.get("SLURM_STEP_NODELIST", "127.0.0.1"))),
        int(port or 20000 + (17 * job + step) % 10000),
    )


def first_node(nodes: str) -> str:
    """Of Slurm's `gpu[003-004,7],login`: gpu003."""
    return re.sub(r"\[([^],-]*)[^]]*\]", r"\1", re.split(r",(?![^[]*\])", nodes)[0])


def address(node: str) -> str:
    """A node's address: its name, or where names are Slurm's own, what Slurm knows."""
    try:
        socket.getaddrinfo(node, None)
        return node
    except OSError:
        pass
    asked = ["scontrol", "show", "node", node, "--oneliner"]
    try:
        told = subprocess.run(asked, capture_output=True, text=True, timeout=30).stdout
    except (OSError, subprocess.SubprocessError):
        told = ""
    if known := re.search(r"\bNodeAddr=(\S+)", told):
        return known[1]
    raise Mistake(
        f"the address of node {node} is not known here; set MASTER_ADDR to one of its addresses"
    )


def cores() -> list[int]:
    """The cores that this process may use: of a sweep's job, or a cluster's, those it was given."""
    given = getattr(os, "sched_getaffinity", lambda _: range(os.cpu_count() or 1))
    return sorted(given(0))


class Ranks:
    """The processes of a run, seen from one of them; here one that has nobody to ask.

    `disciplined.training.joined` has those that were started together.
    """

    def __init__(self, launch: Launch):
        self.launch = launch

    @property
    def leads(self) -> bool:
        """Whether this is the one process that writes and speaks."""
        return self.launch.rank == 0

    @property
    def joined(self) -> bool:
        """Whether there are others that were started like this one."""
        return False

    def cores(self, devices: int) -> int:
        """Of the machine's cores, those for this process where `devices` of them share it."""
        return max(1, len(cores()) // devices)

    def agreed(self, do: Callable[[], T]) -> T:
        """What `do` returns. Where it raises in any process, all of them end, told once."""
        return do()

    def in_turn(self, do: Callable[[], T]) -> T:
        """Likewise, but the first process alone, then one of every other node, then the rest: what
        one downloads, the next finds."""
        return do()

    def decided(self, do: Callable[[], T]) -> T:
        """What the first process's `do` returns (something of JSON's)."""
        return do()

    def gathered(self, value: T) -> list[T]:
        """Every process's value (likewise)."""
        return [value]

    def same(self, facts: dict[str, Any]) -> None:
        """Raise `Mistake` unless every process found the same: setting -> value."""

    def left(self, status: int) -> int:
        """The status to exit with, once the first process is at its end with `status`."""
        return status

    def __enter__(self) -> "Ranks":
        return self

    def __exit__(self, *error: Any) -> None:
        """Nobody to tell."""


ALONE = Ranks(Launch())
