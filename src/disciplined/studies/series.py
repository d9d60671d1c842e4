"""What a panel draws of a run, a log or a plan: x and y, each a float64 array [T]."""

import numpy as np

from disciplined.schedules.plateau import Plateau
from disciplined.studies import author
from disciplined.studies.ledger import Result, derived
from disciplined.studies.study import SCHEDULED, Panel
from disciplined.training.planning import Plan
from disciplined.training.record import Record
from disciplined.training.rows import Row


def ours(r: Result, panel: Panel, metric: str, scale: str) -> tuple[np.ndarray, np.ndarray]:
    """A run's curve, a shorter one stretched to the length it stands for.

    A hyper-parameter is drawn as it was set, not only where something was measured.
    """
    if metric in SCHEDULED and panel.x in ("iteration", "epoch"):
        x, y = as_set(r.run.plan, panel.x, metric, Record(r.folder).rows())
    else:
        x, y = r.curve(panel.x, metric)
    if scale != "paper" and panel.x in ("iteration", "epoch"):
        x = x / scale_of(r)
    return x, y


def as_set(
    plan: Plan, axis: str, metric: str, rows: list[Row] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """A hyper-parameter over a run's iterations or epochs, as its plan has it.

    rows: what was measured, all that is known of a plateau; without any, it has not come yet.
    """
    schedules = {"lr": plan.learning_rate, "momentum": plan.momentum}
    schedule = schedules.get(metric, plan.weight_decay)
    if isinstance(schedule, Plateau):
        schedule.measured(rows or [])
    every = np.unique(np.linspace(0, plan.iterations, 1000).astype(np.int64))
    x = every.astype(float)
    return x / plan.iterations_per_epoch if axis == "epoch" else x, schedule.values(every)


def scale_of(r: Result) -> float:
    """The factor a run was shortened by."""
    told = [o.partition("=")[2] for o in r.run.overrides if o.startswith("scale=")]
    return float(told[-1]) if told else 1.0


def author_curve(
    log: author.Log, panel: Panel, metric: str, found: list[Result]
) -> tuple[np.ndarray, np.ndarray]:
    """The author's curve on the panel's axis; epochs by his total batch size and data set."""
    columns = log.columns | derived(log.columns)
    if metric not in columns or panel.x not in (*log.columns, "epoch"):
        return np.array([]), np.array([])
    y = columns[metric]
    if panel.x == "epoch":
        told = author.index()[log.name]
        images = found[0].run.train_images if found else told.get("train_images", 50_000)
        x = log.columns["iteration"] * told["total_batch_size"] / images
    else:
        x = log.columns[panel.x]
    there = ~(np.isnan(x) | np.isnan(y))
    return x[there], y[there]


def mean_curve(curves: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """The mean of the runs, from the start on for as long as all of them were measured alike.

    Where one ends because it diverged the mean ends too: it is of the same runs from end to end,
    never of those that are left, which would look better for having lost the worst.
    """
    length = min(x.size for x, _ in curves)
    at = np.array([x[:length] for x, _ in curves])
    alike = np.isclose(at, at[0], rtol=1e-6).all(axis=0)
    length = length if alike.all() else int(alike.argmin())
    return curves[0][0][:length], np.mean([y[:length] for _, y in curves], axis=0)
