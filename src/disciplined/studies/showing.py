"""One study from its records to its picture, table and verdicts.

No torch; no Hydra where the index is current.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from disciplined.studies import index_file
from disciplined.studies.published import SCALES, SHORT, WHOLE, has_runs, page_folder, seeds
from disciplined.studies.study import Study

if TYPE_CHECKING:
    from disciplined.studies.expansion import Run
    from disciplined.studies.judging.calibration import Rate
    from disciplined.studies.judging.judge import Judgement
    from disciplined.studies.ledger import Result
    from disciplined.studies.shelf import Shelf

VERDICTS = ("reproduced", "contradicted", "inconclusive", "not run")


@dataclass(frozen=True)
class Request:
    """How to show a study. seeds: how many of an arm at least, None for the usual; places: where
    things are, as `train.py` is told; publish: whether to stand by it; fresh: trust nothing
    published."""

    scale: str
    output_dir: Path
    seeds: int | None = None
    places: tuple[str, ...] = ()
    fresh: bool = False
    publish: bool = False


@dataclass
class Outcome:
    """What became of a study: `words` for the table at the end, and a status of its own."""

    words: str
    status: int = 0
    counts: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Told:
    """A study at a scale: its records, what they say, and the pictures of them."""

    scale: str
    results: dict[str, list["Result"]]
    judgement: "Judgement"
    rates: list["Rate"]
    drawn: list[Path]


def shown(
    study: Study, request: Request, shelf: "Shelf", wanted: list["Run"]
) -> tuple[str, Outcome]:
    """Draw and judge a study from its records; table and verdicts as text, and in short.

    Where there is nothing at the scale asked for, the next shorter one with records is shown, below
    the author's curves; `smoke` only where asked for. wanted: the runs just composed, if any.
    """
    from disciplined.studies import tables

    if study.architecture:
        return outlined(study, request), Outcome("made from the network")
    scale, results = request.scale, gather(study, request.scale, request, shelf, wanted)
    notes = []
    if not results and scale == WHOLE and (short := gather(study, SHORT, request, shelf, [])):
        scale, results = SHORT, short
        notes.append("nothing at scale paper: drawn and judged from the runs at short")
    told = judged(study, scale, results, request)
    judgement = told.judgement
    lines = [f"{study.id}: {study.title} (scale {scale})", "", tables.text(study, judgement), ""]
    lines += [f"  {tables.claim_line(claim)}" for claim in judgement.claims]
    lines += [f"  {rate.words()}" for rate in told.rates]
    lines += [f"  study file: {judgement.registered}"]
    lines += [f"  beware: {words}" for words in (*notes, *judgement.warnings())]
    lines += [f"  {file}" for file in told.drawn]
    lines += ["  no figure: nothing run, logged or published"] * (not told.drawn)
    if request.publish:
        pages = publish_all(study, told, request, shelf)
        nothing = ["nothing, for want of records and anything to draw"]
        lines += [f"  published: {page}" for page in pages or nothing]
    runs = sum(map(len, results.values()))
    words = f"{runs} records at {scale}" if runs else "no records"
    return "\n".join(lines) + "\n", Outcome(words, counts=verdicts(judgement))


def judged(study: Study, scale: str, results: dict[str, list["Result"]], request: Request) -> Told:
    """A study judged and drawn at a scale; all of it is written below the output folder."""
    from disciplined.studies import publish
    from disciplined.studies.figures import drawing
    from disciplined.studies.judging import calibration, judge

    judgement = judge.judge(study, scale, results)
    rates = calibration.of(study, results) if study.calibrate and scale != "smoke" else []
    folder = request.output_dir / "figures" / study.id / scale
    drawn = drawing.draw(study, scale, results, folder)
    publish.report(study, judgement, results, rates, folder)
    return Told(scale, results, judgement, rates, drawn)


def publish_all(study: Study, told: Told, request: Request, shelf: "Shelf") -> list[Path]:
    """Stand by a study at every scale that has records, since the pages point to each other.

    Without any there is one page of what else can be drawn (the author's curves, published values,
    schedules); none where nothing can.
    """
    from disciplined.studies import publish

    found: list[Told] = []
    for scale in SCALES:
        if scale == told.scale:
            found += [told] * bool(told.results or (scale == WHOLE and told.drawn))
        elif results := gather(study, scale, request, shelf, []):
            found.append(judged(study, scale, results, request))
    beside = [one.scale for one in found if one.results]
    stands = request.output_dir / "published" / study.id
    if not found and told.scale == WHOLE and not has_runs(stands):
        publish.withdraw(stands)
    return [
        publish.publish(study, one.judgement, one.results, one.rates, one.drawn, stands, beside)
        for one in found
    ]


def outlined(study: Study, request: Request) -> str:
    """The tables of networks of a study as text, kept beside the figures of the others."""
    from disciplined.studies import architecture

    stands = request.output_dir / "published" / study.id
    folder = request.output_dir / "figures" / study.id / "paper"
    found = architecture.made(study, *(() if request.fresh else (folder, stands)))
    pages = [architecture.write_tables(study, found, folder)]
    if request.publish:
        pages.append(architecture.write_tables(study, found, stands))
    lines = [f"{study.id}: {study.title}", "", architecture.text(found), ""]
    return "\n".join([*lines, *(f"  {page}" for page in pages)]) + "\n"


def verdicts(judgement: "Judgement") -> dict[str, int]:
    """How many numbers and claims came out how."""
    found = [row.verdict.verdict for row in judgement.numbers if row.published]
    found += [judged.verdict.verdict for judged in judgement.claims]
    return {word: found.count(word) for word in VERDICTS}


def gather(
    study: Study, scale: str, request: Request, shelf: "Shelf", wanted: list["Run"]
) -> dict[str, list["Result"]]:
    """The finished results of a study at a scale: of its own seeds, of as many as decide something,
    as many as asked for and as many as are published.

    They are found by the index where that is current and has the keys of what was just composed;
    composing hundreds of arms takes a minute. Of smoke only what was composed is shown.
    """
    from disciplined.studies import expansion, ledger

    folder = page_folder(request.output_dir / "published" / study.id, scale)
    published = 0 if request.fresh or scale not in SCALES else seeds(folder)
    count = study.seeds_shown(scale, max(request.seeds or 0, published))
    runs = wanted if scale == "smoke" and wanted else None
    if runs is None and (told := index_file.kept(study.id)):
        runs = expansion.indexed(study, told, scale, seeds=count, places=request.places)
        if runs is not None and not {run.key for run in wanted} <= {run.key for run in runs}:
            runs = None  # planning has changed since
    if runs is None:
        runs = expansion.expand(study, scale, seeds=count, places=request.places)
    return ledger.results(runs, shelf)
