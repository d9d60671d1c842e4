"""Interrupted in every way and given the same command again, a run ends with the same bytes.

Same bytes: weights, the optimiser's state, `metrics.csv` and the summary's `result`, beside the
same run never interrupted. Faults are real: processes are killed, disks are full, bytes flipped.
"""

import os
import random
import shutil
from dataclasses import asdict
from pathlib import Path

import disks
import pytest
import torch
from faulty import SIGNALS, assert_same, attempt, record_of

from disciplined.mistakes import Mistake
from disciplined.training import checkpoint
from disciplined.training.config import compose
from disciplined.training.record import Record
from disciplined.training.run import run

pytestmark = pytest.mark.usefixtures("warm_server", "no_picture")
UPDATES = 11
COMMON = [
    "dataset=digits",
    f"duration={UPDATES}it",
    "total_batch_size=64",
    "evaluate_every=4it",
    "trainer=cpu",
    "trainer.threads=1",
    "trainer.checkpoint_seconds=0",
]
CYCLE = ["schedule=onecycle", "schedule.stepsize=4it", "momentum=cyclical"]
SHALLOW = ["model=three_layer", *CYCLE, "schedule.base_lr=0.001", "schedule.max_lr=0.01"]
RESNET = [
    "model=superconv_resnet20",
    "batch_norm.groups=4",
    "schedule.base_lr=0.02",
    "schedule.max_lr=0.2",
]
RUNS = {
    "one cycle, momentum swinging, mirrored, bf16": [
        *SHALLOW,
        "dataset.mirror=true",
        "augmentation=mirror",
        "precision=bf16",
    ],
    "dropout, validation held out, decay constant": [
        *SHALLOW,
        "model.network._target_=dropping.Dropping",
        "dataset.validation=200",
    ],
    "a plateau that lowers the rate on the way": [
        *("model=three_layer", "schedule=plateau", "schedule.lr=0.005", "schedule.patience=1"),
        *("schedule.monitor=train_loss", "schedule.min_delta=0.5", "evaluate_every=2it"),
    ],
    "two micro-batches, batch norm in groups, file order": [
        *RESNET,
        "schedule=triangular",
        "schedule.stepsize=3it",
        "trainer.accumulate=2",
        "dataset.order=file",
    ],
    "steps, Nesterov in torch's convention": [
        *RESNET[:2],
        "schedule=multistep",
        "schedule.lr=0.05",
        "optimizer=nesterov",
        "optimizer.convention=pytorch",
        "momentum=constant",
    ],
    "Adam, its first beta swinging": [*SHALLOW, "optimizer=adam", "momentum=cyclical"],
    "range test, subset": [*SHALLOW[:1], "schedule=range_test", "train_size=500"],
}


def settings(name: str, folder: Path) -> list[str]:
    return [*COMMON, *RUNS[name], f"output_dir={folder}"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The runs never interrupted: name -> record, each trained once."""
    found: dict[str, Record] = {}

    def of(name: str) -> Record:
        if name not in found:
            asked = settings(name, tmp_path_factory.mktemp("whole"))
            status, said = attempt(asked)
            assert status == 0, said
            found[name] = record_of(asked)
        return found[name]

    return of


@pytest.mark.parametrize("name", RUNS)
def test_killed_in_the_middle(name, tmp_path, whole):
    """Inside an update where it has micro-batches."""
    asked = settings(name, tmp_path)
    at = 13 if "trainer.accumulate=2" in asked else 6
    assert attempt(asked, "SIGKILL", at)[0] == SIGNALS["SIGKILL"]
    status, said = attempt(asked)
    assert status == 0, said
    summary = record_of(asked).summary()
    assert summary and summary["machine"]["resumed_at"] == 6
    assert_same(record_of(asked), whole(name))


@pytest.mark.slow
def test_killed_in_the_middle_compiled(tmp_path):
    """The compiled step, made anew by the process that goes on."""
    name = next(iter(RUNS))
    fast = ["trainer.compile=always", "precision=fp32"]
    folders = [tmp_path / "whole", tmp_path / "killed"]
    never, struck = ([*settings(name, folder), *fast] for folder in folders)
    for asked in (never, struck):
        asked.remove("precision=bf16")
    assert attempt(never)[0] == 0
    assert attempt(struck, "SIGKILL", 6)[0] == SIGNALS["SIGKILL"]
    assert attempt(struck)[0] == 0
    assert_same(record_of(struck), record_of(never))


@pytest.mark.parametrize("fault", ["SIGTERM", "SIGINT", "SIGUSR1", "exception"])
def test_stopped(fault, tmp_path, whole):
    """A signal saves first, whenever the last checkpoint was; an exception goes back to it."""
    name = next(iter(RUNS))
    asked = [*settings(name, tmp_path), "trainer.checkpoint_seconds=3600"]
    status, said = attempt(asked, fault, 5)
    assert status == SIGNALS.get(fault, 1), said
    summary = record_of(asked).summary()
    assert summary and summary["status"] == ("failed" if fault == "exception" else "interrupted")
    assert attempt(asked)[0] == 0
    summary = record_of(asked).summary()
    assert summary and summary["machine"]["resumed_at"] == (None if fault == "exception" else 6)
    assert_same(record_of(asked), whole(name))


def test_killed_again_and_again(tmp_path, whole):
    """At every second update, the run having come no further than two updates each time."""
    name = next(iter(RUNS))
    asked = settings(name, tmp_path)
    for at in range(2, UPDATES, 2):
        assert attempt(asked, "SIGKILL", at)[0] == SIGNALS["SIGKILL"]
    assert attempt(asked)[0] == 0
    assert_same(record_of(asked), whole(name))


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.timeout(1800)
def test_lenet_killed_at_every_one_of_its_steps(tmp_path, data_dir):
    """On MNIST, each time from nothing, with a checkpoint every update and with none before."""
    asked = [
        "model=lenet",
        "dataset=mnist",
        f"data_dir={data_dir}",
        "duration=20it",
        "train_size=1000",
        "dataset.validation=500",
        "total_batch_size=64",
        "evaluate_every=5it",
        "evaluation.images=500",
        "trainer=cpu",
        "trainer.threads=1",
        "precision=fp32",
    ]
    never = [*asked, f"output_dir={tmp_path / 'never'}"]
    assert attempt(never)[0] == 0
    for at in range(20):
        seconds = 0 if at % 4 else 3600
        folder = tmp_path / str(at)
        struck = [*asked, f"trainer.checkpoint_seconds={seconds}", f"output_dir={folder}"]
        assert attempt(struck, "SIGKILL", at)[0] == SIGNALS["SIGKILL"]
        assert attempt(struck)[0] == 0
        summary = record_of(struck).summary()
        assert summary and summary["machine"]["resumed_at"] == ((at or None) if at % 4 else None)
        assert_same(record_of(struck), record_of(never))
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory):
    """A run stopped after its seventh update: the folder above its record."""
    folder = tmp_path_factory.mktemp("interrupted")
    assert attempt(settings(next(iter(RUNS)), folder), "SIGTERM", 6)[0] == 143
    return folder


def copied(folder: Path, to: Path) -> list[str]:
    """The settings of a copy of the first run."""
    shutil.copytree(folder / "runs", to / "runs")
    return settings(next(iter(RUNS)), to)


def damage(path: Path, how: str, random_: random.Random) -> None:
    """Flip one byte, or cut the file off."""
    content = bytearray(path.read_bytes())
    place = random_.randrange(len(content))
    if how == "flipped":
        content[place] ^= random_.randrange(1, 256)
    else:
        del content[place:]
    path.write_bytes(bytes(content))


def sound(path: Path) -> bool:
    """Whether a checkpoint can be used (a checksum without its line end is as good)."""
    try:
        checkpoint.opened(path)
    except checkpoint.Unusable:
        return False
    return True


def survives(seeds: range, how: str, before: Path, whole: Record, folder: Path) -> None:
    """Any file of the record damaged: the run goes on from what is sound, to the same bytes."""
    for seed in seeds:
        random_ = random.Random(f"{how} {seed}")
        asked = copied(before, folder / f"{how}{seed}")
        record = record_of(asked)
        files = sorted(p for p in record.folder.rglob("*") if p.is_file())
        struck = random_.choice(files)
        damage(struck, how, random_)
        at = 7 if sound(record.checkpoints / "000000007it.ckpt") else 6
        assert run(compose(asked), quiet=True) == 0, (struck, seed)
        summary = record.summary()
        assert summary and summary["machine"]["resumed_at"] == at, (struck, seed)
        assert_same(record, whole)
        shutil.rmtree(folder / f"{how}{seed}")


@pytest.mark.parametrize(("how", "count"), [("flipped", 4), ("truncated", 2)])
def test_damaged(how, count, interrupted, whole, tmp_path):
    survives(range(count), how, interrupted, whole(next(iter(RUNS))), tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("how", "count"), [("flipped", 200), ("truncated", 50)])
def test_damaged_many_times(how, count, interrupted, whole, tmp_path):
    survives(range(count), how, interrupted, whole(next(iter(RUNS))), tmp_path)


@pytest.mark.parametrize(
    "seed", [pytest.param(s, marks=[pytest.mark.slow] * (s > 2)) for s in range(6)]
)
@pytest.mark.parametrize("file", ["metrics.csv", "summary.json"])
def test_a_finished_record_that_was_damaged_is_made_good(file, seed, whole, tmp_path):
    """It counts as not finished, and the same command repairs it without training."""
    name = next(iter(RUNS))
    asked = copied(whole(name).folder.parents[1], tmp_path)
    record = record_of(asked)
    assert record.finished()
    damage(record.folder / file, "flipped", random.Random(seed))
    told = record.finished()
    assert told is None or told == whole(name).finished()  # white space of JSON, say
    if told is None:
        assert run(compose(asked), quiet=True) == 0
        assert_same(record, whole(name))


def test_no_checkpoint_left(interrupted, whole, tmp_path, capsys):
    """The damaged ones do not stand in the way of the new ones."""
    asked = copied(interrupted, tmp_path)
    record = record_of(asked)
    for path in record.checkpoints.glob("*.ckpt"):
        damage(path, "flipped", random.Random(0))
    assert attempt(asked, "SIGKILL", 3)[0] == SIGNALS["SIGKILL"]
    assert sorted(p.name[:9] for p in record.checkpoints.glob("*.ckpt")) == [
        "000000002",
        "000000003",
    ]
    said = (tmp_path / "said.txt").read_text().splitlines()
    assert run(compose(asked), quiet=True) == 0
    summary = record.summary()
    assert summary and summary["machine"]["resumed_at"] == 3
    assert len([x for x in said if x.endswith("is damaged (its checksum differs); put aside")]) == 2
    assert_same(record, whole(next(iter(RUNS))))


class Payload:
    """What a hostile checkpoint would run."""

    def __init__(self, proof: Path):
        self.proof = proof

    def __reduce__(self):
        return os.mkdir, (str(self.proof),)


def sealed(path: Path, content: object) -> None:
    """Write a checkpoint whose checksum is right."""
    import hashlib

    torch.save(content, path)
    path.with_suffix(".sha256").write_text(hashlib.sha256(path.read_bytes()).hexdigest() + "\n")


def test_hostile_and_foreign_checkpoints_are_passed_over(interrupted, whole, tmp_path, capsys):
    """A pickle's payload is not run; another run's, another iteration's and no state are told."""
    asked = copied(interrupted, tmp_path)
    record = record_of(asked)
    sound, origin = checkpoint.opened(record.checkpoints / "000000007it.ckpt")
    proof = tmp_path / "ran"
    stranger = {**asdict(origin), "key": "another"}
    foreign = {**sound, "disciplined": {**sound["disciplined"], "origin": stranger}}
    nonsense = {**sound, "disciplined": {"origin": {**asdict(origin), "metrics": 7}}}
    wrong = {
        "000000010it": (Payload(proof), "holds something else than tensors and numbers"),
        "000000009it": (foreign | {"global_step": 9}, "is another run's"),
        "000000008it": (sound, "was made at another iteration than its name says"),
        "000000011it": ([1, 2], "is no checkpoint of this version of the program"),
        "000000012it": (nonsense, "is no checkpoint of this version of the program"),
    }
    for name, (content, _) in wrong.items():
        sealed(record.checkpoints / f"{name}.ckpt", content)
    assert run(compose(asked), quiet=True) == 0
    said = capsys.readouterr().err
    for name, (_, why) in wrong.items():
        assert f"{name}.ckpt: {why}; put aside" in said
    assert not proof.exists()
    summary = record.summary()
    assert summary and summary["machine"]["resumed_at"] == 7
    assert_same(record, whole(next(iter(RUNS))))


def test_other_data_than_the_run_began_with(interrupted, tmp_path):
    asked = copied(interrupted, tmp_path)
    newest = record_of(asked).checkpoints / "000000007it.ckpt"
    state, _ = checkpoint.opened(newest)
    state["disciplined"]["origin"]["data_sha256"] = "0" * 64
    sealed(newest, state)
    with pytest.raises(Mistake, match="began with other data than are in data_dir now"):
        run(compose(asked), quiet=True)


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.parametrize("how", ["flipped", "truncated"])
def test_damaged_data(how, data_dir, tmp_path):
    """Any byte of the real files: one line that names the file, and nothing begins."""
    shutil.copytree(data_dir / "MNIST", tmp_path / "MNIST")
    files = sorted((tmp_path / "MNIST").rglob("*-ubyte"))  # which are read before any archives
    assert len(files) == 4
    for seed in range(20):
        random_ = random.Random(f"{how} {seed}")
        struck = random_.choice(files)
        sound = struck.read_bytes()
        damage(struck, how, random_)
        asked = ["model=lenet", "dataset=mnist", "duration=4it", f"data_dir={tmp_path}"]
        with pytest.raises(Mistake, match=struck.name):
            run(compose([*asked, f"output_dir={tmp_path / 'out'}"]), quiet=True)
        struck.write_bytes(sound)
    assert not (tmp_path / "out").exists()


@pytest.fixture
def small_disk(tmp_path):
    """A file system of its own, as many KiB as asked for; skips where none may be mounted."""
    place = tmp_path / "disk"
    with disks.disk(place, "2200k") as mount:
        yield place, lambda: mount("-o", "remount,size=64m")


def test_a_full_disk(small_disk, whole):
    """The run ends in one line, nothing good is lost, and with room it goes on to the same end."""
    folder, make_room = small_disk
    name = next(iter(RUNS))
    asked = settings(name, folder)
    record = record_of(asked)
    (folder / "ballast").write_bytes(bytes(800 * 1024))
    status, said = attempt(asked)
    assert status == 1
    told = [x for x in said.splitlines() if x.startswith("train.py: ")]
    assert len(told) == 1 and "No space left on device; make room" in told[0], said
    assert "Traceback" not in said
    kept = [p.name for p in record.checkpoints.glob("*.ckpt")]
    assert kept and not list(folder.rglob("*.part"))
    make_room()
    status, said = attempt(asked)
    assert status == 0 and "put aside" not in said, said
    summary = record.summary()
    assert summary and summary["machine"]["resumed_at"] == int(max(kept)[:9])
    assert_same(record, whole(name))
