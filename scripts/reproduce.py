"""The papers' figures and tables: run what is missing, draw, judge.

    python scripts/reproduce.py list [paper=clr] [data=cifar10]
    python scripts/reproduce.py plan budget=25min [scale=paper]
    python scripts/reproduce.py figure=disciplined/table1 [scale=paper] [seeds=1] [arms=primary]
                                [jobs=2] [run=false] [dry_run=true] [fresh=true] [publish=true]
                                [data_dir=data] [output_dir=outputs]
    python scripts/reproduce.py page [output_dir=outputs]
    python scripts/reproduce.py keys

`figure=` takes studies, one panel of one (`disciplined/fig07c`: its arms), patterns
(`disciplined/*`) or `all`, commas between. Scales: paper (as published), short (a tenth of the
iterations), smoke (seconds, proves plumbing). `arms=` is all, primary or names with commas between.
`run=false` only draws and judges; `fresh=true` trusts no published record. `list` says what there
is, what it takes and what is on disk; `plan` which missing runs settle the most claims in a time;
`page` writes `<output_dir>/published/index.html` from the study files and what is published;
`keys` writes the generated files under conf/ anew. One study that fails does not stop the others.
Status: 0, 1 a run failed, 2 a mistake, 130/143.
"""

import fnmatch
import sys
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from disciplined import command_line
from disciplined.ending import FAULT, MISTAKE, SIGNALS
from disciplined.mistakes import Mistake
from disciplined.studies import index
from disciplined.studies.checks import one_of
from disciplined.studies.columns import aligned
from disciplined.studies.study import SCALES, Study
from disciplined.studies.study_file import ids, load

if TYPE_CHECKING:
    from disciplined.studies.expansion import Run
    from disciplined.studies.judge import Judgement
    from disciplined.studies.ledger import Result
    from disciplined.studies.shelf import Shelf

SIGNALLED = tuple(128 + number for number in SIGNALS)
VERDICTS = ("reproduced", "contradicted", "inconclusive", "not run")


@dataclass
class Options:
    """The command's settings, typed as they are checked."""

    figure: str = ""
    scale: str = "paper"
    arms: str = "all"
    seeds: int | None = None
    jobs: int = 1
    run: bool = True
    dry_run: bool = False
    fresh: bool = False
    publish: bool = False
    data_dir: str | None = None
    output_dir: str = "outputs"


def options(arguments: list[str]) -> Options:
    """The command line's settings. Raises Mistake."""
    if arguments and "=" not in arguments[0]:
        raise Mistake(
            f"{arguments[0]}: no such command; there are list, plan, page, keys and figure=..."
        )
    chosen = command_line.settings(Options, arguments)
    one_of(chosen.scale, SCALES, "scale")
    return chosen


@dataclass
class Listed:
    """The settings of `list`."""

    paper: str = ""
    data: str = ""
    output_dir: str = "outputs"


@dataclass
class Planned:
    """The settings of `plan`."""

    budget: str = ""
    scale: str = "paper"
    data_dir: str | None = None
    output_dir: str = "outputs"


@dataclass
class Outcome:
    """What became of a study: `words` for the table at the end, and a status of its own."""

    words: str
    status: int = 0
    counts: dict[str, int] = field(default_factory=dict)


def list_studies(chosen: Listed) -> str:
    """Every study: its data, networks, runs, images and time, and what is on disk."""
    from disciplined.studies import listing

    output_dir = Path(chosen.output_dir)
    return listing.table(index.current(), output_dir, chosen.paper, chosen.data)


def plan(chosen: Planned) -> str:
    """What to run first in the time there is."""
    from disciplined.studies import planner

    if not chosen.budget:
        raise Mistake("budget= is missing: how long may it take? e.g. plan budget=25min")
    one_of(chosen.scale, ("paper", "short"), "scale")
    places = (("output_dir", chosen.output_dir, "outputs"), ("data_dir", chosen.data_dir, None))
    further = [f"{key}={value}" for key, value, usual in places if value != usual]
    output_dir = Path(chosen.output_dir)
    return planner.plan(index.current(), chosen.scale, chosen.budget, output_dir, further)


def chosen_ids(figure: str) -> dict[str, str | None]:
    """The studies of `figure=`, each once, in its order, and the panel that alone was named.

    Raises Mistake where there is none.
    """
    if not figure:
        raise Mistake(
            f"figure= is missing: there are {', '.join(ids())}; or give list, plan, page or keys"
        )
    found: dict[str, str | None] = {}
    for pattern in figure.split(","):
        if pattern == "all" or set("*?[") & set(pattern):
            these = fnmatch.filter(ids(), "*" if pattern == "all" else pattern)
            if not these:
                raise Mistake(f"figure={pattern}: no study matches; there are {', '.join(ids())}")
        elif pattern not in ids() and pattern[:-1] in ids():  # a panel: disciplined/fig07c
            panels = load(pattern[:-1]).panels
            one_of(pattern[-1], tuple(panels), f"figure={pattern}: panel")
            found.setdefault(pattern[:-1], pattern[-1])
            continue
        else:
            one_of(pattern, tuple(ids()), "figure")
            these = [pattern]
        found |= dict.fromkeys(these)
    return found


def chosen_arms(study: Study, arms: str, panel: str | None = None) -> list[str]:
    """The arms of `arms=`, or those that a panel shows; a name may have commas of its own."""
    if panel and arms == "all":
        shown = study.panels[panel].named() or list(study.arms)
        each = [study.chosen[arm].among if arm in study.chosen else [arm] for arm in shown]
        return [arm for arms in each for arm in arms if arm in study.arms]
    if arms in ("all", "primary"):
        return list(study.arms) if arms == "all" else study.primary
    found, parts = [], arms.split(",")
    while parts:
        heads = [",".join(parts[:n]).strip() for n in range(len(parts), 0, -1)]
        name = next((head for head in heads if head in study.arms), parts[0].strip())
        found.append(name)
        parts = parts[name.count(",") + 1 :]
    return found


def runs_of(study: Study, chosen: Options, panel: str | None = None) -> list["Run"]:
    """The runs asked for. Raises Mistake."""
    from disciplined.studies import expansion

    arms = chosen_arms(study, chosen.arms, panel)
    places = placed(chosen)
    return expansion.expand(study, chosen.scale, arms=arms, seeds=chosen.seeds, places=places)


def placed(chosen: Options) -> tuple[str, ...]:
    """Where things are, as `train.py` is told."""
    data = (f"data_dir={chosen.data_dir}",) if chosen.data_dir else ()
    return (f"output_dir={chosen.output_dir}", *data)


def reproduce(chosen: Options) -> int:
    """Run what is missing of each chosen study, draw and judge it; all that is wrong comes first.

    A study that fails is told, and stands in the table at the end; the others go on.
    """
    from disciplined.studies.shelf import Shelf

    if chosen.publish and chosen.scale == "smoke":
        raise Mistake("publish=true: smoke proves plumbing; there is nothing to stand by")
    names = chosen_ids(chosen.figure)
    shelf = Shelf(Path(chosen.output_dir), chosen.fresh)
    outcomes: dict[str, Outcome] = {}
    studies: dict[str, Study] = {}
    wanted: dict[str, list[Run]] = {}
    for name in names:
        try:
            studies[name] = load(name)
            if chosen.run or chosen.dry_run:
                wanted[name] = runs_of(studies[name], chosen, names[name])
        except Mistake as mistake:
            if len(names) == 1:
                raise
            tell(str(mistake) if str(mistake).startswith(name) else f"{name}: {mistake}")
            outcomes[name] = Outcome(f"a mistake: {mistake}", MISTAKE)
    good = [study for name, study in studies.items() if name not in outcomes]
    if chosen.dry_run:
        print(plan_text([run for study in good for run in wanted[study.id]], shelf))
        return max((outcome.status for outcome in outcomes.values()), default=0)
    for study in good:
        outcome = in_turn(study, wanted.get(study.id), chosen, shelf)
        if outcome.status in SIGNALLED:
            return outcome.status
        outcomes[study.id] = outcome
    if len(names) > 1:
        print(summed_up({name: outcomes[name] for name in names}))
    statuses = {outcome.status for outcome in outcomes.values()} - {0}
    return FAULT if FAULT in statuses else max(statuses, default=0)


def in_turn(study: Study, wanted: list["Run"] | None, chosen: Options, shelf: "Shelf") -> Outcome:
    """One study from its missing runs to its verdicts, whatever goes wrong told and kept."""
    from disciplined.studies import expansion

    try:
        missing = [run for run in expansion.distinct(wanted or []) if not shelf.finished(run.key)]
        status = train(missing, study, chosen) if missing else 0
        if status in SIGNALLED:
            return Outcome("stopped", status)
        text, outcome = shown(study, chosen, shelf, wanted or [])
    except Mistake as mistake:
        tell(f"{study.id}: {mistake}")
        return Outcome(f"a mistake: {mistake}", MISTAKE)
    except Exception as error:
        traceback.print_exc()
        return Outcome(f"failed: {type(error).__name__}: {error}".splitlines()[0], FAULT)
    print(text)
    if status:
        return Outcome(f"runs failed; {outcome.words}", status, outcome.counts)
    return outcome


def summed_up(outcomes: dict[str, Outcome]) -> str:
    """The table at the end of several studies."""
    verdicts = list(dict.fromkeys(v for outcome in outcomes.values() for v in outcome.counts))
    rows = [["study", *verdicts, ""]]
    for name, outcome in outcomes.items():
        counts = [str(outcome.counts.get(verdict) or "") for verdict in verdicts]
        rows.append([name, *counts, outcome.words])
    failed = sum(outcome.status != 0 for outcome in outcomes.values())
    words = f"{len(outcomes)} studies" + (f", {failed} failed" if failed else "")
    return f"{aligned(rows)}\n\n{words}"


def plan_text(asked: list["Run"], shelf: "Shelf") -> str:
    """What would be run."""
    from disciplined.studies import expansion

    wanted = expansion.distinct(asked)
    missing = [run for run in wanted if not shelf.finished(run.key)]
    lacking = {run.key for run in missing}
    rows = [["", "study", "arm", "seed", "iterations", "images", "record"]]
    for run in wanted:
        word = "missing" if run.key in lacking else "there"
        size = [f"{run.iterations:,}", f"{run.images:,}"]
        rows.append([word, run.study, run.arm, str(run.seed), *size, run.key])
    images = sum(run.images for run in missing)
    lines = [aligned(rows), "", f"{len(missing)} of {len(wanted)} runs missing, {images:,} images"]
    for run in {(r.study, r.arm): r for r in reversed(missing)}.values():
        lines.append(f"python train.py {' '.join(run.overrides)}")
    return "\n".join(lines)


def train(missing: list["Run"], study: Study, chosen: Options) -> int:
    """Run what is missing of a study; the status."""
    from disciplined.studies import registration
    from disciplined.sweeps import pool
    from disciplined.sweeps.jobs import Job, ended_line

    entry = registration.entry(study.id, study.file)
    if chosen.scale == "paper" and not entry["committed"]:
        tell(f"{study.id}: its file is not committed; these records will not count as registered")
    images = sum(run.images for run in missing)
    tell(f"{len(missing)} runs to train, {images:,} images, {chosen.jobs} at a time")
    ended = 0

    def tell_run(job: Job, status: str, seconds: float) -> None:
        nonlocal ended
        ended += 1
        tell(ended_line(ended, len(missing), job, status, seconds))

    outcome = pool.train(
        [Job(r.folder, r.overrides, f"{r.study} {r.arm} seed {r.seed}", entry) for r in missing],
        at_once=chosen.jobs,
        logs=Path(chosen.output_dir) / "logs",
        tell=tell_run,
    )
    for job, _, why in outcome.failed:
        tell(f"failed: {job.name}: {why}")
    if outcome.stopped:
        tell("stopped; the same command goes on from here")
        return 128 + outcome.stopped
    if outcome.failed:
        return MISTAKE if outcome.mistakes == len(outcome.failed) else FAULT
    return 0


def shown(
    study: Study, chosen: Options, shelf: "Shelf", wanted: list["Run"]
) -> tuple[str, Outcome]:
    """Draw and judge a study from its records; table and verdicts as text, and in short.

    Where there is nothing at the scale asked for, the next shorter one with records is shown, below
    the author's curves; `smoke` only where asked for.
    """
    from disciplined.studies import calibration, drawing, judge, publish, tables

    if study.architecture:
        return outlined(study, chosen), Outcome("made from the network")
    scale, results = chosen.scale, gather(study, chosen.scale, chosen, shelf, wanted)
    notes = []
    if not results and scale == "paper" and (short := gather(study, "short", chosen, shelf, [])):
        scale, results = "short", short
        notes.append("nothing at scale paper: drawn and judged from the runs at short")
    judgement = judge.judge(study, scale, results)
    rates = []
    if study.calibrate and scale != "smoke":
        rates = calibration.of(study, results)
    folder = Path(chosen.output_dir) / "figures" / study.id / scale
    drawn = drawing.draw(study, scale, results, folder)
    publish.report(study, judgement, results, rates, folder)
    lines = [f"{study.id}: {study.title} (scale {scale})", "", tables.text(study, judgement), ""]
    lines += [f"  {tables.claim_line(judged)}" for judged in judgement.claims]
    lines += [f"  {rate.words()}" for rate in rates]
    lines += [f"  study file: {judgement.registered}"]
    lines += [f"  beware: {words}" for words in (*notes, *judgement.warnings())]
    lines += [f"  {file}" for file in drawn]
    if chosen.publish:
        stands = Path(chosen.output_dir) / "published" / study.id
        lines.append(
            f"  published: {publish.publish(study, judgement, results, rates, drawn, stands)}"
        )
    runs = sum(map(len, results.values()))
    words = f"{runs} records at {scale}" if runs else "no records"
    return "\n".join(lines) + "\n", Outcome(words, counts=verdicts(judgement))


def outlined(study: Study, chosen: Options) -> str:
    """The tables of networks of a study as text, kept beside the figures of the others."""
    from disciplined.studies import architecture

    stands = Path(chosen.output_dir) / "published" / study.id
    folder = Path(chosen.output_dir) / "figures" / study.id / "paper"
    found = architecture.made(study, *(() if chosen.fresh else (folder, stands)))
    pages = [architecture.write_tables(study, found, folder)]
    if chosen.publish:
        pages.append(architecture.write_tables(study, found, stands))
    lines = [f"{study.id}: {study.title}", "", architecture.text(found), ""]
    return "\n".join([*lines, *(f"  {page}" for page in pages)]) + "\n"


def verdicts(judgement: "Judgement") -> dict[str, int]:
    """How many numbers and claims came out how."""
    found = [row.verdict.verdict for row in judgement.numbers if row.published]
    found += [judged.verdict.verdict for judged in judgement.claims]
    return {word: found.count(word) for word in VERDICTS}


def gather(
    study: Study, scale: str, chosen: Options, shelf: "Shelf", wanted: list["Run"]
) -> dict[str, list["Result"]]:
    """All finished results of a study at a scale, more seeds than its own where asked for.

    They are found by the index where that is current and has the keys of what was just composed
    (`wanted`); composing hundreds of arms takes a minute. Of smoke only those are shown.
    """
    from disciplined.studies import expansion, ledger

    seeds = max(study.seeds[scale], chosen.seeds or 0)
    places = placed(chosen)
    runs = wanted if scale == "smoke" and wanted else None
    if runs is None and (told := index.kept(study.id)):
        runs = expansion.indexed(study, told, scale, seeds=seeds, places=places)
        if runs is not None and not {run.key for run in wanted} <= {run.key for run in runs}:
            runs = None  # a choice of conf/ has changed since
    if runs is None:
        runs = expansion.expand(study, scale, seeds=seeds, places=places)
    return ledger.results(runs, shelf)


def page(chosen: Options) -> str:
    """Write the page of everything; where it is and what came back."""
    from disciplined.studies.page import document

    file, summary = document.page(Path(chosen.output_dir) / "published")
    return f"{file}\n{summary}"


def only(command: str, arguments: list[str], *settings: str) -> list[str]:
    """The arguments of a command that has no other settings. Raises Mistake."""
    for argument in arguments:
        if argument.partition("=")[0] not in settings:
            takes = f"only {', '.join(settings)}=" if settings else "no settings"
            raise Mistake(f"{command} {argument}: {command} takes {takes}")
    return arguments


def tell(line: str) -> None:
    """A line of progress."""
    print(line, file=sys.stderr, flush=True)


def main(arguments: list[str]) -> int:
    """The command; returns its status."""
    if not arguments or {"-h", "--help"} & set(arguments):
        print(__doc__)
        return 0
    command, rest = arguments[0], arguments[1:]
    if command == "list":
        print(list_studies(command_line.settings(Listed, rest)))
        return 0
    if command == "plan":
        print(plan(command_line.settings(Planned, rest)))
        return 0
    if command == "page":
        print(page(options(only(command, rest, "output_dir"))))
        return 0
    if command == "keys":
        options(only(command, rest))
        print("\n".join(map(str, index.generate())))
        return 0
    return reproduce(options(arguments))


if __name__ == "__main__":
    command_line.run(main)
