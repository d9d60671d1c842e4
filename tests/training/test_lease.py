"""A record's lease: one holder at a time, the dead put out, the slow kept out; on a real disk."""

import contextlib
import errno
import json
import multiprocessing
import os
import signal
import time
from pathlib import Path

import disks
import pytest

from disciplined.mistakes import Busy, Mistake
from disciplined.training import lease, nodes
from disciplined.training.lease import HELD, Lease, Lost
from disciplined.training.record import Record
from disciplined.training.rows import header
from disciplined.training.watch import Watch
from disciplined.training.writing import HELD_HERE

FORK = multiprocessing.get_context("fork")
ROW = {"iteration": 1, "epoch": 0.5, "lr": 0.1, "momentum": 0.9, "weight_decay": 0.0}


@pytest.fixture
def other_node(monkeypatch):
    """Be another node from here on, one that takes short leases."""

    def become(name: str = "b") -> None:
        monkeypatch.setenv(nodes.NODE, name)

    monkeypatch.setenv(lease.LEASE, "0.4")
    return become


def stopped(record: Record) -> Lease:
    """The record's lease, its count standing still as that of a process that was stopped."""
    assert record.lease
    record.lease.ended.set()
    return record.lease


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_taken_and_released_it_leaves_nothing(tmp_path):
    record = Record(tmp_path / "key")
    record.claim()
    assert names(record.folder) == {HELD}
    assert "process" in str(record.holder())
    assert record.held_elsewhere(), "whoever asks"
    record.release()
    assert names(record.folder) == set() and record.folder not in HELD_HERE  # others' may be
    assert not record.held_elsewhere() and record.holder() is None


def test_what_cannot_be_removed_hinders_nobody(tmp_path, monkeypatch):
    """An NFS client refuses to remove a file that is open on it (EBUSY)."""
    record = Record(tmp_path / "key")
    left = record.folder / f".0{lease.ASIDE}"
    left.mkdir(parents=True)
    erase = lease.erase

    def refused(path: Path) -> None:
        if path == left:
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), str(path))
        erase(path)

    monkeypatch.setattr(lease, "erase", refused)
    record.claim()
    assert record.lease and record.lease.holds()
    record.release()
    assert names(record.folder) == {left.name}
    monkeypatch.undo()
    record.claim()
    assert names(record.folder) == {HELD}
    record.release()


def test_of_another_process_of_this_node_it_is_known_at_once(tmp_path):
    folder = tmp_path / "key"
    child = FORK.Process(target=hold, args=(folder,))
    child.start()
    until(lambda: Record(folder).held_elsewhere())
    began = time.monotonic()
    with pytest.raises(Busy, match=rf"another process \(.*, process {child.pid}, since"):
        Record(folder).claim()
    assert child.pid
    os.kill(child.pid, signal.SIGSTOP)  # it is its owner's to go on with
    with pytest.raises(Busy):
        Record(folder).claim()
    child.kill()
    child.join()
    assert not Record(folder).held_elsewhere()
    Record(folder).claim()
    assert time.monotonic() - began < 5, "no lease was waited for"


def hold(folder: Path, seconds: float = 60.0) -> None:
    Record(folder).claim()
    time.sleep(seconds)


def until(what, seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_process_number_given_again_is_another_process(tmp_path):
    record = Record(tmp_path / "key")
    record.claim()
    told = stopped(record).own / "holder"
    said = json.loads(told.read_text())
    assert said["pid"] == os.getpid() and said["started"] == nodes.started(os.getpid())
    told.write_text(json.dumps(said | {"started": "1"}))
    assert not record.held_elsewhere()
    Record(record.folder).claim()


def test_on_another_node_the_living_are_waited_for_and_the_dead_put_out(
    tmp_path, other_node, capfd
):
    record = Record(tmp_path / "key")
    record.claim()
    other_node()
    with pytest.raises(Busy, match="is being trained by another process"):
        Record(record.folder).claim()
    stopped(record)
    with pytest.raises(Busy):  # `prune` does not wait
        Record(record.folder).claim(wait=False)
    began = time.monotonic()
    second = Record(record.folder)
    second.claim()
    assert time.monotonic() - began >= 0.4
    assert "taken over if it shows no sign of life for 0.4 s" in capfd.readouterr().err
    assert "b, process" in str(second.holder())
    second.release()


def test_the_lease_is_the_holders(tmp_path, other_node, monkeypatch):
    """Who waits has another setting."""
    monkeypatch.setenv(lease.LEASE, "2")
    record = Record(tmp_path / "key")
    record.claim()
    monkeypatch.setenv(lease.LEASE, "0.1")
    other_node()
    watch = Watch(record.folder)
    deadline = time.monotonic() + 1
    while time.monotonic() < deadline:
        assert watch.held()
        time.sleep(0.05)
    assert watch.alive and watch.lease == 2


@pytest.mark.parametrize("told", ["0", "-1", "soon", "nan", "1e9"])
def test_no_lease_at_all(told, monkeypatch, tmp_path):
    monkeypatch.setenv(lease.LEASE, told)
    with pytest.raises(Mistake, match=rf"\${lease.LEASE}={told}: expected seconds"):
        Record(tmp_path / "key").claim()


def test_no_wall_clock_decides(tmp_path, other_node, monkeypatch):
    """A node whose clock is an hour off in either direction, and jumps, sees what others see."""
    record = Record(tmp_path / "key")
    record.claim()
    other_node()
    real = time.time
    jumps = iter([-3600.0, 3600.0, -60.0] * 1000)
    monkeypatch.setattr(time, "time", lambda: real() + next(jumps))
    for path in (record.folder / HELD).rglob("*"):
        os.utime(path, (0, 0))
    with pytest.raises(Busy):
        Record(record.folder).claim()
    stopped(record)
    Record(record.folder).claim()


def put_out(record: Record, other_node) -> Record:
    """Another node's record of the run, taken over from `record`, with content of its own."""
    other_node()
    second = Record(record.folder)
    second.claim()
    second.begin("config: 2\n", {"status": "running", "result": {}})
    second.text = header()
    second.restore()
    second.append({**ROW, "iteration": 2})
    (second.checkpoints / "000000002it.ckpt").write_bytes(b"two")
    return second


def everything(folder: Path) -> dict[str, bytes]:
    return {
        str(p.relative_to(folder)): p.read_bytes()
        for p in folder.rglob("*")
        if p.is_file() and p.name != "beat"
    }


ACTS = {
    "a row": lambda r: r.append(ROW),
    "the curvature": lambda r: r.append_curvature("1\n"),
    "all rows": lambda r: r.restore(),
    "the summary": lambda r: r.write_summary({"status": "done", "result": {}}),
    "the config": lambda r: r.begin("config: 1\n", {"status": "running"}),
    "a checkpoint": lambda r: save(r, b"one"),
    "an old checkpoint removed": lambda r: files().remove_checkpoint(ckpt(r, 2)),
    "what was measured forgotten": lambda r: r.clear(),
    "the record pruned": lambda r: r.discard(r.folder),
    "the checkpoints pruned": lambda r: r.discard(r.checkpoints),
}


def files():
    from disciplined.training.checkpoint import Files

    return Files()


def ckpt(record: Record, iteration: int) -> Path:
    return record.checkpoints / f"{iteration:09d}it.ckpt"


def save(record: Record, content: bytes) -> None:
    files().save_checkpoint({"content": content}, ckpt(record, 2))


@pytest.mark.parametrize("act", ACTS)
def test_who_was_slow_touches_nothing(act, tmp_path, other_node):
    """Each thing that is done to a record, by a holder that does not know that it was put out."""
    record = Record(tmp_path / "key")
    record.claim()
    record.begin("config: 1\n", {"status": "running", "result": {}})
    record.restore()
    record.append(ROW)
    stopped(record)
    slow = dict(HELD_HERE)
    second = put_out(record, other_node)
    before = everything(record.folder)
    HELD_HERE.update(slow)  # as in its own process
    with pytest.raises(Lost, match=r"lease of 0.4 s, and the run is being trained .*\(b, process"):
        ACTS[act](record)
    with pytest.raises(Lost):
        record.check()
    record.release()
    assert everything(record.folder) == before
    HELD_HERE[second.folder.absolute()] = second.lease  # pyright: ignore
    second.append({**ROW, "iteration": 3})
    assert [row["iteration"] for row in second.rows()] == [2, 3]
    second.release()
    assert not names(record.folder) & {HELD}


def test_a_row_on_its_way_goes_nowhere(tmp_path, other_node):
    """Written after the last look at whose record it is, by a request that hung for the lease."""
    record = Record(tmp_path / "key")
    record.claim()
    record.begin("", {"status": "running"})
    record.restore()
    record.append(ROW)
    hanging = os.dup(stopped(record).rows[record.metrics_file])
    put_out(record, other_node)
    before = everything(record.folder)
    os.write(hanging, b"late\n")
    assert everything(record.folder) == before


def test_the_count_tells_who_was_slow(tmp_path, other_node):
    record = Record(tmp_path / "key")
    record.claim()
    lease.put_out(record.folder, record.lease.token)  # pyright: ignore
    until(lambda: record.lease.lost)  # pyright: ignore
    with pytest.raises(Lost, match="was let go"):
        record.check()


DAMAGE = {
    "count empty": lambda own: (own / "beat").write_bytes(b""),
    "count gone": lambda own: (own / "beat").unlink(),
    "count huge": lambda own: (own / "beat").write_bytes(bytes(1 << 22)),
    "count a link": lambda own: replaced(
        own / "beat", lambda p: p.symlink_to(Path("theirs").absolute())
    ),
    "count a folder": lambda own: replaced(own / "beat", Path.mkdir),
    "count a pipe": lambda own: replaced(own / "beat", os.mkfifo),
    "holder empty": lambda own: (own / "holder").write_bytes(b""),
    "holder truncated": lambda own: (own / "holder").write_bytes(b'{"node": "a", "ho'),
    "holder nonsense": lambda own: (own / "holder").write_bytes(b"[" * 100_000),
    "holder of strange types": lambda own: altered(own, pid="1", lease=None),
    "holder with an endless lease": lambda own: altered(own, lease=1e300),
    "holder with a process that cannot be": lambda own: altered(own, pid=-1),
    "holder with a huge process": lambda own: altered(own, pid=1 << 80),
    "holder gone": lambda own: (own / "holder").unlink(),
    "all gone": lambda own: [p.unlink() for p in own.iterdir()],
    "token a file": lambda own: replaced(own, Path.touch),
    "token a link": lambda own: replaced(own, linked),
    "held a file": lambda own: replaced(own.parent, Path.touch),
    "held a link": lambda own: replaced(own.parent, linked),
    "something else in held": lambda own: (own.parent / "x").mkdir(),
    "what nobody may read": lambda own: own.chmod(0),
}


def replaced(path: Path, make) -> None:
    path.rename(path.parent.parent / "elsewhere" if path.name != HELD else path.parent / "old")
    make(path)


def linked(path: Path) -> None:
    path.symlink_to(Path("theirs").absolute() if path.name == "beat" else Path.cwd())


def altered(own: Path, **values) -> None:
    told = json.loads((own / "holder").read_text())
    (own / "holder").write_text(json.dumps(told | values))


@pytest.mark.parametrize("how", DAMAGE)
def test_damaged(how, tmp_path, other_node, monkeypatch):
    """Nobody can say that such a holder lives: it is watched, put out and the run taken over."""
    monkeypatch.setattr(lease, "SECONDS", 0.4)
    monkeypatch.setenv(nodes.NODE, "a")
    record = Record(tmp_path / "key")
    record.claim()
    own = stopped(record).own
    (tmp_path / "outside" / "folder").mkdir(parents=True)
    (tmp_path / "outside" / "theirs").write_bytes(b"theirs")
    before = everything(tmp_path / "outside")
    monkeypatch.chdir(tmp_path / "outside")
    DAMAGE[how](own)
    other_node()
    second = Record(record.folder)
    assert second.held_elsewhere()
    str(second.holder())
    second.claim()
    assert "b, process" in str(second.holder())
    assert [p.name for p in (second.folder / HELD).iterdir()] == [second.lease.token]  # pyright: ignore
    second.release()
    assert not second.held_elsewhere()
    assert before == everything(tmp_path / "outside") == {"theirs": b"theirs"}


def test_a_server_that_does_not_answer_is_no_sign_of_death(tmp_path, other_node, monkeypatch):
    record = Record(tmp_path / "key")
    record.claim()
    other_node()
    watch = Watch(record.folder)
    assert watch.held()
    stopped(record)
    time.sleep(0.5)
    with monkeypatch.context() as silent:
        silent.setattr(lease, "signs", raising(errno.EIO))
        assert watch.held()
    assert watch.held(), "what was seen before counts no more"
    time.sleep(0.5)
    assert not watch.held()


def raising(number: int):
    def fail(*_):
        raise OSError(number, os.strerror(number))

    return fail


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EIO, errno.ESTALE])
def test_the_count_goes_on_after_a_fault_of_the_disk(number, tmp_path, other_node, monkeypatch):
    record = Record(tmp_path / "key")
    record.claim()
    assert record.lease
    with monkeypatch.context() as broken:
        broken.setattr(lease, "written", raising(number))
        time.sleep(0.3)
    before = (record.lease.own / "beat").read_bytes()
    until(lambda: (record.lease.own / "beat").read_bytes() != before)  # pyright: ignore
    assert not record.lease.lost


@pytest.fixture
def disk(tmp_path):
    """A file system of its own, and what changes how it is mounted."""
    place = tmp_path / "disk"
    with disks.disk(place, "64k") as mount:
        yield place, mount


@pytest.mark.parametrize("how", ["full", "read-only"])
def test_a_disk_that_comes_back(how, disk, other_node):
    """Full, it has room for a count; read-only, it lets nobody be put out."""
    folder, mount = disk
    record = Record(folder / "key")
    record.claim()
    assert record.lease
    if how == "full":
        with contextlib.suppress(OSError):
            (folder / "ballast").write_bytes(bytes(1 << 20))
    else:
        mount("-o", "remount,ro")
    time.sleep(1)
    other_node()
    expected = OSError if how == "full" else Mistake
    with pytest.raises((Busy, expected)):
        Record(record.folder).claim()
    assert not record.lease.lost
    if how == "read-only":
        mount("-o", "remount,rw")
    before = (record.lease.own / "beat").read_bytes()
    until(lambda: (record.lease.own / "beat").read_bytes() != before)  # pyright: ignore
    with pytest.raises(Busy):
        Record(record.folder).claim()
    record.release()


def test_a_forked_process_lets_nothing_go(tmp_path):
    record = Record(tmp_path / "key")
    record.claim()
    child = FORK.Process(target=record.release)
    child.start()
    child.join()
    assert child.exitcode == 0 and record.held_elsewhere()
    record.append(ROW)


def race(folder: Path, barrier, results, rounds: int) -> None:
    os.environ |= {nodes.NODE: f"node{os.getpid()}", lease.LEASE: "60"}
    for number in range(rounds):
        record, watch = Record(folder / str(number)), Watch(folder / str(number))
        barrier.wait(60)
        try:
            while "dead" in lease.signs(record.folder):
                watch.held()
            record.claim(wait=False)
            results.put((number, os.getpid()))
        except Busy:
            pass
        barrier.wait(60)
        record.release()


@pytest.mark.parametrize("rounds", [40, pytest.param(500, marks=pytest.mark.slow)])
@pytest.mark.parametrize("dead", [False, True])
def test_of_those_that_start_at_once_one_takes_the_record(rounds, dead, tmp_path, monkeypatch):
    """Each on a node of its own; where a dead one's lease lapses for all of them at once, too."""
    monkeypatch.setattr(lease, "SECONDS", 0.02)
    for number in range(rounds if dead else 0):
        (tmp_path / str(number) / HELD / "dead").mkdir(parents=True)
    barrier, results = FORK.Barrier(3), FORK.Queue()
    takers = [
        FORK.Process(target=race, args=(tmp_path, barrier, results, rounds)) for _ in range(3)
    ]
    for taker in takers:
        taker.start()
    won = [results.get(timeout=60) for _ in range(rounds)]
    for taker in takers:
        taker.join()
        assert taker.exitcode == 0
    assert sorted(number for number, _ in won) == list(range(rounds)) and results.empty()
    assert all(names(tmp_path / str(number)) == set() for number in range(rounds))
