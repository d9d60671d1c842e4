"""From curves to a diagnosis: every sign asked, those that explain each other away left out."""

import textwrap
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from disciplined.diagnosis import overfitting, stability, underfitting
from disciplined.diagnosis.advice import advised
from disciplined.diagnosis.curves import Curves, curves
from disciplined.diagnosis.findings import NAMES, NOTHING, Finding
from disciplined.diagnosis.seen import CYCLE, FEWEST, RANGE_TEST, UNKNOWN, Seen

SIGNS: dict[str, Callable[[Seen], Finding | None]] = {
    "diverged": stability.diverged,
    "rate too large": stability.rate_too_large,
    "overfitting": overfitting.overfitting,
    "too little regularisation": overfitting.too_little_regularisation,
    "unstable": stability.unstable,
    "too much regularisation": underfitting.too_much_regularisation,
    "rate too small": underfitting.rate_too_small,
    "underfitting": underfitting.underfitting,
    "spike": stability.spike,
    "plateaued": underfitting.plateaued,
}
EXPLAINED = {  # what says nothing further once the other is found
    "diverged": {"rate too large", "overfitting", "too little regularisation", "unstable", "spike",
                 "plateaued", "underfitting", "rate too small"},
    "rate too large": {"spike", "plateaued", "overfitting", "too little regularisation"},
    "overfitting": {"plateaued", "underfitting"},
    "unstable": {"spike"},
    "rate too small": {"underfitting", "plateaued"},
    "underfitting": {"plateaued"},
}  # fmt: skip


@dataclass(frozen=True)
class Diagnosis:
    """What a run's curves show.

    findings: the gravest first, none where nothing stands out. notes: what is no finding but good
    to know. unjudged: what could not be told, and for want of what.
    """

    curves: Curves
    metric: str
    findings: tuple[Finding, ...]
    notes: tuple[str, ...] = ()
    unjudged: tuple[str, ...] = ()

    @property
    def main(self) -> str:
        """The gravest finding's name, or `nothing`."""
        return self.findings[0].name if self.findings else NOTHING

    def __str__(self) -> str:
        """A table to read: finding, evidence, what to change next, source."""
        found = ", ".join(f.name for f in self.findings) or f"{NOTHING} stands out"
        lines = [f"{self.curves.name}: {found}"]
        for f in self.findings:
            lines += ["", f"  {f.name} ({f.confidence})"]
            for title, told in (
                ("seen", f"{f.metric}: {f.evidence}"),
                *(("next", one) for one in f.change),
                ("from", f.source),
            ):
                lines.append(
                    textwrap.fill(
                        told, 96, initial_indent=f"    {title}  ", subsequent_indent=" " * 10
                    )
                )
        for title, told in (
            ("note", self.notes),
            ("not judged", self.unjudged),
            ("read", self.curves.read),
        ):
            if told:
                lines += ["", *(f"  {title}: {one}" for one in told)]
        return "\n".join(lines)

    def figure(self, path: str | Path) -> Path:
        """Draw the curves with the evidence marked; returns the file. Needs matplotlib."""
        from disciplined.diagnosis.picture import draw

        return draw([self], Path(path))


def diagnose(
    run: str | Path | Curves | Mapping[str, Any] | Iterable[Mapping[str, Any]],
    *,
    columns: Mapping[str, str] | None = None,
    name: str | None = None,
    output_dir: str | Path = "outputs",
) -> Diagnosis:
    """What the papers' remarks would say of a run, and what to change next.

    Args:
        run: a CSV file, a record's folder or key, columns by name (a mapping, a data frame), rows,
            or `Curves`.
        columns: ours by theirs, `{"val_loss": "valid/ce"}`, where usual names do not tell.
        name: what to call the run.
        output_dir: where records are looked for by key.

    Raises `Mistake` (a ValueError) where there is no loss in it or it cannot be read.
    """
    if isinstance(run, Curves):
        found = run
    elif isinstance(run, str | Path):
        from disciplined.diagnosis.files import read

        found = read(str(run), Path(output_dir), columns or {})
    else:
        found = curves(run, name or "run", columns)
    metric = found.held_out or "train_loss"
    seen = Seen(found, metric)
    with np.errstate(all="ignore"):  # absurd losses are a finding, not a warning
        asked = {sign: SIGNS[sign](seen) for sign in NAMES}
    there = {sign for sign, one in asked.items() if one}
    hidden: set[str] = set()
    for sign in NAMES:
        if sign in there and sign not in hidden:
            hidden |= EXPLAINED.get(sign, set())
    kept = [one for sign, one in asked.items() if one and sign not in hidden]
    return Diagnosis(
        found,
        metric,
        tuple(advised(one, seen) for one in kept),
        tuple(notes(seen, there)),
        tuple(unjudged(seen)),
    )


def notes(seen: Seen, there: set[str]) -> list[str]:
    """What is good to know."""
    found = [seen.curves.stopped] * bool(seen.curves.stopped)
    if seen.kind == RANGE_TEST and "rate too large" not in there and "diverged" not in there:
        assert seen.rate is not None
        found.append(f"the loss bore every rate up to {seen.rate.max():.3g}: try larger ones")
    if seen.kind == CYCLE and seen.hot.size and seen.hot[-1]:
        found.append("the run ends while the rate is high: a cycle is judged by its end")
    return found


def unjudged(seen: Seen) -> list[str]:
    """What could not be told, and for want of what."""
    n = seen.x.size
    if n < FEWEST:
        return [f"almost anything: {n} measurements of {seen.metric}, {FEWEST} are the least"]
    found = []
    if seen.block > 1:
        found.append(f"what is shorter than {seen.block} measurements: so many make one point")
    if seen.blind:
        found.append("under- and overfitting: no loss of images that were not trained on")
    if not seen.blind and seen.curves.measured("train_loss")[0].size < FEWEST:
        found.append("the balance of regularisation: no training loss")
    elif not seen.blind and seen.curves.measured("train_loss")[1].min() < 0:
        found.append("the balance of regularisation: a training loss below 0")
    if seen.kind == UNKNOWN:
        found.append("range test or cycle: no learning rate; a constant one is supposed")
    if not seen.curves.measured("weight_decay")[0].size:
        found.append("too much weight decay at rest: no column of it")
    if seen.kind == CYCLE:
        found.append("underfitting and plateaus: the rate cycles")
    if seen.kind == RANGE_TEST:
        found.append("underfitting, spikes, instability: the rate rises all along")
    return found
