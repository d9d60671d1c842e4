"""One run over two nodes, under `srun` and under `torchrun`: as one process, and through faults."""

import math
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from processes import ROOT, kill, running
from slurm import Cluster, processes_of

sys.path[:0] = [str(ROOT / "tests" / "training")]

from faulty import assert_same, record_of  # noqa: E402

from disciplined.training.config import compose  # noqa: E402
from disciplined.training.launch import OURS  # noqa: E402
from disciplined.training.record import Record  # noqa: E402
from disciplined.training.rows import METRICS  # noqa: E402
from disciplined.training.run import run  # noqa: E402

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]
DIGITS = [
    "dataset=digits",
    "total_batch_size=64",
    "trainer.accelerator=cpu",
    "precision=fp32",
]
PLAIN = [
    "model=three_layer",
    "schedule=constant",
    "schedule.lr=0.02",
    "momentum.value=0.9",
    "duration=60it",
    "evaluate_every=15it",
]
NORMED = [
    "model=superconv_resnet20",
    "batch_norm.groups=4",
    "schedule.base_lr=0.0005",  # low: at 0.2 rounding is 2 % of the test loss after eight updates
    "schedule.max_lr=0.005",
    "duration=12it",
    "evaluate_every=4it",
]
LONG = [
    "model=three_layer",
    "model.network._target_=dropping.Dropping",
    "dataset.mirror=true",
    "augmentation=mirror",
    "schedule=constant",
    "schedule.lr=0.001",
    "duration=3000it",
    "evaluate_every=1000it",
    "evaluation.images=20",
    "trainer.checkpoint_seconds=0.5",
]
Launcher = Callable[..., subprocess.Popen[str]]


def over(devices: int, nodes: int = 2) -> list[str]:
    return [
        "trainer=ddp",
        f"trainer.devices={devices}",
        f"trainer.num_nodes={nodes}",
        "trainer.accelerator=cpu",
    ]


def fresh(environ: Mapping[str, str]) -> dict[str, str]:
    """Without what a run in this process left: that Lightning starts the others."""
    return {name: value for name, value in environ.items() if name != OURS}


def environment(cluster: Cluster) -> dict[str, str]:
    return fresh(cluster.env) | {"PYTHONPATH": str(ROOT / "tests" / "training")}


@pytest.fixture
def srun(cluster: Cluster) -> Launcher:
    """Starts `train.py` as so many tasks on each node."""

    def start(said: Path, tasks: int, *arguments: str) -> subprocess.Popen[str]:
        command = ["srun", "--nodes=2", f"--ntasks-per-node={tasks}", "--overlap", sys.executable]
        return subprocess.Popen(
            [*command, "train.py", *arguments],
            cwd=ROOT,
            env=environment(cluster),
            text=True,
            stdout=said.open("w"),
            stderr=subprocess.STDOUT,
        )

    return start


def torchrun(folder: Path, processes: int, *arguments: str) -> tuple[list[int], str]:
    """Two agents, as two nodes would start them; their statuses, and what all said."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{free.getsockname()[1]}"
    folder.mkdir(parents=True, exist_ok=True)
    said = [folder / f"said{node}" for node in (0, 1)]
    command = [sys.executable, "-m", "torch.distributed.run", "--nnodes=2"]
    command += ["--rdzv-backend=c10d", f"--rdzv-endpoint={place}"]
    agents = [
        subprocess.Popen(
            [*command, f"--nproc-per-node={processes}", "train.py", *arguments],
            cwd=ROOT,
            env=fresh(os.environ),
            stdout=one.open("w"),
            stderr=subprocess.STDOUT,
        )
        for one in said
    ]
    try:
        statuses = [agent.wait(600) for agent in agents]
    finally:
        for agent in agents:
            agent.kill()
    return statuses, "\n".join(one.read_text() for one in said)


def assert_follows(two: Record, one: Record, within: float = 2e-4) -> float:
    """The same rows to rounding, relative; the largest difference."""
    assert two.finished() and one.finished()
    largest = 0.0
    for ours, theirs in zip(two.rows(), one.rows(), strict=True):
        assert ours["iteration"] == theirs["iteration"] and ours["lr"] == theirs["lr"]
        for metric in METRICS:
            a, b = ours[metric], theirs[metric]
            if a is None or b is None:
                assert a == b
                continue
            assert math.isfinite(b)
            some = 4 * within * metric.endswith("accuracy")  # an image that lies on the fence
            assert a == pytest.approx(b, rel=within, abs=some), (metric, ours["iteration"])
            largest = max(largest, abs(a - b) / abs(b) if b else abs(a))
    return largest


def alone(asked: list[str], folder: Path) -> Record:
    asked = [*asked, "trainer=cpu", "trainer.threads=1", f"output_dir={folder}"]
    assert run(compose(asked), quiet=True) == 0
    return record_of(asked)


def test_two_nodes_of_two_follow_one(srun, tmp_path, no_picture):
    """Four processes of srun; then the same command shows what is done, once."""
    asked = [*PLAIN, *DIGITS, *over(2), f"output_dir={tmp_path / 'two'}"]
    assert srun(tmp_path / "said", 2, *asked).wait(600) == 0, (tmp_path / "said").read_text()
    two = record_of(asked)
    told = two.finished()
    assert told and (told["machine"]["world_size"], told["machine"]["nodes"]) == (4, 2)
    assert assert_follows(two, alone([*PLAIN, *DIGITS], tmp_path / "one")) < 1e-4
    before = two.metrics_file.stat().st_mtime_ns
    assert srun(tmp_path / "again", 2, *asked).wait(600) == 0
    assert (tmp_path / "again").read_text().count("done before") == 1
    assert two.metrics_file.stat().st_mtime_ns == before


@pytest.mark.slow
def test_batch_norm_in_groups_over_all_nodes(srun, tmp_path, no_picture):
    """Four groups: two of each node."""
    asked = [*NORMED, *DIGITS, *over(1), f"output_dir={tmp_path / 'two'}"]
    assert srun(tmp_path / "said", 1, *asked).wait(600) == 0, (tmp_path / "said").read_text()
    one = alone([*NORMED, *DIGITS], tmp_path / "one")
    assert_follows(record_of(asked), one, 1e-3)  # an image of 360 more or less
    others = alone([*NORMED, *DIGITS, "batch_norm.groups=2"], tmp_path / "groups")
    apart = abs(one.rows()[0]["train_loss"] / others.rows()[0]["train_loss"] - 1)  # type: ignore[operator]
    assert apart > 1e-3, "other groups would have been seen"


def test_two_agents_of_torchrun_follow_one(tmp_path, no_picture):
    asked = [*PLAIN, *DIGITS, *over(1), f"output_dir={tmp_path / 'two'}"]
    statuses, said = torchrun(tmp_path, 1, *asked)
    assert statuses == [0, 0], said
    assert_follows(record_of(asked), alone([*PLAIN, *DIGITS], tmp_path / "one"))


@pytest.mark.slow
def test_a_divergence(srun, tmp_path):
    """Status 3 of srun; torchrun has only 1 for what is not 0, and its table names the 3."""
    asked = [*LONG, *DIGITS, *over(1), "schedule.lr=1e30", "duration=40it"]
    said = tmp_path / "said"
    assert srun(said, 1, *asked, f"output_dir={tmp_path / 'a'}").wait(600) == 3, said.read_text()


@pytest.mark.slow
def test_a_divergence_of_torchrun(tmp_path):
    asked = ["model=three_layer", *DIGITS, *over(1), "schedule.max_lr=1e30", "duration=40it"]
    began = time.monotonic()
    statuses, told = torchrun(tmp_path / "t", 1, *asked, f"output_dir={tmp_path / 'b'}")
    assert statuses == [1, 1] and re.search(r"exitcode\s*: 3 ", told), told
    assert time.monotonic() - began < 290, "an agent waited for the other's end"


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        (["trainer.devices=2"], "trainer.devices=2: srun started 1 of this run's processes"),
        (["trainer.num_nodes=1"], "trainer.num_nodes=1: srun started this run on 2"),
        (["total_batch_size=63"], "does not divide over 2 equal parts"),
        (["trainer.devces=1"], "did you mean trainer.devices?"),
        (["dataset=cifar10", "data_dir=nowhere", "dataset.load.download=false"], "no CIFAR-10"),
    ],
)
def test_mistakes_are_told_once(srun, tmp_path, changed, told):
    said = tmp_path / "said"
    asked = [*PLAIN, *DIGITS, *over(1), *changed, f"output_dir={tmp_path / 'runs'}"]
    assert srun(said, 1, *asked).wait(600) == 2
    lines = [line for line in said.read_text().splitlines() if not line.startswith("srun:")]
    assert len(lines) == 1 and told in lines[0], lines
    assert not (tmp_path / "runs").exists()


def rank(cluster: Cluster, number: int) -> int:
    """The process of this rank that trains."""
    (found,) = [
        pid
        for pid, (environment, _, name) in processes_of(cluster.home).items()
        if f"SLURM_PROCID={number}".encode() in environment
        and b"SLURM_STEP_NUM_TASKS=2" in environment
        and not name.startswith(("srun", "slurmstepd"))
    ]
    return found


def wait_for(there: Callable[[], object], process: subprocess.Popen[str], said: Path) -> None:
    deadline = time.monotonic() + 400
    while not there():
        assert time.monotonic() < deadline and process.poll() is None, said.read_text()
        time.sleep(0.05)


@pytest.fixture(scope="module")
def whole(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Record:
    """The long run, never interrupted."""
    folder = tmp_path_factory.mktemp("whole")
    asked = [*LONG, *DIGITS, *over(1), f"output_dir={folder}"]
    subprocess.run(
        ["srun", "--nodes=2", "--ntasks-per-node=1", sys.executable, "train.py", *asked],
        cwd=ROOT, env=environment(cluster), check=True, timeout=800, capture_output=True,
    )  # fmt: skip
    return record_of(asked)


@pytest.mark.slow
@pytest.mark.parametrize("who", [0, 1])
def test_a_rank_is_killed(srun, cluster, tmp_path, whole, who):
    """The other one ends soon, and says what to do; the same command ends with the same bytes.

    Meanwhile somebody else asks for the same run, and is told once that it is being trained.
    """
    asked = [*LONG, *DIGITS, *over(1), f"output_dir={tmp_path / 'runs'}"]
    said, record = tmp_path / "said", record_of(asked)
    process = srun(said, 1, *asked)
    try:
        wait_for(lambda: list(record.checkpoints.glob("*it.ckpt")), process, said)
        other = rank(cluster, 1 - who)
        kill(rank(cluster, who))
        began = time.monotonic()
        assert process.wait(100) == 128 + signal.SIGKILL
        assert time.monotonic() - began < 60
    finally:
        kill(process.pid)
    assert not running(other)
    assert said.read_text().count("give the same command again") == 1, said.read_text()
    assert not record.finished()
    assert srun(said, 1, *asked).wait(600) == 0, said.read_text()
    summary = record.summary()
    assert summary and summary["machine"]["resumed_at"]
    assert_same(record, whole)


@pytest.mark.slow
def test_slurm_warns_and_requeues(cluster, tmp_path, whole):
    """The job of `scripts/nodes.sbatch`, told to every process of its step; it starts again."""
    asked = [*LONG, *DIGITS, "trainer.accelerator=cpu", f"output_dir={tmp_path / 'runs'}"]
    said, record = tmp_path / "said", record_of(asked)
    command = ["sbatch", "--parsable", "--nodes=2", "--ntasks-per-node=1", f"--output={said}"]
    job = subprocess.run(
        [*command, "scripts/nodes.sbatch", *asked],
        cwd=ROOT, env={**environment(cluster), "PYTHON": sys.executable}, check=True, text=True,
        capture_output=True,
    ).stdout.strip()  # fmt: skip
    deadline = time.monotonic() + 800
    warned = False
    while not record.finished():
        assert time.monotonic() < deadline, said.read_text()
        if not warned and list(record.checkpoints.glob("*it.ckpt")):
            cluster.run("scancel", "--signal=USR1", job)
            warned = True
        time.sleep(0.1)
    summary = record.summary()
    assert summary and summary["machine"]["resumed_at"]
    assert_same(record, whole)
    assert "Restarts=1" in cluster.run("scontrol", "show", "job", job)


@pytest.mark.slow
def test_tasks_that_are_runs_of_their_own(cluster, tmp_path):
    """No DDP is asked for: a seed each."""
    asked = [*PLAIN, *DIGITS, "trainer.threads=1", f"output_dir={tmp_path}"]
    command = f"{sys.executable} train.py {' '.join(asked)} seed=$SLURM_PROCID"
    subprocess.run(
        ["srun", "--nodes=2", "--ntasks-per-node=1", "bash", "-c", command],
        cwd=ROOT, env={**environment(cluster), "OMP_NUM_THREADS": "1"}, check=True, timeout=600,
        capture_output=True,
    )  # fmt: skip
    assert all(record_of([*asked, f"seed={seed}"]).finished() for seed in (0, 1))


@pytest.mark.slow
def test_one_task_starts_the_others_of_its_node(cluster, tmp_path):
    """A step of one task in a job of several, as of submitit: Lightning would wait for the others
    (Lightning#12206)."""
    asked = [*PLAIN, *DIGITS, *over(2, nodes=1), "trainer.threads=1", f"output_dir={tmp_path}"]
    subprocess.run(
        ["srun", "--nodes=1", "--ntasks=1", sys.executable, "train.py", *asked],
        cwd=ROOT, env=environment(cluster) | {"SLURM_NTASKS_PER_NODE": "1"}, check=True,
        timeout=600, capture_output=True,
    )  # fmt: skip
    told = record_of(asked).finished()
    assert told and told["machine"]["world_size"] == 2
    assert os.environ.get("LOCAL_RANK") is None
