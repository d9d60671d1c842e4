"""What a panel draws of a run or a log: x and y, each a float64 array [T]."""

import numpy as np

from disciplined.schedules.plateau import Plateau
from disciplined.studies import author
from disciplined.studies.ledger import Result
from disciplined.studies.study import SCHEDULED, Panel
from disciplined.training.record import Record


def ours(r: Result, panel: Panel, scale: str) -> tuple[np.ndarray, np.ndarray]:
    """A run's curve, a shorter one stretched to the length it stands for.

    A hyper-parameter is drawn as it was set, not only where something was measured.
    """
    x, y = r.curve(panel.x, panel.y)
    if panel.y in SCHEDULED and panel.x in ("iteration", "epoch"):
        plan = r.run.plan
        schedules = {"lr": plan.learning_rate, "momentum": plan.momentum}
        schedule = schedules.get(panel.y, plan.weight_decay)
        if isinstance(schedule, Plateau):  # whose rows are all that is known of it
            schedule.measured(Record(r.folder).rows())
        every = np.unique(np.linspace(0, plan.iterations, 1000).astype(np.int64))
        x, y = every.astype(float), schedule.values(every)
        if panel.x == "epoch":
            x = x / plan.iterations_per_epoch
    if scale != "paper" and panel.x in ("iteration", "epoch"):
        x = x / scale_of(r)
    return x, y


def scale_of(r: Result) -> float:
    """The factor a run was shortened by."""
    told = [o.partition("=")[2] for o in r.run.overrides if o.startswith("scale=")]
    return float(told[-1]) if told else 1.0


def author_curve(
    log: author.Log, panel: Panel, found: list[Result]
) -> tuple[np.ndarray, np.ndarray]:
    """The author's curve on the panel's axis; epochs by his total batch size."""
    if panel.y not in log.columns or panel.x not in (*log.columns, "epoch"):
        return np.array([]), np.array([])
    y = log.columns[panel.y]
    if panel.x == "epoch":
        images = found[0].run.plan.train_images if found else 50_000
        batch = author.index()[log.name]["total_batch_size"]
        x = log.columns["iteration"] * batch / images
    else:
        x = log.columns[panel.x]
    there = ~(np.isnan(x) | np.isnan(y))
    return x[there], y[there]


def mean_curve(curves: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """The mean of the runs where all of them were measured."""
    length = min(x.size for x, _ in curves)
    return curves[0][0][:length], np.mean([y[:length] for _, y in curves], axis=0)
