"""What the page is made of: every study file, with what was published for it."""

import json
from collections import Counter
from collections.abc import Hashable, Iterable
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from disciplined.columns import hardware
from disciplined.studies import author, index, published
from disciplined.studies.judging import judge, numbers
from disciplined.studies.judging.evidence import (
    CONTRADICTED,
    INCONCLUSIVE,
    NOT_RUN,
    REPRODUCED,
    Verdict,
)
from disciplined.studies.judging.judge import Judged
from disciplined.studies.judging.numbers import Number
from disciplined.studies.published import SHORT, WHOLE
from disciplined.studies.study import ENOUGH, Claim, Published, Study
from disciplined.studies.study_file import load

VERDICTS = (REPRODUCED, CONTRADICTED, INCONCLUSIVE, NOT_RUN)
DRAWN = "drawn"  # the scale of a study drawn from its schedules: nothing to train
DPI = 220  # of the pictures, see drawing
Cell = tuple[str, str, str]  # a verdict's scale, question and word
QUESTIONS = ("number", "as_published", "fair", "open")


@dataclass(frozen=True)
class Material:
    """A study with what was published for it at a scale.

    told: its verdicts.json, empty where there is none; folder: where that stands, and place the
    same relative to the page; shorter: what was published of a tenth of the iterations, beside
    whole runs; trained: by arm, what names its training in every study.
    """

    study: Study
    data: list[str]
    models: list[str]
    place: str
    folder: Path
    told: dict[str, Any] = field(default_factory=dict)
    shorter: "Material | None" = None
    trained: dict[str, str] = field(default_factory=dict)

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
    def pages(self) -> "list[Material]":
        """The study at every scale that was published, the longest first."""
        return [self, *filter(None, [self.shorter])]

    def record(self, key: str) -> tuple[str, Path]:
        """A record of it: its place relative to the page, and its folder."""
        home = self.folder if self.place == self.study.id else self.folder.parent
        return f"{self.study.id}/records/{key}", home / "records" / key

    @property
    def command(self) -> str:
        """What makes it again."""
        if not self.study.trains:
            return self.study.command()
        return self.study.command(self.scale if self.runs else WHOLE, self.told.get("seeds"))

    @cached_property
    def logs(self) -> dict[str, author.Log]:
        """The author's logs by arm."""
        return {arm: author.log(name) for arm, name in self.study.author.items()}

    @cached_property
    def numbers(self) -> list[Number]:
        """The rows of the table, as judged; without records as they stand in the study file."""
        if not self.runs:
            return numbers.numbers(self.study, "paper", {}, self.logs)
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

    @cached_property
    def settled(self) -> "list[tuple[Material, Judged]]":
        """Every claim as judged at the longest scale that can settle it; where none can, at the
        longest that says anything."""
        found = []
        for claims in zip(*(one.claims for one in self.pages), strict=True):
            told = list(zip(self.pages, claims, strict=True))
            run = [(one, c) for one, c in told if c.verdict.verdict != NOT_RUN]
            settles = [(one, c) for one, c in run if one.settles(c.claim)]
            measured = [(one, c) for one, c in told if c.verdict.measured]
            found.append((settles or run or measured or told)[0])
        return found

    def settles(self, claim: Claim) -> bool:
        """Whether every arm that the claim reads has runs enough to decide something."""
        reads = self.study.reads(claim)
        return bool(reads) and all(len(self.records.get(arm, ())) >= ENOUGH for arm in reads)

    @cached_property
    def printed(self) -> "list[tuple[Hashable, Number]]":
        """The published numbers, run or not, whatever else they are read as, each with what names
        it in every study."""
        return [
            (self.names(row.arm, row.metric, row.published), row)
            for row in self.numbers
            if row.published and not row.reading_of
        ]

    def names(self, arm: str, metric: str, published: Published) -> Hashable:
        """What is the same in every study that prints this number of this training."""
        training = self.trained.get(arm, (self.study.id, arm))
        return training, metric, published.at, published.value, published.std

    def counts(self) -> Counter[Cell]:
        """How many numbers and claims have which verdict; a number is for whole runs only."""
        return Counter(
            [cell(self, "number", row.verdict) for _, row in self.printed]
            + [cell(one, j.claim.question, j.verdict) for one, j in self.settled]
        )

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


def cell(one: Material, question: str, verdict: Verdict) -> Cell:
    """Where a verdict counts; what was not run has no scale."""
    scale = NOT_RUN if verdict.verdict == NOT_RUN else one.scale
    return scale, question, verdict.verdict


def gather(folder: Path) -> list[Material]:
    """Every study with what stands in its folder under the published one. Raises Mistake."""
    found = []
    for name, entry in index.current().items():
        study = load(name)
        trained = {arm: keys[0] for arm, keys in entry["published"].items()}
        pages = [
            Material(
                *(study, entry["data"], entry["models"], place, folder / place, told),
                trained=trained,
            )
            for place, told in (
                (name, published.told(folder / name)),
                (f"{name}/{SHORT}", published.told(folder / name / SHORT)),
            )
        ]
        found.append(joined(*pages))
    return found


def joined(whole: Material, tenth: Material) -> Material:
    """A study's whole runs with those of a tenth of the iterations; either alone where the other
    has none."""
    if not tenth.runs:
        return whole
    return replace(whole, shorter=tenth) if whole.runs else tenth


def counting(materials: Iterable[Material]) -> list[Material]:
    """The studies that count; what was planted, to try the judge, does not."""
    return [one for one in materials if not one.study.planted]


def total(materials: Iterable[Material]) -> Counter[Cell]:
    """How many numbers and claims have which verdict. A number that several studies print of the
    same training counts once, by the most runs."""
    found: Counter[Cell] = Counter()
    numbers: dict[Hashable, tuple[int, Cell]] = {}
    for one in counting(materials):
        found.update(cell(at, j.claim.question, j.verdict) for at, j in one.settled)
        for of, row in one.printed:
            runs = row.n if one.scale == WHOLE else 0  # of a tenth they say nothing of a number
            told = runs, cell(one, "number", row.verdict)
            numbers[of] = max(numbers.get(of, told), told, key=lambda known: known[0])
    found.update(counts for _, counts in numbers.values())
    return found


def made(materials: Iterable[Material]) -> Counter[tuple[str, str, str]]:
    """Distinct records by hardware, precision and day: one that serves two studies counts once."""
    counted: Counter[tuple[str, str, str]] = Counter()
    seen: set[str] = set()
    for one in (page for material in materials for page in material.pages):
        keys = {key for keys in one.records.values() for key in keys}
        if keys <= seen:
            continue
        if not keys & seen:
            for row in one.told["made"]:
                counted[hardware(row["hardware"]), row["precision"], row["date"]] += row["records"]
        else:  # partly another study's: read from the records themselves
            for key in sorted(keys - seen):
                counted[where(one.record(key)[1] / "summary.json")] += 1
        seen |= keys
    return counted


def where(summary: Path) -> tuple[str, str, str]:
    """Hardware, precision and day of a record."""
    machine = published.read(summary).get("machine", {}) if summary.is_file() else {}
    on = machine.get("hardware") if machine.get("device") in (None, "cpu") else machine["device"]
    return hardware(on), str(machine.get("precision")), str(machine.get("date", ""))[:10]
