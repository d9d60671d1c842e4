"""What a large ledger costs its readers: records made without training, and commands over them.

The records are those of a grid of LeNet on MNIST, by the project's own writer; their measurements
are drawn at random and every summary says so. They are made in a folder that is thrown away.
"""

import contextlib
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from disciplined.mistakes import Mistake
from disciplined.studies.forked import in_order
from disciplined.sweeps.grid import Place, expand
from disciplined.sweeps.shares import cores
from disciplined.training import machine
from disciplined.training.composing import composed
from disciplined.training.config import TRAIN
from disciplined.training.planning import Plan
from disciplined.training.record import Record
from disciplined.training.rows import Row, final_and_best, line

MADE = "made by scripts/benchmark.py what=ledger, measurements drawn at random; nothing was trained"
RATES = [f"0.{hundredths:02}" for hundredths in range(1, 11)]
GRID = [  # ten values each; with the rates ten thousand jobs, the last key the fastest
    "weight_decay.value=1e-5,2e-5,5e-5,1e-4,2e-4,5e-4,1e-3,2e-3,5e-3,1e-2",
    "momentum.at_max_lr=0.7,0.72,0.74,0.76,0.78,0.8,0.82,0.84,0.86,0.88",
    "seed=range(10)",
]
BATCHES = (64, 96, 128, 160, 192, 256, 320, 384, 448, 512)
AT_ONCE = 1000  # a total batch size and a rate
LARGEST = AT_ONCE * len(RATES) * len(BATCHES)
SCRIPTS = TRAIN.parent / "scripts"


@dataclass(frozen=True)
class Reading:
    """A command over a ledger. wall, cpu: seconds, of the command with those it starts; memory:
    bytes, the most that one of its processes held."""

    name: str
    wall: float
    cpu: float
    memory: int


def jobs(folder: Path, batch: int, rates: Sequence[str] = RATES) -> list[str]:
    """A sweep of a thousand jobs for every rate, as `train.py -m` is told."""
    base = ["model=lenet", "dataset=mnist", "precision=fp32", f"output_dir={folder}"]
    return [*base, f"total_batch_size={batch}", f"schedule.max_lr={','.join(rates)}", *GRID]


def commands(folder: Path) -> dict[str, list[str]]:
    """What is timed: name -> command."""
    table = [str(SCRIPTS / "runs.py"), "table", f"output_dir={folder}"]
    reproduce = str(SCRIPTS / "reproduce.py")
    return {
        "runs.py table": table,
        "… where= and sort=": [*table, "where=weight_decay.value<=1e-4", "sort=-test_accuracy"],
        "… group=true": [*table, "group=true"],
        "runs.py show (a part of a key)": [
            *(str(SCRIPTS / "runs.py"), "show", f"output_dir={folder}"),
            some(folder)[-12:],
        ],
        "train.py, one run that is done": [str(TRAIN), *map(first_of, jobs(folder, BATCHES[0]))],
        "train.py -m, what is missing of 10,000": [
            *(str(TRAIN), "-m", "dry_run=true", *jobs(folder, BATCHES[0]))
        ],
        "reproduce.py list": [reproduce, "list", f"output_dir={folder}"],
        "reproduce.py figure= run=false": [
            *(reproduce, "figure=disciplined/table2", "run=false", f"output_dir={folder}")
        ],
    }  # fmt: skip


def some(folder: Path) -> str:
    """The key of a record."""
    return next(os.scandir(folder / "runs")).name


def first_of(setting: str) -> str:
    """An override with the first of its values."""
    return "seed=0" if setting == GRID[-1] else setting.partition(",")[0]


def made(folder: Path, begin: int, end: int) -> None:
    """Write the records from number `begin` to before `end`. Raises `Mistake` for more than the
    grid has."""
    if end > LARGEST:
        raise Mistake(f"records={end}: at most {LARGEST:,}")
    told = machine.description() | {"made": MADE, "device": "cpu", "precision": "32-true"}

    def part(number: str) -> int:
        batch, rate = divmod(int(number), len(RATES))
        places = expand(jobs(folder, BATCHES[batch], [RATES[rate]]))
        config, first = template(places[0]), int(number) * AT_ONCE
        with unflushed():
            for place in places[max(0, begin - first) : end - first]:
                written(place.plan, config(place.varied), told)
        return 0

    parts = [str(number) for number in range(begin // AT_ONCE, -(-end // AT_ONCE))]
    if any(in_order(part, parts, 2 * len(cores()), 1)):
        raise Mistake(f"records={end}: a process that wrote records was killed; out of memory?")


def template(place: Place) -> Callable[[dict[str, str]], str]:
    """What writes `config.yaml` with other values of the keys varied: writing YAML takes longer
    than all the rest."""
    config = composed(place.overrides).copy()
    marks = {key: 10**9 + i for i, key in enumerate(place.varied)}
    for key, mark in marks.items():
        OmegaConf.update(config, key, mark)
    text = OmegaConf.to_yaml(config)

    def filled(values: dict[str, str]) -> str:
        found = text
        for key, mark in marks.items():
            found = found.replace(str(mark), values[key])
        return found

    return filled


@contextlib.contextmanager
def unflushed() -> Iterator[None]:
    """Leave flushing to the disk out: with it 100,000 records take hours to make."""
    flush, os.fsync = os.fsync, lambda _: None
    try:
        yield
    finally:
        os.fsync = flush


def written(asked: Plan, config: str, told: dict[str, Any]) -> None:
    """One record from its beginning to its end, as a run leaves it."""
    record = Record(asked.folder)
    summary = {
        **{"key": asked.key, "setting": asked.setting, "name": asked.name},
        **{"seed": asked.asked["seed"], "status": "running"},
        **{"result": {"iterations": asked.iterations}, "machine": told, "registered": None},
    }
    record.begin(config, summary)
    rows = drawn(asked)
    record.text += "".join(map(line, rows))
    record.restore()
    measured = record.checksums() | final_and_best(rows)
    result = summary["result"] | {"iteration": asked.iterations, "diverged_at": None} | measured
    seconds = {"wall_seconds": 60.0, "train_seconds": 50.0, "images_per_second": 1000.0}
    record.write_summary(summary | {"status": "done", "result": result, "machine": told | seconds})


def drawn(asked: Plan) -> list[Row]:
    """Rows such as a run measures, of random numbers that its key decides."""
    source, loss = random.Random(asked.key), 2.3
    iterations = [*range(asked.evaluate_every, asked.iterations, asked.evaluate_every)]
    iterations.append(asked.iterations)
    driven = {"lr": asked.learning_rate, "momentum": asked.momentum}
    driven["weight_decay"] = asked.weight_decay
    rates = {name: schedule.values(iterations) for name, schedule in driven.items()}
    rows: list[Row] = []
    for i, iteration in enumerate(iterations):
        loss *= source.uniform(0.5, 0.95)
        rows.append(
            {
                **{"iteration": iteration, "epoch": iteration / asked.iterations_per_epoch},
                **{name: float(values[i]) for name, values in rates.items()},
                **{"train_loss": loss, "train_accuracy": 1 - loss / 4},
                **{"test_loss": 1.1 * loss, "test_accuracy": 1 - loss / 3},
            }
        )
    return rows


# In a process of its own between: where a large process starts one, the kernel counts the large
# one's memory as the started one's.
BETWEEN = """
import json, os, sys, time
began = time.perf_counter()
_, status, used = os.wait4(os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ), 0)
told = [time.perf_counter() - began, used.ru_utime + used.ru_stime, used.ru_maxrss]
with open(sys.argv[1], "w") as file:
    json.dump(told, file)
sys.exit(os.waitstatus_to_exitcode(status))
"""


def timed(name: str, command: list[str]) -> Reading:
    """Run one Python command to its end. Raises `Mistake` where it fails."""
    with tempfile.NamedTemporaryFile() as file:
        between = [sys.executable, "-S", "-E", "-c", BETWEEN, file.name]
        done = subprocess.run(
            [*between, sys.executable, *command],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            cwd=TRAIN.parent,
        )
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["no output"])[-1]
            raise Mistake(f"{name}: status {done.returncode}: {last}")
        wall, cpu, kilobytes = json.loads(Path(file.name).read_text())
    return Reading(name, wall, cpu, kilobytes * (1 if sys.platform == "darwin" else 1024))


def measured(sizes: Sequence[int], tell: Callable[[str], None]) -> Iterator[dict[str, Any]]:
    """Every command over one ledger that grows from size to size, as the record has them."""
    with tempfile.TemporaryDirectory(prefix="ledger-") as folder:
        there = 0
        for size in sizes:
            began = time.perf_counter()
            made(Path(folder), there, size)
            tell(f"{size:,} records, {size - there:,} made in {time.perf_counter() - began:.0f} s")
            there = size
            found = []
            for name, command in commands(Path(folder)).items():
                found.append(timed(name, command))
                tell(f"  {name}: {found[-1].wall:.1f} s, {found[-1].memory / 2**20:.0f} MiB")
            record = [p for p in Path(folder, "runs", some(Path(folder))).rglob("*") if p.is_file()]
            yield {
                **{"name": f"{size:,}", "records": size, "precision": "fp32"},
                **{"files": len(record), "bytes": sum(p.stat().st_size for p in record)},
                "readings": [asdict(reading) for reading in found],
            }
