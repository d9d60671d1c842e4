"""The papers' figures and tables: run what is missing, draw, judge.

    python scripts/reproduce.py list
    python scripts/reproduce.py figure=disciplined/table1 [scale=paper] [seeds=1] [arms=primary]
                                [jobs=2] [run=false] [dry_run=true] [fresh=true] [publish=true]
                                [data_dir=data] [output_dir=outputs]
    python scripts/reproduce.py page [output_dir=outputs]
    python scripts/reproduce.py keys

`figure=` takes a study, a pattern (`disciplined/*`) or `all`. Scales: paper (as published), short
(a tenth of the iterations), smoke (seconds, proves plumbing). `arms=` is all, primary or names
with commas between. `run=false` only draws and judges; `fresh=true` trusts no published record.
`page` writes `<output_dir>/published/index.html` from the study files and what is published.
`keys` writes the generated files under conf/ anew. Status: 0, 1 a run failed, 2 a mistake, 130/143.
"""

import fnmatch
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from disciplined import command_line
from disciplined.mistakes import Mistake
from disciplined.studies import index
from disciplined.studies.checks import one_of
from disciplined.studies.columns import aligned
from disciplined.studies.study import SCALES, Study
from disciplined.studies.study_file import ids, load

if TYPE_CHECKING:
    from disciplined.studies.expansion import Run
    from disciplined.studies.ledger import Result


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
        raise Mistake(f"{arguments[0]}: no such command; there are list, page, keys and figure=...")
    chosen = command_line.settings(Options, arguments)
    one_of(chosen.scale, SCALES, "scale")
    return chosen


def list_studies(chosen: Options) -> str:
    """Every study: its data, networks, runs and images at paper scale, and what is on disk."""
    there = index.settings_on_disk(Path(chosen.output_dir) / "runs")
    rows = [["study", "title", "data", "networks", "runs", "images", *(f"{s}" for s in SCALES)]]
    for name, told in index.current().items():
        paper = told["scales"]["paper"]
        images = sum(arm["images"] for arm in paper.values()) * told["seeds"]["paper"]
        counts = []
        for scale in SCALES:
            seeds = told["seeds"][scale]
            arms = told["scales"][scale].values()
            done = sum(min(seeds, there.get(arm["setting"], 0)) for arm in arms)
            counts.append(f"{done}/{len(arms) * seeds}")
        rows.append(
            [
                *(name, told["title"], ", ".join(told["data"]), ", ".join(told["models"])),
                *(str(len(paper) * told["seeds"]["paper"]), f"{images / 1e6:,.1f}M", *counts),
            ]
        )
    return aligned(rows) + "\n\nruns and images: at paper scale; paper, short, smoke: on disk/all"


def chosen_studies(pattern: str) -> list[Study]:
    """The studies of `figure=`. Raises Mistake where there is none."""
    if not pattern:
        raise Mistake(
            f"figure= is missing: there are {', '.join(ids())}; or give list, page or keys"
        )
    if pattern == "all" or "*" in pattern:
        found = fnmatch.filter(ids(), "*" if pattern == "all" else pattern)
        if not found:
            raise Mistake(f"figure={pattern}: no study matches; there are {', '.join(ids())}")
        return [load(name) for name in found]
    return [load(pattern)]


def chosen_arms(study: Study, arms: str) -> list[str]:
    """The arms of `arms=`."""
    if arms in ("all", "primary"):
        return list(study.arms) if arms == "all" else study.primary
    return [arm.strip() for arm in arms.split(",")]


def reproduce(chosen: Options) -> int:
    """Run what is missing of the chosen studies, then draw and judge each."""
    from disciplined.studies import expansion, ledger

    studies = chosen_studies(chosen.figure)
    places = (f"output_dir={chosen.output_dir}",)
    if chosen.data_dir:
        places = (*places, f"data_dir={chosen.data_dir}")
    wanted = [
        run
        for study in studies
        for run in expansion.expand(
            study,
            chosen.scale,
            arms=chosen_arms(study, chosen.arms),
            seeds=chosen.seeds,
            places=places,
        )
    ]
    wanted = expansion.distinct(wanted)
    missing = [run for run in wanted if not ledger.result(run, published(chosen, run.study))]
    if chosen.dry_run:
        print(plan_text(wanted, missing))
        return 0
    status = train(missing, studies, chosen) if chosen.run and missing else 0
    if status in (130, 143):
        return status
    for study in studies:
        print(shown(study, chosen, places))
    return status


def published(chosen: Options, study: str) -> Path | None:
    """Where the records that the project stands by would be."""
    return None if chosen.fresh else Path(chosen.output_dir) / "published" / study


def plan_text(wanted: list["Run"], missing: list["Run"]) -> str:
    """What would be run."""
    lacking = {run.key for run in missing}
    rows = [["", "study", "arm", "seed", "iterations", "images", "record"]]
    for run in wanted:
        word = "missing" if run.key in lacking else "there"
        size = [f"{run.plan.iterations:,}", f"{run.plan.images:,}"]
        rows.append([word, run.study, run.arm, str(run.seed), *size, run.key])
    images = sum(run.plan.images for run in missing)
    lines = [aligned(rows), "", f"{len(missing)} of {len(wanted)} runs missing, {images:,} images"]
    for run in {(r.study, r.arm): r for r in reversed(missing)}.values():
        lines.append(f"python train.py {' '.join(run.overrides)}")
    return "\n".join(lines)


def train(missing: list["Run"], studies: list[Study], chosen: Options) -> int:
    """Run what is missing; the status."""
    from disciplined.studies import registration
    from disciplined.sweeps import pool
    from disciplined.sweeps.jobs import Job, ended_line

    entries = {study.id: registration.entry(study.id, study.file) for study in studies}
    for study in studies:
        if chosen.scale == "paper" and not entries[study.id]["committed"]:
            tell(
                f"{study.id}: its file is not committed; these records will not count as registered"
            )
    images = sum(run.plan.images for run in missing)
    tell(f"{len(missing)} runs to train, {images:,} images, {chosen.jobs} at a time")
    ended = 0

    def tell_run(job: Job, status: str, seconds: float) -> None:
        nonlocal ended
        ended += 1
        tell(ended_line(ended, len(missing), job, status, seconds))

    outcome = pool.train(
        [
            Job(r.plan.folder, r.overrides, f"{r.study} {r.arm} seed {r.seed}", entries[r.study])
            for r in missing
        ],
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
        return 2 if outcome.mistakes == len(outcome.failed) else 1
    return 0


def shown(study: Study, chosen: Options, places: tuple[str, ...]) -> str:
    """Draw and judge a study from its records; table and verdicts as text.

    Where there is nothing at the scale asked for, the next shorter one with records is shown, below
    the author's curves; `smoke` only where asked for.
    """
    from disciplined.studies import calibration, drawing, judge, publish, tables

    scale, results = chosen.scale, gather(study, chosen.scale, chosen, places)
    notes = []
    if not results and scale == "paper" and (short := gather(study, "short", chosen, places)):
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
        if scale == "smoke":
            raise Mistake("publish=true: smoke proves plumbing; there is nothing to stand by")
        stands = Path(chosen.output_dir) / "published" / study.id
        lines.append(
            f"  published: {publish.publish(study, judgement, results, rates, drawn, stands)}"
        )
    return "\n".join(lines) + "\n"


def gather(
    study: Study, scale: str, chosen: Options, places: tuple[str, ...]
) -> dict[str, list["Result"]]:
    """All finished results of a study at a scale, more seeds than its own where asked for."""
    from disciplined.studies import expansion, ledger

    seeds = max(study.seeds[scale], chosen.seeds or 0)
    runs = expansion.expand(study, scale, seeds=seeds, places=places)
    return ledger.results(runs, published(chosen, study.id))


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
        print(list_studies(options(only(command, rest, "output_dir"))))
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
