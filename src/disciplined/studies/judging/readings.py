"""Did cyclical momentum act? Every row with a momentum swing, and the ways it may really have run.

As labelled; with the momentum held at its starting value, as where the author's patch of Caffe's
SGD solver was never reached under Nesterov; and with the swing under plain SGD, which the patch
would have reached. A study file names the other readings of a row under `readings`.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from disciplined.studies.author import Log
from disciplined.studies.judging.likelihood import (
    Runs,
    Scatter,
    Stated,
    log_likelihood,
    log_ratio_of_pair,
)
from disciplined.studies.judging.numbers import Number
from disciplined.studies.judging.statistics import sampling_variance
from disciplined.studies.recipes import images_tested
from disciplined.studies.study import Published, Study

LABELLED, HELD, SGD = "as labelled", "held", "plain SGD"
KINDS = (LABELLED, HELD, SGD)


@dataclass(frozen=True)
class Row:
    """A published number of a row with a swing. numbers: our rows by reading, run or not.

    counted: whether it enters the product; one metric of a row does, since several come of the same
    runs. beside: the author's own number for the momentum held, where he printed one.
    """

    study: Study
    arm: str
    metric: str
    published: Published
    stated: Stated
    numbers: dict[str, Number] = field(default_factory=dict)
    counted: bool = True
    beside: Stated | None = None

    def runs(self, kind: str) -> Runs | None:
        """Our runs of a reading where they say anything: three seeds with a spread, none lost."""
        return runs(self.numbers[kind]) if kind in self.numbers else None

    def likelihoods(self, scatter: Scatter | None = None) -> dict[str, float]:
        """The natural logarithm of each reading's likelihood."""
        accuracy = self.metric.endswith("accuracy")
        return {
            kind: log_likelihood(self.stated, ours, scatter if accuracy else None)
            for kind in KINDS
            if (ours := self.runs(kind))
        }

    def ratio(self, first: str, second: str, scatter: Scatter | None = None) -> float | None:
        """ln of the first reading's likelihood over the second's; None where one is not run."""
        found = self.likelihoods(scatter)
        return found[first] - found[second] if {first, second} <= found.keys() else None

    def pair(self) -> float | None:
        """ln of (not acted : acted) by the author's own pair of rows."""
        swing, held = self.runs(LABELLED), self.runs(HELD)
        if self.beside is None or swing is None or held is None:
            return None
        return log_ratio_of_pair(self.stated, self.beside, swing, held)


def runs(number: Number) -> Runs | None:
    """A row's runs, None where they decide nothing (too few, some diverged, no spread)."""
    if number.interval is None or not number.std or number.mean is None:
        return None
    return Runs(number.mean, number.std, number.n)


def stated(study: Study, arm: str, published: Published, logs: dict[str, Log]) -> Stated:
    """What was printed of an arm, with its last digit and what else is in it."""
    log = logs.get(arm)
    step = published.step
    if not step:  # no spread: as many digits as the value has, a tenth of a point at the coarsest
        step = min(10.0 ** -len(repr(published.value).partition(".")[2]), 1e-3)
    error = 0.0
    n = published.n or 1
    if log:
        error += log.late_std.get(published.metric, 0.0) ** 2 / n
    if published.metric.endswith("accuracy"):
        error += sampling_variance(
            published.value, published.test_images, images_tested(study, arm)
        )
    return Stated(published.value, step, published.std or None, n, error)


def kind(study: Study, row: str, reading: str) -> str | None:
    """Which reading of a row with a swing an arm is; None where the row has no swing."""
    # Cyclical is what train.yaml has where none is named.
    if (study.setting(row, "momentum") or "cyclical") == "constant":
        return None
    if study.setting(reading, "momentum") == "constant":
        return HELD
    other = study.setting(reading, "optimizer")
    return SGD if "sgd" in str(other) and other != study.setting(row, "optimizer") else None


def rows(study: Study, numbers: Iterable[Number], logs: dict[str, Log]) -> list[Row]:
    """The study's rows with a swing of which something was published."""
    numbers = list(numbers)
    found: list[Row] = []
    for arm in dict.fromkeys(study.readings.values()):
        readings = {
            kind(study, arm, other): other for other, of in study.readings.items() if of == arm
        }
        readings.pop(None, None)
        if not readings:
            continue
        own = [n for n in numbers if n.arm == arm and not n.reading_of and n.published]
        own.sort(key=lambda n: not n.metric.endswith("accuracy"))
        for position, labelled in enumerate(own):
            assert labelled.published
            ours = {LABELLED: labelled} | {
                str(name): n
                for name, other in readings.items()
                for n in numbers
                if n.arm == other
                and n.reading_of == arm
                and n.published
                and (n.metric, n.published.at) == (labelled.metric, labelled.published.at)
            }
            held = [
                stated(study, readings[HELD], p, logs)
                for p in study.published.get(readings.get(HELD, ""), [])
                if (p.metric, p.at) == (labelled.metric, labelled.published.at)
            ]
            found.append(
                Row(
                    study,
                    arm,
                    labelled.metric,
                    labelled.published,
                    stated(study, arm, labelled.published, logs),
                    ours,
                    position == 0,
                    held[0] if held else None,
                )
            )
    return found


def by_arm(
    study: Study, numbers: Iterable[Number], logs: dict[str, Log]
) -> list[tuple[Number, dict[str, float]]]:
    """Every published number that our runs read in several ways, of whatever kind, with ln of its
    likelihood by the arm that may have been what was run."""
    numbers = list(numbers)
    found = []
    for row in numbers:
        if row.reading_of or not row.published or row.arm not in study.readings.values():
            continue
        said = stated(study, row.arm, row.published, logs)
        ways = {
            n.arm: log_likelihood(said, ours)
            for n in numbers
            if (n is row or n.reading_of == row.arm)
            and n.published == row.published
            and (ours := runs(n))
        }
        if len(ways) > 1:
            found.append((row, ways))
    return found


def controls(
    study: Study, numbers: Iterable[Number], logs: dict[str, Log]
) -> list[tuple[Stated, Runs]]:
    """Accuracies of rows in no doubt, with our runs of them, one a row.

    Their momentum is constant, they have no other reading, and they are none: what a row with a
    swing may really have been is judged by them and cannot be among them.
    """
    in_doubt = {*study.readings, *study.readings.values()}
    found: dict[str, tuple[Stated, Runs]] = {}
    for n in numbers:
        if (
            n.published
            and n.arm not in in_doubt
            and n.metric.endswith("accuracy")
            and study.setting(n.arm, "momentum") == "constant"
            and (ours := runs(n))
        ):
            found.setdefault(n.arm, (stated(study, n.arm, n.published, logs), ours))
    return list(found.values())
