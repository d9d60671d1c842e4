"""Does a published number come back? Every row of a table beside ours.

A number published for the whole run is only held against whole runs.
"""

from dataclasses import dataclass, replace

import numpy as np

from disciplined.columns import shown
from disciplined.studies.author import Log
from disciplined.studies.judging.evidence import (
    CONTRADICTED,
    ENOUGH,
    INCONCLUSIVE,
    NOT_RUN,
    REPRODUCED,
    USUAL,
    Verdict,
    unmeasured,
    usual,
)
from disciplined.studies.judging.statistics import prediction, sampling_variance, variance
from disciplined.studies.ledger import Result, without
from disciplined.studies.recipes import images_tested
from disciplined.studies.study import Published, Study


@dataclass(frozen=True)
class Number:
    """A published value beside ours. `reading_of`: the arm whose row this arm may really have been.

    difference: ours less published. interval: 95 % prediction interval. without: how many of the n
    runs have no value, and why; mean and std are of the others.
    """

    arm: str
    reading_of: str | None
    metric: str
    published: Published | None
    log_final: float | None
    mean: float | None
    std: float | None
    n: int
    difference: float | None
    verdict: Verdict
    interval: tuple[float, float] | None = None
    without: str = ""

    @property
    def empty(self) -> bool:
        """Whether there is nothing to tell: not run, and nothing published to hold it against."""
        return not self.n and self.published is None and self.log_final is None


def numbers(
    study: Study, scale: str, results: dict[str, list[Result]], logs: dict[str, Log]
) -> list[Number]:
    """Every row's number: published ones, other readings of them, and arms without any."""
    found = []
    for arm in [] if study.sketch else study.rows():
        told = study.published.get(arm)
        reading = None
        if arm in study.readings and not told:
            reading, told = study.readings[arm], study.published.get(study.readings[arm])
        for published in told or [None]:
            found.append(number(study, scale, arm, reading, published, results, logs))
    for arm, row in study.readings.items():
        if arm in study.published and row in study.published:
            for published in study.published[row]:
                found.append(number(study, scale, arm, row, published, results, logs))
    return found


def number(
    study: Study,
    scale: str,
    arm: str,
    reading: str | None,
    published: Published | None,
    results: dict[str, list[Result]],
    logs: dict[str, Log],
) -> Number:
    """One row: ours beside what was published, and whether that came back."""
    metric = published.metric if published else study.metric
    at = published.at if published else "final"
    log = logs.get(reading or arm)
    there = results.get(arm, [])
    ours = np.array([r.value(metric, at) for r in there])
    finite = ours[~np.isnan(ours)]
    mean = float(finite.mean()) if finite.size else None
    row = Number(
        arm=arm,
        reading_of=reading,
        metric=metric,
        published=published,
        log_final=log.final.get(metric) if log else None,
        mean=mean,
        std=float(finite.std(ddof=1)) if finite.size >= 2 else None,
        n=len(ours),
        difference=mean - published.value
        if published and mean is not None and scale == "paper"
        else None,
        verdict=Verdict(NOT_RUN, study.missing.get(arm, "no records")),
        without=without(there, metric, at),
    )
    if not published:
        return replace(row, verdict=Verdict(NOT_RUN, "nothing published"))
    if scale != "paper":
        words = f"published for whole runs, not for {scale} ones"
        return replace(row, verdict=Verdict(NOT_RUN, words))
    if not ours.size:
        return row
    if words := unmeasured(arm, there, metric, at):
        return replace(row, verdict=Verdict(NOT_RUN, words))
    if undecided := too_few(published, ours, finite):
        return replace(row, verdict=undecided)
    return comes_back(row, published, finite, log, images_tested(study, arm))


def too_few(published: Published, ours: np.ndarray, finite: np.ndarray) -> Verdict | None:
    """The verdict where runs diverged, or where one or two seeds decide nothing; all measured."""
    if finite.size < ours.size:
        lost = ours.size - finite.size
        every = lost == ours.size and lost >= ENOUGH
        words = f"{lost} of {ours.size} runs diverged"
        return Verdict(CONTRADICTED if every else INCONCLUSIVE, words)
    if finite.size < ENOUGH:
        words = f"n = {finite.size}: fewer than three seeds decide nothing"
        spread = variance(finite) ** 0.5 or published.std
        seen = usual(spread, published.n or 1)
        return Verdict(INCONCLUSIVE, words, None, seen, published.metric, USUAL)
    return None


def comes_back(
    row: Number,
    published: Published,
    finite: np.ndarray,
    log: Log | None,
    images: int | None,
) -> Number:
    """The row with its verdict: is the published value inside our prediction interval?

    The interval is widened by what else is in the published value: the late spread of the author's
    log, its rounding, and the error of his test sample, which his runs shared (they tested at the
    same iterations, hence on the same images), so that it does not average out over them.
    images: those of the test set.
    """
    metric = published.metric
    blur = published.step**2 / 12
    if log:
        blur += log.late_std.get(metric, 0.0) ** 2 / (published.n or 1)
    if metric.endswith("accuracy"):
        blur += sampling_variance(published.value, published.test_images, images)
    std = published.std or None  # a spread printed as 0 is none that is known
    d = prediction(finite, published.value, n=published.n, std=std, blur=blur)
    if d.se == 0:
        words = f"no spread between {finite.size} seeds"
        return replace(row, verdict=Verdict(INCONCLUSIVE, words))
    mean = float(finite.mean())
    low, high = mean - d.half_width(), mean + d.half_width()
    interval = f"[{shown(low, metric)}, {shown(high, metric)}]"
    words = f"95 % prediction interval {interval}, n = {finite.size}"
    decided = REPRODUCED if low <= published.value <= high else CONTRADICTED
    verdict = Verdict(decided, words, d.p_not(), d.detectable(), metric)
    return replace(row, verdict=verdict, interval=(low, high))
