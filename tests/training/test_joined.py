"""Processes that begin, fail and end together: real ones, without a run."""

import contextlib
import multiprocessing
import os
import signal
import socket
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from disciplined.ending import DONE, FAULT, MISTAKE
from disciplined.mistakes import Mistake
from disciplined.training import joined
from disciplined.training.joined import Joined
from disciplined.training.launch import Launch

pytestmark = pytest.mark.usefixtures("warm_server")
SIZE = 3  # two of the first node, one of the second
CONTEXT = multiprocessing.get_context("forkserver")


def alike(ranks: Joined, folder: Path) -> int:
    return 3


def a_mistake_of_all(ranks: Joined, folder: Path) -> int:
    def wrong() -> None:
        raise Mistake("seed=-1: no")

    ranks.agreed(wrong)
    return DONE


def a_mistake_of_the_last(ranks: Joined, folder: Path) -> int:
    def wrong() -> None:
        if ranks.launch.rank == SIZE - 1:
            raise Mistake("data_dir=data: not there")

    ranks.agreed(wrong)
    return DONE


def a_fault_of_the_second(ranks: Joined, folder: Path) -> int:
    if ranks.launch.rank == 1:
        raise RuntimeError("planted")
    time.sleep(60)
    return DONE


def one_decides(ranks: Joined, folder: Path) -> int:
    assert ranks.decided(lambda: [ranks.launch.rank, None]) == [0, None]
    assert ranks.gathered(ranks.launch.rank) == [0, 1, 2]
    return DONE


def in_turn(ranks: Joined, folder: Path) -> int:
    """The first alone, then of the other node, then the rest."""
    order = folder / "order"

    def add() -> None:
        with order.open("a") as file:
            file.write(str(ranks.launch.rank))
        time.sleep(0.1)

    ranks.in_turn(add)
    assert order.read_text() == "021"
    return DONE


def other_data(ranks: Joined, folder: Path) -> int:
    ranks.same({"data_dir": "b" if ranks.launch.rank == 2 else "a"})
    return DONE


def silent(ranks: Joined, folder: Path, rank: int) -> int:
    """A node without power: no connection is closed, nothing is said."""
    if ranks.launch.rank == rank:
        time.sleep(3)  # until the others have met too
        os.kill(os.getpid(), signal.SIGSTOP)
    ranks.gathered(0)
    return DONE


def process(do: Callable[[Joined, Path], int], folder: Path, rank: int, port: int, by: str) -> None:
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "SLURM_CPUS_ON_NODE": "9"}
    joined.BEAT, joined.SILENCE, joined.GRACE = 0.1, 20, 0.2
    said = (folder / f"said{rank}").open("w")
    os.dup2(said.fileno(), 2)
    local = (rank, 2, 0, 2) if rank < 2 else (0, 1, 1, 2)
    try:
        with Joined(Launch(by, rank, SIZE, *local)) as ranks:
            status = ranks.left(do(ranks, folder))
    except Mistake as mistake:
        said.write(f"{mistake}\n")
        status = MISTAKE
    said.flush()
    raise SystemExit(status)


def together(
    do: Any, folder: Path, by: str = "srun", stopped: int | None = None
) -> tuple[list[int | None], list[str]]:
    """Statuses, and what each said; `stopped` does not end."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    processes = [
        CONTEXT.Process(target=process, args=(do, folder, rank, port, by)) for rank in range(SIZE)
    ]
    for one in processes:
        one.start()
    for rank, one in enumerate(processes):
        if rank != stopped:
            one.join(100)
    with contextlib.suppress(OSError):
        for one in processes:
            one.kill()
    return [one.exitcode for one in processes], [
        (folder / f"said{rank}").read_text() for rank in range(SIZE)
    ]


@pytest.mark.parametrize(("by", "statuses"), [("srun", [3, 0, 0]), ("torchrun", [3, 3, 3])])
def test_the_status_is_the_first_ones(tmp_path, by, statuses):
    """srun takes the highest; torchrun would wait five minutes for a node that ended well."""
    assert together(alike, tmp_path, by) == (statuses, ["", "", ""])


def test_a_mistake_is_told_once(tmp_path):
    statuses, said = together(a_mistake_of_all, tmp_path)
    assert statuses == [MISTAKE] * SIZE
    assert said == ["seed=-1: no\n", "", ""]


def test_a_mistake_of_one_node_is_told_by_it(tmp_path):
    statuses, said = together(a_mistake_of_the_last, tmp_path)
    assert statuses == [MISTAKE] * SIZE
    assert said[:2] == ["", ""] and "rank 2 on" in said[2] and "data_dir=data" in said[2]


def test_a_fault_ends_all(tmp_path):
    """One traceback, and nobody waits."""
    began = time.monotonic()
    statuses, said = together(a_fault_of_the_second, tmp_path)
    assert statuses == [FAULT] * SIZE and time.monotonic() - began < 50
    assert "planted" in said[1] and "Traceback" not in said[0] + said[2]


@pytest.mark.parametrize("do", [one_decides, in_turn])
def test_agreement(tmp_path, do):
    assert together(do, tmp_path) == ([DONE] * SIZE, ["", "", ""])


def test_nodes_with_other_data(tmp_path):
    statuses, said = together(other_data, tmp_path)
    assert statuses == [MISTAKE] * SIZE
    assert "data_dir: rank 0 on" in said[0] and said[1:] == ["", ""]


@pytest.mark.parametrize(("rank", "times"), [(1, 1), (0, 2)])
def test_one_that_is_silent(tmp_path, rank, times):
    """The first takes the store with it: the others cannot agree on who says so, and each does."""
    statuses, said = together(partial(silent, rank=rank), tmp_path, stopped=rank)
    others = [one for one in range(SIZE) if one != rank]
    assert [statuses[one] for one in others] == [FAULT] * 2
    told = "".join(said[one] for one in others)
    assert told.count(f"rank {rank} on") == told.count("give the same command again") == times


@pytest.mark.parametrize(
    ("by", "mine", "others", "environ", "expected"),
    [
        ("torchrun", [0, 1, 2, 3], [[0, 1, 2, 3]], {}, 2),  # not bound
        ("torchrun", [0, 1], [[2, 3]], {}, 2),  # bound
        ("srun", [0, 1, 2, 3], [[0, 1, 2, 3]], {"SLURM_CPUS_PER_TASK": "1"}, 1),
        ("srun", list(range(64)), [], {"SLURM_CPUS_ON_NODE": "8"}, 4),  # two tasks, others' cores
        ("torchrun", [0], [[0]], {}, 1),
    ],
)
def test_share_of_the_cores(monkeypatch, by, mine, others, environ, expected):
    for name in ("SLURM_CPUS_PER_TASK", "SLURM_CPUS_ON_NODE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    told = [{"host": "a", "cores": cores} for cores in [mine, *others]]
    told.append({"host": "b", "cores": mine})  # another machine's are its own
    assert joined.share(told[0], told, Launch(by, 0, len(told), 0, 2)) == expected
