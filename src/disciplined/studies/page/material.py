"""What the page is made of: every study file, with what was published for it."""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from disciplined.columns import hardware
from disciplined.mistakes import Mistake
from disciplined.studies import author, index
from disciplined.studies.judging import judge
from disciplined.studies.judging.evidence import (
    CONTRADICTED,
    INCONCLUSIVE,
    NOT_RUN,
    REPRODUCED,
    Verdict,
)
from disciplined.studies.judging.judge import Judged, Number
from disciplined.studies.study import Published, Study
from disciplined.studies.study_file import load
from disciplined.untrusted import text

VERDICTS = (REPRODUCED, CONTRADICTED, INCONCLUSIVE, NOT_RUN)
DRAWN = "drawn"  # the scale of a study drawn from its schedules: nothing to train
DPI = 220  # of the pictures, see drawing
QUESTIONS = ("number", "as_published", "fair", "open")


@dataclass(frozen=True)
class Material:
    """A study with what was published for it. told: its verdicts.json, empty where there is none.

    place: its folder relative to the page.
    """

    study: Study
    data: list[str]
    models: list[str]
    place: str
    folder: Path
    told: dict[str, Any] = field(default_factory=dict)

    @property
    def paper(self) -> str:
        """The folder its file stands in: a paper, the tutorials, the calibration."""
        return self.study.id.partition("/")[0]

    @cached_property
    def records(self) -> dict[str, list[str]]:
        """The keys of the records by arm, arms without any left out."""
        return {arm: keys for arm, keys in self.told.get("records", {}).items() if keys}

    @property
    def runs(self) -> int:
        """How many records the verdicts rest on."""
        return sum(map(len, self.records.values()))

    @property
    def scale(self) -> str:
        """The scale of the records, `drawn` where none are needed, `not run` without any."""
        if not self.study.trains:
            return DRAWN
        return self.told["scale"] if self.runs else NOT_RUN

    @property
    def command(self) -> str:
        """What makes it again."""
        if not self.study.trains:
            return self.study.command()
        seeds = [seed + 1 for seeds in self.told.get("seeds", {}).values() for seed in seeds]
        return self.study.command(self.scale if self.runs else "paper", max(seeds, default=0))

    @cached_property
    def logs(self) -> dict[str, author.Log]:
        """The author's logs by arm."""
        return {arm: author.log(name) for arm, name in self.study.author.items()}

    @cached_property
    def numbers(self) -> list[Number]:
        """The rows of the table, as judged; without records as they stand in the study file."""
        if not self.runs:
            return judge.numbers(self.study, "paper", {}, self.logs)
        return [
            Number(
                **{
                    **row,
                    "published": row["published"] and Published(**row["published"]),
                    "verdict": Verdict(**row["verdict"]),
                    "interval": row["interval"] and (row["interval"][0], row["interval"][1]),
                }
            )
            for row in self.told["numbers"]
        ]

    @cached_property
    def claims(self) -> list[Judged]:
        """The study file's claims with their verdicts."""
        if not self.runs:
            return judge.claims(self.study, "paper", {}, self.logs)
        rows = self.told["claims"]
        found = {json.dumps(row["claim"]): Verdict(**row["verdict"]) for row in rows}
        later = Verdict(NOT_RUN, "claimed or changed after these verdicts were published")
        return [
            Judged(claim, found.get(json.dumps(asdict(claim)), later))
            for claim in self.study.claims
        ]

    def counts(self) -> Counter[tuple[str, str]]:
        """Verdicts by question; a published number counts once, whatever else it is read as."""
        counted = Counter(
            ("number", row.verdict.verdict)
            for row in self.numbers
            if row.published and not row.reading_of
        )
        counted.update((one.claim.question, one.verdict.verdict) for one in self.claims)
        return counted

    def figure(self) -> tuple[str, int, int] | None:
        """Where its picture is, relative to the page, with width and height in CSS pixels.

        The PNG: an SVG's text is set in whatever fonts the reader has, and may be cut off.
        """
        file = self.folder / "figure.png"
        if not file.is_file():
            return None
        with file.open("rb") as stream:
            head = stream.read(24)
        width, height = (int.from_bytes(head[i : i + 4], "big") * 96 / DPI for i in (16, 20))
        return f"{self.place}/figure.png", round(width), round(height)

    def files(self) -> list[str]:
        """Which of the small files are there."""
        names = ("figure.png", "figure.svg", "table.csv", "verdicts.json", "README.md")
        return [name for name in names if (self.folder / name).is_file()]

    def remarks(self) -> str:
        """What was written by hand about its numbers."""
        file = self.folder / "remarks.md"
        return file.read_text() if file.is_file() else ""


def gather(published: Path) -> list[Material]:
    """Every study with what stands in its folder under `published`. Raises Mistake."""
    found = []
    for name, entry in index.current().items():
        folder = published / name
        file = folder / "verdicts.json"
        told = read(file) if file.is_file() else {}
        found.append(Material(load(name), entry["data"], entry["models"], name, folder, told))
    return found


def read(file: Path) -> dict[str, Any]:
    """A JSON mapping. Raises Mistake."""
    try:
        found = json.loads(text(file))
    except json.JSONDecodeError as error:
        raise Mistake(f"{file}: not JSON ({error}); publish the study again") from error
    if not isinstance(found, dict):
        raise Mistake(f"{file}: expected a mapping; publish the study again")
    return found


def total(materials: Iterable[Material]) -> Counter[tuple[str, str, str]]:
    """Verdicts by scale, question and verdict; what was not run has no scale."""
    counted: Counter[tuple[str, str, str]] = Counter()
    for one in materials:
        for (question, verdict), n in one.counts().items():
            scale = NOT_RUN if verdict == NOT_RUN else one.scale
            counted[scale, question, verdict] += n
    return counted


def made(materials: Iterable[Material]) -> Counter[tuple[str, str, str]]:
    """Distinct records by hardware, precision and day: one that serves two studies counts once."""
    counted: Counter[tuple[str, str, str]] = Counter()
    seen: set[str] = set()
    for one in materials:
        keys = {key for keys in one.records.values() for key in keys}
        if keys <= seen:
            continue
        if not keys & seen:
            for row in one.told["made"]:
                counted[hardware(row["hardware"]), row["precision"], row["date"]] += row["records"]
        else:  # partly another study's: read from the records themselves
            for key in sorted(keys - seen):
                counted[where(one.folder / "records" / key / "summary.json")] += 1
        seen |= keys
    return counted


def where(summary: Path) -> tuple[str, str, str]:
    """Hardware, precision and day of a record."""
    machine = read(summary).get("machine", {}) if summary.is_file() else {}
    on = machine.get("hardware") if machine.get("device") in (None, "cpu") else machine["device"]
    return hardware(on), str(machine.get("precision")), str(machine.get("date", ""))[:10]
