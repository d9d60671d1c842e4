"""Sweeps on a real Ray cluster of several nodes: as on one machine, whatever is lost meanwhile."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from processes import ROOT, descendants, kill
from ray_nodes import Nodes, needs_ray, nodes

from disciplined.training.record import Record

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(1200), needs_ray]
SHORT = [
    "model=three_layer",
    "dataset=digits",
    "total_batch_size=64",
    "trainer=cpu",
    "trainer.threads=1",
    "precision=fp32",
]
LONG = [*SHORT, "duration=600it", "evaluate_every=20it", "trainer.checkpoint_seconds=0.2"]
OWN = ["model=own", "model.network._target_=own_net.linear", *SHORT[1:], "duration=8it"]


@pytest.fixture(scope="module")
def ray() -> Iterator[Nodes]:
    # what Ray's workers find beside the package, as a module of the user's beside his command
    os.environ["PYTHONPATH"] = str(Path(__file__).parent)
    with nodes() as found:
        yield found


def start(folder: Path, *asked: str, ray: Nodes | None = None) -> subprocess.Popen[str]:
    """The command, on this machine or on the cluster."""
    where = ["hydra.launcher.jobs=2"]
    if ray:
        where = ["hydra/launcher=ray", f"hydra.launcher.ray.init.address={ray.address}"]
    return subprocess.Popen(
        [sys.executable, str(ROOT / "train.py"), "-m", *where, *asked, f"output_dir={folder}"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def finished(process: subprocess.Popen[str], seconds: float = 900) -> tuple[int, str, str]:
    """How it ended, and what it said."""
    out, err = process.communicate(timeout=seconds)
    return process.returncode, out, err


def contents(folder: Path) -> dict[str, object]:
    """What a sweep came to, to the byte: every run's rows and result, and the table."""
    found: dict[str, object] = {}
    for run in folder.glob("runs/*"):
        summary = Record(run).summary() or {}
        found[run.name] = ((run / "metrics.csv").read_bytes(), summary["result"])
    (table,) = folder.glob("sweeps/*/table.csv")
    return found | {"table": table.read_bytes()}


def trained(err: str) -> list[str]:
    """The jobs that the command itself has trained to their end."""
    return sorted(m[1] for m in re.finditer(r"^\[\d+/\d+\] (.+): done in \d+ s", err, re.M))


def rows(folder: Path, runs: int, lines: int, seconds: float = 600) -> list[Path]:
    """The records under `folder`, once so many runs have so many rows each and a checkpoint."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = [
            path.parent
            for path in folder.glob("runs/*/metrics.csv")
            if len(path.read_text().splitlines()) > lines
            and list(path.parent.glob("checkpoints/*it.ckpt"))
        ]
        if len(found) >= runs:
            return found
        time.sleep(0.05)
    raise AssertionError(f"{runs} runs did not reach {lines} rows in {seconds} s")


def test_as_on_this_machine(ray: Nodes, tmp_path: Path):
    """Jobs that fail, each in its way, cost nothing but themselves; records, table, picture, status
    and what is told at the end are the same."""
    fates = "+model.network.fate=trains,raises,exits,is_killed"
    grid = [*OWN, fates, "seed=0,1"]
    here, there = start(tmp_path / "here", *grid), start(tmp_path / "there", *grid, ray=ray)
    (status, out, err), (status2, out2, err2) = finished(here), finished(there)
    assert status == status2 == 1, err2
    assert out2 == out.replace(str(tmp_path / "here"), str(tmp_path / "there"))
    assert contents(tmp_path / "here") == contents(tmp_path / "there")
    assert list(tmp_path.glob("there/sweeps/*/figure.png"))
    said, said2 = ([x for x in e.splitlines() if x.startswith("failed: ")] for e in (err, err2))
    assert said2 == said and len(said) == 6
    assert "fate=is_killed seed=0: killed by SIGKILL (out of memory?)" in err2, err2


def test_a_killed_worker_and_a_killed_node_cost_only_what_was_not_saved(ray: Nodes, tmp_path: Path):
    """And no other job; what was lost goes on from its checkpoint, to the same bytes."""
    grid = [*LONG, "seed=0,1,2"]
    sweep = start(tmp_path / "struck", *grid, ray=ray)
    rows(tmp_path / "struck", runs=3, lines=3)
    (worker,) = [pid for pid in busy(ray.workers[0]) if pid][:1]
    kill(worker)
    ray.kill(ray.workers[1])
    ray.add()
    status, _, err = finished(sweep)
    assert status == 0, err
    assert trained(err) == ["seed=0", "seed=1", "seed=2"]
    resumed = [Record(p).summary()["machine"]["resumed_at"] for p in tmp_path.glob("struck/runs/*")]
    print("resumed at", resumed)
    assert any(resumed)
    assert finished(start(tmp_path / "whole", *grid))[0] == 0
    assert contents(tmp_path / "struck") == contents(tmp_path / "whole")


def busy(node) -> list[int]:
    """The Ray workers of a node that run a task, by the name Ray gives them."""
    found = []
    for pid in node_processes(node):
        title = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
        if title.startswith("ray::") and "IDLE" not in title:
            found.append(pid)
    return found


def node_processes(node) -> list[int]:
    started = [info.process.pid for infos in node.all_processes.values() for info in infos]
    return [pid for parent in started for pid in [parent, *descendants(parent)]]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_cancelled_sweep(ray: Nodes, tmp_path: Path, number: int):
    grid = [*LONG, "seed=range(6)"]
    sweep = start(tmp_path, *grid, ray=ray)
    rows(tmp_path, runs=4, lines=3)
    started = time.monotonic()
    os.kill(sweep.pid, number)
    status, _, err = finished(sweep)
    print(number, status, time.monotonic() - started, err)
    time.sleep(3)
    for p in sorted(tmp_path.glob("runs/*")):
        s = Record(p).summary()
        print(p.name, s["status"], s["result"].get("iterations"), Record(p).held_elsewhere())
    status, _, err = finished(start(tmp_path, *grid, ray=ray))
    print(status, err)
    assert status == 0
    for p in sorted(tmp_path.glob("runs/*")):
        print(Record(p).summary()["machine"]["resumed_at"])
