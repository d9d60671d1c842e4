"""Sweeps on a real Ray cluster of several nodes: as on one machine, whatever is lost meanwhile."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from processes import ROOT, kill
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
SEEDS = ["seed=0", "seed=1", "seed=2"]
LONG = [
    *(*SHORT, "seed=0,1,2", "duration=400it", "evaluate_every=20it"),
    *("evaluation.images=100", "trainer.checkpoint_seconds=0.2"),
]
OWN = ["model=own", "model.network._target_=own_net.linear", *SHORT[1:], "duration=8it"]


@pytest.fixture(scope="module")
def ray() -> Iterator[Nodes]:
    # what Ray's workers find beside the package, as a module of the user's beside his command
    path = os.pathsep.join(filter(None, [str(Path(__file__).parent), os.environ.get("PYTHONPATH")]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", path)
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


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """What the long sweep comes to on this machine, never interrupted."""
    folder = tmp_path_factory.mktemp("whole")
    status, _, err = finished(start(folder, *LONG))
    assert status == 0, err
    return contents(folder)


@pytest.mark.slow
def test_a_killed_worker_and_a_killed_node_cost_what_was_not_saved(
    ray: Nodes, tmp_path: Path, whole: dict[str, object]
):
    """Ray begins their tasks again, elsewhere; these go on from the checkpoints to the same end."""
    sweep = start(tmp_path, *LONG, ray=ray)
    rows(tmp_path, runs=3, lines=3)
    kill(ray.tasks(ray.workers[0])[0])
    ray.kill(ray.workers[1])
    ray.add()
    status, _, err = finished(sweep)
    assert status == 0, err
    assert trained(err) == SEEDS
    summaries = [Record(p).summary() for p in tmp_path.glob("runs/*")]
    resumed = [summary["machine"]["resumed_at"] for summary in summaries if summary]
    assert len(resumed) == 3 and sum(bool(at) for at in resumed) >= 2
    assert contents(tmp_path) == whole


@pytest.mark.slow
def test_a_cancelled_and_a_killed_command(ray: Nodes, tmp_path: Path, whole: dict[str, object]):
    """SIGTERM saves what trains, wherever it is, and the status is 143; after SIGKILL the runs
    notice and save; the same command does what is missing."""
    sweep = start(tmp_path, *LONG, ray=ray)
    begun = rows(tmp_path, runs=2, lines=3)
    sweep.terminate()
    status, out, err = finished(sweep)
    assert status == 143 and not out, err
    assert "the same command goes on from here" in err
    stopped = {run: saved(run) for run in begun}
    assert {Record(run).summary()["status"] for run in begun} == {"interrupted"}
    sweep = start(tmp_path, *LONG, ray=ray)
    rows(tmp_path, runs=2, lines=8)
    sweep.kill()
    finished(sweep)
    assert all(at <= saved(run) for run, at in stopped.items())
    status, _, err = finished(start(tmp_path, *LONG, ray=ray))
    assert status == 0, err
    assert contents(tmp_path) == whole


def saved(run: Path, seconds: float = 120) -> int:
    """The iteration at which a run was saved last, once it has ended."""
    deadline = time.monotonic() + seconds
    while Record(run).held_elsewhere():
        assert time.monotonic() < deadline, f"{run} outlived its command"
        time.sleep(0.2)
    return max(int(path.name[:9]) for path in run.glob("checkpoints/*it.ckpt"))


@pytest.fixture
def small_disk(tmp_path: Path):
    """A file system with room for two runs, but not for their checkpoints."""
    place = tmp_path / "disk"
    place.mkdir()
    sized = ["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", str(place)]
    done = subprocess.run(sized, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"no right to mount a file system ({done.stderr.strip()})")
    yield place
    subprocess.run(["umount", str(place)], check=True)


@pytest.mark.slow
def test_a_full_shared_disk(ray: Nodes, small_disk: Path, whole: dict[str, object]):
    """Each run that it hits is named with what to do; with room, the same command goes on."""
    status, _, err = finished(start(small_disk, *LONG, ray=ray))
    assert status == 1, err
    failed = [x for x in err.splitlines() if "No space left on device; make room" in x]
    assert failed, err
    assert "Traceback" not in err
    subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)
    status, _, err = finished(start(small_disk, *LONG, ray=ray))
    assert status == 0, err
    assert contents(small_disk) == whole


@pytest.mark.slow
def test_small_runs_share_a_gpu_and_two_sweeps_share_a_grid(ray: Nodes, tmp_path: Path):
    """Two runs to a task, and two tasks to a GPU of a cluster that says it has some."""
    seen = tmp_path / "seen"
    seen.mkdir()
    asked = [
        *(*OWN, "+model.network.fate=sees"),
        *("seed=range(6)", "hydra.launcher.runs=2", "hydra.launcher.jobs=2"),
        *("hydra.launcher.ray.remote.num_cpus=1", "hydra.launcher.ray.remote.num_gpus=0.5"),
        f"+hydra.launcher.ray.init.runtime_env.env_vars.SEEN={seen}",
    ]
    sweeps = [start(tmp_path / "out", *asked, ray=ray) for _ in range(2)]
    (one, out, err), (other, out2, err2) = (finished(sweep) for sweep in sweeps)
    assert one == other == 0, err + err2
    assert out == out2
    assert "3 allocations to Ray: 3 nodes, 4 CPU, 2 GPU" in err
    # both may tell of a run as done: one finds what the other has finished since it looked
    assert {*trained(err), *trained(err2)} == {f"seed={i}" for i in range(6)}
    assert {path.read_text() for path in seen.iterdir()} == {"0"}
    assert len(list(seen.iterdir())) == 6, "each was trained once"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("hydra.launcher.ray.init.address=127.0.0.1:1", "hydra.launcher.ray.init: "),
        ("+hydra.launcher.ray.remote.num_cards=1", "hydra.launcher.ray.remote: "),
        ("hydra.launcher.rays.init.address=auto", "did you mean hydra.launcher.ray"),
    ],
)
def test_a_mistake_is_one_line(ray: Nodes, tmp_path: Path, wrong: str, said: str):
    status, out, err = finished(start(tmp_path, *LONG, wrong, ray=ray))
    (line,) = [x for x in err.splitlines() if x.startswith("train.py: ")]
    assert status == 2 and said in line and "Traceback" not in err and not out
