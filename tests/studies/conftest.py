"""A small study in a temporary file, and records of its runs written by hand."""

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from disciplined.studies.expansion import Run, expand
from disciplined.studies.ledger import Result, results
from disciplined.studies.shelf import Shelf
from disciplined.studies.study import Study
from disciplined.studies.study_file import read
from disciplined.training.record import Record
from disciplined.training.rows import header, line

TEXT = """
source: nowhere
title: A planted study
fixed:
  {model: superconv_resnet20, dataset: digits, duration: 100it, total_batch_size: 32,
  batch_norm.groups: 4, evaluate_every: 10it, schedule: triangular, schedule.stepsize: 50it}
arms: {a: {schedule.max_lr: 1}, b: {schedule.max_lr: 2}, c: {schedule.max_lr: 3}}
labels: {a: the first}
seeds: {paper: 4, short: 2, smoke: 1}
panels: {p: {x: iteration, y: test_accuracy}}
published:
  a: {value: 0.80, std: 0.001, n: 4, test_images: 10000}
author: {a: superconv/clr3SS5kFig1a}
readings: {b: a}
claims:
  - {id: true, primary: true, greater: {arm: a, than: b}, says: a is more accurate than b}
  - {id: planted, primary: true, greater: {arm: b, than: a}, says: b is more accurate than a}
"""


def save(
    run: Run,
    final: float,
    *,
    diverged_at: int | None = None,
    curve: Sequence[float] | None = None,
    machine: dict[str, Any] | None = None,
    registered: dict[str, Any] | None = None,
) -> None:
    """A record as training leaves it: `curve` are the tests, evenly spaced, `final` the last."""
    plan = run.plan
    record = Record(plan.folder)
    record.begin("made: by hand\n", {})
    lines = [header()]
    values = [*(curve or [0.1, final / 2]), final]
    for i, value in enumerate(values, 1):
        t = plan.iterations * i // len(values)
        row = {
            "iteration": t,
            "epoch": t / plan.iterations_per_epoch,
            "lr": plan.learning_rate.value(t),
            "momentum": plan.momentum.value(t),
            "weight_decay": plan.weight_decay.value(t),
            "test_loss": 2 * (1 - value),
            "test_accuracy": value,
        }
        lines.append(line(row))
    record.metrics_file.write_text("".join(lines))
    ends = {"test_accuracy": final, "test_loss": 2 * (1 - final)}
    tops = {"test_accuracy": max(values), "test_loss": 2 * (1 - max(values))}
    record.write_summary(
        {
            "key": run.key,
            "setting": plan.setting,
            "status": "done" if diverged_at is None else "diverged",
            "result": {"final": ends, "best": tops, "diverged_at": diverged_at},
            "machine": {
                "hardware": "a hand",
                "device": "cpu",
                "precision": "32-true",
                "fingerprint": "f00",
                "date": "2026-01-02T03:04:05+00:00",
                **(machine or {}),
            },
            "registered": registered,
        }
    )


@pytest.fixture
def planted(tmp_path: Path) -> Callable[..., Study]:
    """The study, its text changed where told."""
    count = itertools.count()

    def make(*changes: tuple[str, str]) -> Study:
        text = TEXT
        for old, new in changes:
            assert old in text, old
            text = text.replace(old, new)
        file = tmp_path / f"planted{next(count)}.yaml"
        file.write_text(text)
        return read(file, "test/planted")

    return make


Recorded = Callable[..., dict[str, list[Result]]]


@pytest.fixture
def recorded(tmp_path: Path) -> Recorded:
    """Results by arm, from records with these final accuracies by arm."""

    def make(
        study: Study, finals: dict[str, Sequence[float]], scale: str = "paper", **told: Any
    ) -> dict[str, list[Result]]:
        most = max(map(len, finals.values()))
        runs = expand(
            study, scale, arms=list(finals), seeds=most, places=(f"output_dir={tmp_path}",)
        )
        kept = [run for run in runs if run.seed < len(finals[run.arm])]
        for run in kept:
            save(run, finals[run.arm][run.seed], **told)
        return results(kept, Shelf(tmp_path))

    return make
