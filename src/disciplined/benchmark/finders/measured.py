"""The comparison's runs: every finder and every rate of the grid on every seed, done once each.

What is done stands in a file of lines, written as soon as it is known, so that a comparison that
was stopped goes on. A line holds for the code that made it: the problems', the libraries' calls
and, for our own range tests, the range test's.
"""

import ast
import hashlib
import json
import multiprocessing
import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from disciplined.benchmark.finders import ours, peers
from disciplined.benchmark.finders.problems import (
    BATCH,
    PROBLEMS,
    Problem,
    attempt,
    parts,
    trained,
)
from disciplined.training.machine import PACKAGE, written

FINDERS = ours.FINDERS | peers.FINDERS
GRID = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
FIRST = 3  # seeds by whose validation the grid's best rate is chosen, and that time the calls

Row = dict[str, Any]
Runs = Callable[[Callable[["Task"], tuple["Task", list[Row]]], Iterable["Task"]], Iterable[Any]]


@dataclass(frozen=True)
class Task:
    """What is done at once: one rate's 1cycle run (`lr`), one finder and the 1cycle runs behind it
    (`finders` names it), or the seconds that several finders take in turn (`timed`)."""

    problem: Problem
    seed: int
    data_dir: str
    finders: tuple[str, ...] = ()
    lr: float | None = None
    timed: bool = False

    @property
    def name(self) -> str:
        """As the file of lines has it: what is done, and by which code."""
        of, what = self.problem, f"rate {self.lr:g}" if self.lr else ", ".join(self.finders)
        sizes = f"{of.images}+{of.validation} images, {of.epochs} epochs"
        what = f"seconds of {what}" if self.timed else what
        return f"{of.name}, {sizes}, seed {self.seed}, {what}, code {code(self.finders)}"


@cache
def code(finders: tuple[str, ...]) -> str:
    """Twelve hexadecimal digits over the code that a line depends on, less comments."""
    patterns = ["benchmark/finders/problems.py", "schedules/cycles.py", "models/lenet.py"]
    if any(name in peers.FINDERS for name in finders):
        patterns += ["benchmark/finders/peers.py"]
    if any(name in ours.FINDERS for name in finders):
        patterns += ["benchmark/finders/ours.py", "tuning/**/*.py"]
    found = hashlib.sha256()
    for pattern in patterns:
        for path in sorted(PACKAGE.glob(pattern)):
            found.update(written(ast.parse(path.read_text())).encode())
    return found.hexdigest()[:12]


def done(task: Task) -> tuple[Task, list[Row]]:
    """A task's rows: a finder has one for each rule it suggests by, or one with its seconds."""
    found = parts(task.problem, task.data_dir)

    def run(lr: float) -> Row:
        started = attempt(task.problem, found, task.seed)
        return {"lr": lr, "seed": task.seed, **trained(task.problem, started, found.test, lr)}

    rows: list[Row] = [] if task.lr is None else [run(task.lr)]
    for finder in task.finders:
        warm(finder)
        of = attempt(task.problem, found, task.seed)
        passed = images_through(of.model)
        start = time.process_time()
        suggestions = FINDERS[finder](of)
        seconds = time.process_time() - start
        if task.timed:
            rows.append({"finder": finder, "seed": task.seed, "seconds": seconds})
            continue
        for rule, lr in suggestions.items():
            if lr is not None and np.isfinite(lr) and lr > 0:
                row = run(float(lr))
            else:
                row = {"lr": None, "seed": task.seed, "validation": None, "accuracy": None}
            rows.append({"finder": finder, "rule": rule, **row, **passed})
    return task, rows


@cache
def warm(finder: str) -> None:
    """One call before any is timed: a library's imports and first-time costs."""
    problem = replace(PROBLEMS["digits"], images=3 * BATCH, validation=BATCH)
    FINDERS[finder](attempt(problem, parts(problem, ""), 0))


def images_through(model: nn.Module) -> dict[str, int]:
    """How many images go through a network from now on, while training and otherwise."""
    passed = {"trained": 0, "validated": 0}

    def count(module: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        passed["trained" if module.training else "validated"] += len(inputs[0])

    model.register_forward_pre_hook(count)
    return passed


def one_thread() -> None:
    """A process's share, so that several do not disturb each other."""
    torch.set_num_threads(1)


@contextmanager
def processes(count: int) -> Iterator[Runs]:
    """What does tasks in so many processes of a thread each, in whatever order they end."""
    with multiprocessing.get_context("spawn").Pool(count, one_thread) as pool:
        yield pool.imap_unordered


def measured(
    problem: Problem,
    finders: Iterable[str],
    seeds: range,
    kept: Path,
    runs: Runs,
    data_dir: str,
    tell: Callable[[str], None],
    timed: bool = True,
) -> dict[str, list[Row]]:
    """A problem's `grid`, `found` and `seconds`, as the record keeps them.

    kept: the file of lines. runs: what does tasks, `map` or `processes`. timed: whether calls are
    timed too, on the first seeds; `seconds` is empty otherwise.
    """
    task, names = partial(Task, problem, data_dir=data_dir), tuple(finders)

    def rows(tasks: list[Task]) -> list[Row]:
        told = complete(tasks, kept, runs, tell)
        return [row for one in tasks for row in told[one]]

    first = seeds[:FIRST]
    grid = rows([task(seed, lr=lr) for seed in first for lr in GRID])
    grid += rows([task(seed, lr=best_rate(grid)) for seed in seeds[FIRST:]])
    return {
        "grid": grid,
        "found": rows([task(seed, finders=(name,)) for seed in seeds for name in names]),
        "seconds": rows([task(seed, finders=names, timed=True) for seed in first] if timed else []),
    }


def best_rate(grid: list[Row]) -> float:
    """The rate with the highest mean validation accuracy over the first seeds, which have all."""
    by_rate: dict[float, list[float]] = {}
    for row in grid:
        by_rate.setdefault(row["lr"], []).append(row["validation"])
    return max(by_rate, key=lambda lr: statistics.fmean(by_rate[lr][:FIRST]))


def complete(
    tasks: list[Task], kept: Path, runs: Runs, tell: Callable[[str], None]
) -> dict[Task, list[Row]]:
    """The rows of every task, from the file of lines or by doing it."""
    names = {task.name: task for task in tasks}
    found: dict[Task, list[Row]] = {}
    for line in kept.read_text().splitlines() if kept.is_file() else ():
        name, rows = json.loads(line)
        if name in names:
            found[names[name]] = rows
    kept.parent.mkdir(parents=True, exist_ok=True)
    missing = [task for task in tasks if task not in found]
    with kept.open("a") as lines:
        for task, rows in runs(done, missing):
            found[task] = rows
            lines.write(json.dumps([task.name, rows]) + "\n")
            lines.flush()
            for row in rows:
                told = {name: told for name, told in row.items() if name != "seed"}
                tell(f"{task.problem.name}, seed {task.seed}: {told}")
    return found
