"""Two nodes asked for one run, over one folder: it is trained once, whatever becomes of either.

Nodes are processes here that do not know each other's: each has its own name. Results are compared
byte for byte with those of a run that nobody disturbed.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest
from faulty import CONTEXT, assert_same, child, record_of
from processes import descendants, kill

from disciplined.training import lease, nodes
from disciplined.training.record import Record

pytestmark = pytest.mark.usefixtures("warm_server")
ROOT = Path(__file__).parents[2]
SECONDS = 1.0
ASKED = [
    *("model=three_layer", "dataset=digits", "duration=11it", "total_batch_size=64"),
    *("schedule=onecycle", "schedule.stepsize=4it", "schedule.base_lr=0.001"),
    *("schedule.max_lr=0.01", "momentum=cyclical", "evaluate_every=4it", "trainer=cpu"),
    *("trainer.threads=1", "trainer.checkpoint_seconds=0", "precision=fp32"),
]


def start(node: str, folder: Path, fault: str | None = None, at: int = 0) -> BaseProcess:
    """The run on a node; `fault` is a signal that strikes before micro-batch `at`."""
    folder.mkdir(exist_ok=True)
    asked = [*ASKED, f"output_dir={folder}"]
    process = CONTEXT.Process(
        target=on_node, args=(node, asked, fault, at, str(said(node, folder)))
    )
    process.start()
    return process


def said(node: str, folder: Path) -> Path:
    return folder / f"said-{node}.txt"


def on_node(node: str, *asked) -> None:
    os.environ |= {nodes.NODE: node, lease.LEASE: str(SECONDS)}
    child(*asked)


def ended(process: BaseProcess, node: str, folder: Path) -> tuple[int | None, str]:
    process.join(120)
    return process.exitcode, said(node, folder).read_text()


def the_record(folder: Path) -> Record:
    return record_of([*ASKED, f"output_dir={folder}"])


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Record:
    folder = tmp_path_factory.mktemp("whole")
    status, words = ended(start("a", folder), "a", folder)
    assert status == 0, words
    return the_record(folder)


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def stopped(process: BaseProcess) -> bool:
    told = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return told[0] == "T"


def until(what, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_killed_on_one_node_it_goes_on_upon_the_other(tmp_path, whole):
    """After the lease, from the last checkpoint, to the same bytes."""
    assert ended(start("a", tmp_path, "SIGKILL", 6), "a", tmp_path)[0] == -signal.SIGKILL
    status, words = ended(start("b", tmp_path), "b", tmp_path)
    assert status == 0, words
    assert "held by another process (a, process" in words
    record = the_record(tmp_path)
    summary = record.summary()
    assert summary and summary["machine"]["resumed_at"] == 6
    assert_same(record, whole)
    assert not (record.folder / lease.HELD).exists()


@pytest.mark.parametrize("at", [0, 6])
def test_stopped_for_longer_than_its_lease(at, tmp_path, whole):
    """Before its first checkpoint and behind one. It comes back when the other has finished."""
    slow = start("a", tmp_path, "SIGSTOP", at)
    until(lambda: stopped(slow))
    status, words = ended(start("b", tmp_path), "b", tmp_path)
    assert status == 0, words
    record = the_record(tmp_path)
    assert_same(record, whole)
    before = files(record.folder)
    os.kill(slow.pid, signal.SIGCONT)  # pyright: ignore
    status, words = ended(slow, "a", tmp_path)
    assert status == 1
    assert "Lost: " in words.splitlines()[-1] and "stopped here, and left it as it is" in words
    assert files(record.folder) == before


def test_coming_back_while_the_other_trains(tmp_path, whole):
    """Whose files stay as they are, and whose run ends as if nothing had been."""
    slow = start("a", tmp_path, "SIGSTOP", 5)
    until(lambda: stopped(slow))
    other = start("b", tmp_path, "SIGSTOP", 8)
    until(lambda: stopped(other))
    record = the_record(tmp_path)
    before = files(record.folder)
    os.kill(slow.pid, signal.SIGCONT)  # pyright: ignore
    status, words = ended(slow, "a", tmp_path)
    assert status == 1 and "is being trained by another process (b, process" in words, words
    assert files(record.folder) == before
    os.kill(other.pid, signal.SIGCONT)  # pyright: ignore
    status, words = ended(other, "b", tmp_path)
    assert status == 0, words
    assert_same(record, whole)


def test_started_at_once_one_of_them_trains(tmp_path, whole):
    both = {node: start(node, tmp_path) for node in "ab"}
    ends = {node: ended(process, node, tmp_path) for node, process in both.items()}
    statuses = sorted(status for status, _ in ends.values() if status is not None)
    assert statuses in ([0, 1], [0, 0]), ends  # the second may come when it is done
    for status, words in ends.values():
        assert status == 0 or "Busy: " in words.splitlines()[-1]
    assert_same(the_record(tmp_path), whole)


SWEEP = [
    *("-m", "model=three_layer", "dataset=digits", "duration=150it", "evaluate_every=25it"),
    *("total_batch_size=64", "trainer=cpu", "trainer.threads=1"),
    *("trainer.checkpoint_seconds=0.2", "weight_decay.value=1e-3,1e-2", "seed=0,1"),
    "hydra.launcher.jobs=2",
]


def command(node: str, folder: Path, *asked: str, clock: str | None = None):
    """`train.py` on a node, its clock ahead by so much."""
    fake = ["faketime", "-f", clock] if clock else []
    return subprocess.Popen(
        [*fake, sys.executable, str(ROOT / "train.py"), *asked, f"output_dir={folder}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, nodes.NODE: node, lease.LEASE: "4"},
        start_new_session=True,
    )


def tables(folder: Path) -> dict[str, bytes]:
    found = {p.parent.name: p.read_bytes() for p in folder.glob("runs/*/metrics.csv")}
    (table,) = folder.glob("sweeps/*/table.csv")
    return found | {"table": table.read_bytes()}


@pytest.fixture(scope="module")
def whole_sweep(tmp_path_factory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("sweep")
    sweep = command("a", folder, *SWEEP)
    _, errors = sweep.communicate(timeout=600)
    assert sweep.returncode == 0, errors
    return tables(folder)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_sweeps_of_two_nodes_share_a_grid(tmp_path, whole_sweep):
    sweeps = [command(node, tmp_path, *SWEEP) for node in "ab"]
    told = [sweep.communicate(timeout=600) for sweep in sweeps]
    assert [sweep.returncode for sweep in sweeps] == [0, 0], told
    lines = [line for _, errors in told for line in errors.splitlines() if line.startswith("[")]
    assert len([line for line in lines if ": done in " in line]) == 4, lines
    assert told[0][0] == told[1][0] and tables(tmp_path) == whole_sweep


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_node_that_dies_costs_its_sweep_a_lease(tmp_path, whole_sweep):
    """All its processes at once; the other node's sweep trains what it left."""
    dying = command("a", tmp_path, *SWEEP)
    until(lambda: list(tmp_path.glob("runs/*/checkpoints/*.ckpt")), 300)
    for pid in [dying.pid, *descendants(dying.pid)]:
        kill(pid)
    dying.communicate()
    other = command("b", tmp_path, *SWEEP)
    _, errors = other.communicate(timeout=600)
    assert other.returncode == 0, errors
    assert tables(tmp_path) == whole_sweep
    summaries = [Record(path).summary() for path in tmp_path.glob("runs/*")]
    assert any(s and s["machine"]["resumed_at"] for s in summaries)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("clock", ["+60s", "-60s", "+1h", "-1h"])
def test_clocks_that_differ(clock, tmp_path, whole, monkeypatch):
    """The second node waits for the living and takes over from the dead, whatever its clock says;
    what the first began is dated by another clock than what the second ends."""
    if not shutil.which("faketime"):
        pytest.skip("faketime is not installed (Debian's package of that name)")
    living = Record(the_record(tmp_path).folder)
    monkeypatch.setenv(nodes.NODE, "a")
    monkeypatch.setenv(lease.LEASE, "4")
    living.claim()
    other = command("b", tmp_path, *ASKED, clock=clock)
    _, errors = other.communicate(timeout=600)
    assert other.returncode == 2 and "is being trained by another process (a, " in errors, errors
    living.release()
    assert ended(start("a", tmp_path, "SIGKILL", 6), "a", tmp_path)[0] == -signal.SIGKILL
    other = command("b", tmp_path, *ASKED, clock=clock)
    _, errors = other.communicate(timeout=600)
    assert other.returncode == 0, errors
    record = the_record(tmp_path)
    summary = record.summary()
    assert summary and summary["machine"]["resumed_at"] == 6
    assert_same(record, whole)
