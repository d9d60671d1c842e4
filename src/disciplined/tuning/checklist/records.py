"""What the records of a step's runs hold, value by value. No torch."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from disciplined.training.record import Record
from disciplined.training.rows import Row
from disciplined.tuning.checklist.conclusions import Arm, Size, scores
from disciplined.tuning.checklist.running import Run, diverged
from disciplined.tuning.reading.curve import Constant, Curve


def arms(step: str, runs: Sequence[Run]) -> list[Arm]:
    """The runs of each value, what others go on from left out, in the order of the values."""
    found: list[Arm] = []
    for value in sorted({run.tried.value for run in runs if run.tried.value is not None}):
        measured: dict[str, list[float]] = {}
        lost = missing = 0
        for run in (run for run in runs if run.tried.value == value):
            summary = Record(run.folder).finished()
            if (run.begun and diverged(run.begun.folder)) or (
                summary and summary["status"] == "diverged"
            ):
                lost += 1
            elif summary is None:
                missing += 1
            else:
                snapshot = run.begun.iterations if run.begun else 0
                for name, score in scores(step, rows(run), snapshot).items():
                    measured.setdefault(name, []).append(score)
        by_name = {name: tuple(numbers) for name, numbers in measured.items()}
        found.append(Arm(value, by_name, lost, missing))
    return found


def rows(run: Run) -> list[Row]:
    """What a run measured."""
    return Record(run.folder).rows()


def sizes(runs: Sequence[Run], too_large: set[str]) -> list[Size]:
    """What each total batch size took; none for those behind the first that does not fit."""
    found: list[Size] = []
    for value in sorted({run.tried.value for run in runs if run.tried.value is not None}):
        own = [run for run in runs if run.tried.value == value]
        machines = [s["machine"] for run in own if (s := Record(run.folder).finished())]
        memory = [m.get("peak_device_bytes") or m.get("peak_memory_bytes") for m in machines]
        found.append(
            Size(
                int(value),
                tuple(m["images_per_second"] for m in machines if m.get("images_per_second")),
                tuple(m for m in memory if m),
                fits=not too_large & {run.folder.name for run in own},
            )
        )
    return found


def curves(runs: Sequence[Run], shape: str, classes: int) -> list[Curve]:
    """The range tests that are done, one a seed; a constant answer is taken to be right for one of
    `classes` images, which it is at least."""
    found = []
    guessing = Constant.of(np.ones(classes))
    for run in runs:
        summary = Record(run.folder).finished()
        if summary is None:
            continue
        measured = rows(run)
        plan = run.place.plan

        def column(name: str, measured: list[Row] = measured) -> np.ndarray:
            return np.array([np.nan if (v := r[name]) is None else float(v) for r in measured])

        at = summary["result"].get("diverged_at")
        ended = None if at is None else plan.learning_rate.value(max(0, at - 1))
        held_out, at_most = plan.asked["validation"], plan.asked["evaluation_images"]
        found.append(
            Curve(
                column("lr"),
                *(column(name) for name in ("train_loss", "val_loss", "val_accuracy")),
                diverged_at=ended,
                shape=shape,  # pyright: ignore
                images=min(held_out, at_most or held_out),
                constant=guessing,
                constant_train=guessing.loss,
            )
        )
    return found


def folder(step: str, runs: Sequence[Run]) -> Path:
    """Where a step's table and picture go: `tuning/<model>-<data>-<step>-<hash>` of the output
    folder, the hash that of the runs' keys."""
    keys = "\n".join(sorted({run.folder.name for run in runs}))
    name = runs[0].place.plan.name.rpartition("-")[0]
    mark = hashlib.sha256(keys.encode()).hexdigest()[:8]
    return runs[0].folder.parents[1] / "tuning" / f"{name}-{step}-{mark}"
