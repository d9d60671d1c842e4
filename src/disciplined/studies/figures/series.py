"""What a panel draws of a run, a log or a plan: x and y, each a float64 array [T]."""

import numpy as np

from disciplined.schedules.plateau import Plateau
from disciplined.schedules.segments import Schedule
from disciplined.studies import author
from disciplined.studies.ledger import Result, derived
from disciplined.studies.study import SCHEDULED, Panel
from disciplined.training.planning import Plan
from disciplined.training.record import Record
from disciplined.training.rows import Row

TIME = ("iteration", "epoch")
FEW = 200  # updates; of a plan so short each is drawn as the step that it is
MOST = 100_000  # iterations, of longer plans so many are looked at
COARSE = 1000  # of them where every run has its own
FINE = 5e-4  # of a curve's range: less than a pixel


def ours(r: Result, panel: Panel, metric: str, scale: str) -> tuple[np.ndarray, np.ndarray]:
    """A run's curve, a shorter one stretched to the length it stands for.

    A hyper-parameter is drawn as it was set, not only where something was measured.
    """
    if metric in SCHEDULED and panel.x in TIME:
        rows = None if set_alike(r, panel, metric) else Record(r.folder).rows()
        x, y = as_set(r.run.plan, panel.x, metric, rows, panel.yscale)
    else:
        x, y = r.curve(panel.x, metric)
    if scale != "paper" and panel.x in TIME:
        x = x / scale_of(r)
    return x, y


def schedule_of(plan: Plan, metric: str) -> Schedule | Plateau:
    """The schedule that a hyper-parameter follows."""
    schedules = {"lr": plan.learning_rate, "momentum": plan.momentum}
    return schedules.get(metric, plan.weight_decay)


def set_alike(r: Result, panel: Panel, metric: str) -> bool:
    """Whether what is drawn of a run was set beforehand, and so is that of every run of its arm."""
    if metric not in SCHEDULED or panel.x not in TIME:
        return False
    return not isinstance(schedule_of(r.run.plan, metric), Plateau)


def steps(plan: Plan) -> dict[str, str]:
    """How a hyper-parameter's line is drawn: in a short run each update is seen by itself."""
    return {"drawstyle": "steps-post"} if plan.iterations <= FEW else {}


def as_set(
    plan: Plan,
    axis: str,
    metric: str,
    rows: list[Row] | None = None,
    yscale: str = "linear",
) -> tuple[np.ndarray, np.ndarray]:
    """A hyper-parameter over a run's iterations or epochs, as its plan has it.

    Every iteration is looked at; of long runs those are left out that lie on a straight line (on
    the scale `yscale`). rows: what was measured, all that is known of a plateau; without any, it
    has not come yet. A plateau's runs all have the same points, so that they have a mean.
    """
    schedule = schedule_of(plan, metric)
    if waits := isinstance(schedule, Plateau):
        schedule.measured(rows or [])
    count = min(plan.iterations, COARSE if waits else MOST) + 1
    every = np.unique(np.linspace(0, plan.iterations, count).astype(np.int64))
    y = schedule.values(every)
    if plan.iterations > FEW and not waits:
        kept = needed(np.log10(np.maximum(y, y.max() / 1e12)) if yscale == "log" else y)
        every, y = every[kept], y[kept]
    x = every.astype(float)
    return x / plan.iterations_per_epoch if axis == "epoch" else x, y


def needed(y: np.ndarray) -> np.ndarray:
    """Which of evenly spaced points [T] a line must go through so as to miss none, as indices.

    Between those kept, the one missed most is added until none is missed by more than a part of
    the range that no eye can see.
    """
    at = np.arange(y.size)
    kept = np.unique(np.linspace(0, y.size - 1, 50).astype(np.int64))
    limit = FINE * max(float(np.ptp(y)), 1e-300)
    while True:
        missed = np.abs(y - np.interp(at, at[kept], y[kept]))[:-1]
        worst = np.maximum.reduceat(missed, kept[:-1])
        between = np.repeat(np.arange(worst.size), np.diff(kept))
        hit = np.flatnonzero((missed == worst[between]) & (missed > limit))
        if not hit.size:
            return kept
        _, first = np.unique(between[hit], return_index=True)
        kept = np.union1d(kept, hit[first])


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
