"""The diagnosis held against curves with known answers: conf/diagnosis.yaml, written beforehand.

Half of them, by curve and not by seed alone, were not looked at while thresholds were chosen.
"""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from disciplined.diagnosis.curves import Curves, curves
from disciplined.diagnosis.diagnosing import Diagnosis, diagnose
from disciplined.diagnosis.files import read, table
from disciplined.diagnosis.findings import NAMES, NOTHING
from disciplined.diagnosis.synthetic import SHAPES, curve
from disciplined.mistakes import Mistake

CONF = Path(__file__).parents[3] / "conf"
ANSWERS = CONF / "diagnosis.yaml"


@dataclass(frozen=True)
class Answer:
    """One line of the file: a curve, or one for each seed.

    expect: any one of these must be found; empty: nothing may stand out. allow: may be found
    besides. until: the curve is cut at this iteration. held: not seen while thresholds were first
    chosen; fresh: nor when they were mended after that.
    """

    curve: str
    expect: tuple[str, ...]
    why: str
    source: str
    allow: tuple[str, ...] = ()
    seeds: tuple[int, ...] = ()
    until: float = np.inf
    held: bool = False
    fresh: bool = False

    @property
    def label(self) -> str:
        """What the confusion table calls it."""
        return self.expect[0] if self.expect else NOTHING


@dataclass(frozen=True)
class Judged:
    """A curve, its answer and what was said of it."""

    answer: Answer
    diagnosis: Diagnosis

    @property
    def right(self) -> bool:
        """Whether what is expected was found, and nothing that is neither expected nor allowed."""
        return self.met and not self.alarms

    @property
    def met(self) -> bool:
        """Whether one of the expected findings is there; always where none is expected."""
        found = {f.name for f in self.diagnosis.findings}
        return not self.answer.expect or bool(found & set(self.answer.expect))

    @property
    def alarms(self) -> list[str]:
        """Findings that are neither expected nor allowed."""
        fine = {*self.answer.expect, *self.answer.allow}
        return [f.name for f in self.diagnosis.findings if f.name not in fine]

    @property
    def column(self) -> str:
        """What was found, as the confusion table counts it: the answer where it was met, else the
        false alarm, or the gravest finding."""
        if not self.met:
            return self.diagnosis.main
        return (self.alarms or [self.answer.label])[0]


def read_answers(file: Path = ANSWERS) -> tuple[list[str], list[Answer]]:
    """The remarks and the answers of a file. Raises Mistake for a finding that there is none of."""
    from omegaconf import OmegaConf

    told: Any = OmegaConf.to_container(OmegaConf.load(file))
    found = []
    for one in told["curves"]:
        lists = {k: tuple(one[k]) for k in ("expect", "allow", "seeds") if k in one}
        found.append(Answer(**one | lists))
        for name in (*found[-1].expect, *found[-1].allow):
            if name not in NAMES:
                raise Mistake(f"{file}: {one['curve']}: no finding {name}; {', '.join(NAMES)}")
    return told["remarks"], found


def judged(listed: list[Answer], output_dir: Path) -> list[Judged]:
    """Every curve of the answers with its diagnosis."""
    return [Judged(one, diagnose(c)) for one in listed for c in found(one, output_dir)]


def found(answer: Answer, output_dir: Path) -> Iterator[Curves]:
    """The curves that an answer is about."""
    kind, _, name = answer.curve.partition(":")
    if kind == "author":
        yield cut(table(CONF / "author" / f"{name}.csv", name, {}), answer.until)
    elif kind == "synthetic":
        if name not in SHAPES:
            raise Mistake(f"{answer.curve}: no such shape; there are {', '.join(SHAPES)}")
        for seed in answer.seeds:
            yield curves(curve(name, seed), f"{name}, seed {seed}")
    else:
        study, _, arm = answer.curve.partition("#")
        folder = output_dir / "published" / study
        told = json.loads((folder / "verdicts.json").read_text())
        by_seed = dict(zip(told["seeds"][arm], told["records"][arm], strict=True))
        for seed in answer.seeds:
            record = folder / "records" / by_seed[seed]
            yield replace(read(str(record), output_dir, {}), name=f"{answer.curve}, seed {seed}")


def cut(whole: Curves, until: float) -> Curves:
    """The curves up to an iteration."""
    if until == np.inf:
        return whole
    there = whole.columns["iteration"] <= until
    columns = {k: v[there] for k, v in whole.columns.items()}
    return replace(whole, columns=columns, name=f"{whole.name} until {until:,.0f}")


def confusion(found: list[Judged]) -> str:
    """Expected by found, in Markdown: a row each expected finding, a column each that was found."""
    counts = Counter((one.answer.label, one.column) for one in found)
    rows = [n for n in (*NAMES, NOTHING) if any(a == n for a, _ in counts)]
    columns = [n for n in (*NAMES, NOTHING) if any(n in pair for pair in counts)]
    lines = [["expected ↓ found →", *columns, "curves"], ["---"] * (len(columns) + 2)]
    for row in rows:
        cells = [str(counts[row, c] or "") for c in columns]
        lines.append([row, *cells, str(sum(counts[row, c] for c in columns))])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def summary(found: list[Judged]) -> str:
    """How many are right, missed and false."""
    right = sum(one.right for one in found)
    missed = sum(not one.met for one in found)
    alarms = sum(bool(one.alarms) for one in found)
    n = len(found)
    return (
        f"{right} of {n} right ({100 * right / max(n, 1):.0f} %), {missed} without what was "
        f"expected, {alarms} with a false alarm"
    )


def wrong(found: list[Judged]) -> list[str]:
    """Every curve that is not right, in words."""
    lines = []
    for one in found:
        if not one.right:
            said = ", ".join(f.name for f in one.diagnosis.findings) or NOTHING
            expected = " or ".join(one.answer.expect) or NOTHING
            lines.append(
                f"{one.diagnosis.curves.name}: found {said}; expected {expected} ({one.answer.why})"
            )
    return lines
