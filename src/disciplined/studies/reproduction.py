"""Several studies: run what is missing of each, draw it, judge it; one that fails stops no other.

Runs are trained a few at a time by `disciplined.sweeps.pool`. Where nothing is to be trained,
studies are drawn a process each on every core.
"""

import functools
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from disciplined.columns import aligned
from disciplined.command_line import tell
from disciplined.ending import FAULT, MISTAKE, SIGNALS
from disciplined.mistakes import Mistake
from disciplined.studies import asked
from disciplined.studies.forked import in_order
from disciplined.studies.shelf import Shelf
from disciplined.studies.showing import Outcome, Request, shown
from disciplined.studies.study import Study
from disciplined.studies.study_file import load
from disciplined.sweeps.shares import cores

if TYPE_CHECKING:
    from disciplined.studies.expansion import Run

SIGNALLED = tuple(128 + number for number in SIGNALS)


@dataclass
class Options:
    """What is asked of `reproduce.py figure=`, typed as it is checked.

    jobs: runs trained or studies drawn at a time; None for one run, or a drawing for every core.
    launcher: Hydra's settings, where the runs go elsewhere.
    """

    figure: str = ""
    scale: str = "paper"
    arms: str = "all"
    seeds: int | None = None
    jobs: int | None = None
    run: bool = True
    dry_run: bool = False
    fresh: bool = False
    publish: bool = False
    data_dir: str | None = None
    output_dir: str = "outputs"
    launcher: tuple[str, ...] = field(default=(), init=False)

    @property
    def places(self) -> tuple[str, ...]:
        """Where things are, as `train.py` is told."""
        data = (f"data_dir={self.data_dir}",) if self.data_dir else ()
        return (f"output_dir={self.output_dir}", *data)

    @property
    def showing(self) -> Request:
        """How each study is shown."""
        return Request(
            *(self.scale, Path(self.output_dir), self.seeds, self.places),
            *(self.fresh, self.publish),
        )


def reproduce(chosen: Options) -> int:
    """Run what is missing of each chosen study, draw and judge it; all that is wrong comes first.

    A study that fails is told, and stands in the table at the end; the others go on. Returns the
    status. Raises Mistake where nothing can be done at all.
    """
    if chosen.publish and chosen.scale == "smoke":
        raise Mistake("publish=true: smoke proves plumbing; there is nothing to stand by")
    names = asked.chosen_ids(chosen.figure)
    shelf = Shelf(Path(chosen.output_dir), chosen.fresh)
    if len(names) > 1 and not chosen.run and not chosen.dry_run:
        outcomes = redrawn(list(names), chosen, shelf)
        print(summed_up(outcomes))
        return worst(outcomes)
    outcomes, studies = {}, {}
    wanted: dict[str, list[Run]] = {}
    for name, panel in names.items():
        try:
            studies[name] = load(name)
            if chosen.run or chosen.dry_run:
                wanted[name] = runs_of(studies[name], chosen, panel)
        except Mistake as mistake:
            if len(names) == 1:
                raise
            outcomes[name] = mistaken(name, mistake)
    good = [study for name, study in studies.items() if name not in outcomes]
    if chosen.dry_run:
        runs = [run for study in good for run in wanted[study.id]]
        print(asked.plan_text(runs, lacking(runs, shelf)))
        return worst(outcomes)
    trained = None
    if chosen.launcher:
        runs = [run for study in good for run in wanted.get(study.id, [])]
        trained = train(runs, good, chosen, shelf)
        if trained.stopped:
            return 128 + trained.stopped
    for study in good:
        runs = wanted.get(study.id, [])
        outcomes[study.id] = in_turn(study, runs, chosen, shelf, trained)
        if outcomes[study.id].status in SIGNALLED:
            return outcomes[study.id].status
    if len(names) > 1:
        print(summed_up({name: outcomes[name] for name in names}))
    return worst(outcomes)


def worst(outcomes: dict[str, Outcome]) -> int:
    """The status of them all: a fault weighs more than a mistake."""
    statuses = {outcome.status for outcome in outcomes.values()} - {0}
    return FAULT if FAULT in statuses else max(statuses, default=0)


def runs_of(study: Study, chosen: Options, panel: str | None) -> list["Run"]:
    """The runs asked for. Raises Mistake."""
    from disciplined.studies import expansion

    arms = asked.chosen_arms(study, chosen.arms, panel)
    return expansion.expand(
        study, chosen.scale, arms=arms, seeds=chosen.seeds, places=chosen.places
    )


def lacking(runs: list["Run"], shelf: Shelf) -> list["Run"]:
    """Those of the runs that nobody has finished, each once."""
    from disciplined.studies import expansion

    return [run for run in expansion.distinct(runs) if not shelf.finished(run.key)]


def in_turn(
    study: Study,
    wanted: list["Run"],
    chosen: Options,
    shelf: Shelf,
    trained: "Trained | None",
) -> Outcome:
    """One study from its missing runs to its verdicts, whatever goes wrong told and kept.

    trained: what became of its runs where they were trained before.
    """

    def trained_and_shown() -> tuple[str, Outcome]:
        ended = trained or train(wanted, [study], chosen, shelf)
        if ended.stopped:
            return "", Outcome("stopped", 128 + ended.stopped)
        status = ended.status({run.key for run in wanted})
        text, outcome = shown(study, chosen.showing, shelf, wanted)
        if status:
            outcome = Outcome(f"runs failed; {outcome.words}", status, outcome.counts)
        return text, outcome

    text, outcome = guarded(study.id, trained_and_shown)
    if text:
        print(text)
    return outcome


def guarded(name: str, work: Callable[[], tuple[str, Outcome]]) -> tuple[str, Outcome]:
    """What `work` gives, or what went wrong with the study, told."""
    try:
        return work()
    except Mistake as mistake:
        return "", mistaken(name, mistake)
    except Exception as error:
        traceback.print_exc()
        return "", Outcome(f"failed: {type(error).__name__}: {error}".splitlines()[0], FAULT)


def mistaken(name: str, mistake: Mistake) -> Outcome:
    """The outcome of a study whose file or runs are wrong, told."""
    tell(str(mistake) if str(mistake).startswith(name) else f"{name}: {mistake}")
    return Outcome(f"a mistake: {mistake}", MISTAKE)


def redrawn(names: list[str], chosen: Options, shelf: Shelf) -> dict[str, Outcome]:
    """Every study drawn and judged from what there is, `jobs` at a time, told in their order."""
    import matplotlib.backends.backend_agg
    import matplotlib.backends.backend_svg
    import matplotlib.figure  # noqa: F401  # once, before the processes part

    work = functools.partial(redraw, chosen=chosen, shelf=shelf)
    killed = "", Outcome("failed: its process was killed", FAULT)
    jobs = chosen.jobs or len(cores())
    outcomes = {}
    for name, (text, outcome) in zip(names, in_order(work, names, jobs, killed), strict=True):
        if text:
            print(text, flush=True)
        outcomes[name] = outcome
    return outcomes


def redraw(name: str, chosen: Options, shelf: Shelf) -> tuple[str, Outcome]:
    """One study from its file and its records."""
    return guarded(name, lambda: shown(load(name), chosen.showing, shelf, []))


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


@dataclass
class Trained:
    """What became of runs that were missing: the exit status of each that failed, by key."""

    failed: dict[str, int] = field(default_factory=dict)
    stopped: int | None = None

    def status(self, keys: set[str]) -> int:
        """Of the study that wants these runs: a fault weighs more than a mistake."""
        found = [status for key, status in self.failed.items() if key in keys]
        if not found:
            return 0
        return MISTAKE if all(status == MISTAKE for status in found) else FAULT


def train(wanted: list["Run"], studies: list[Study], chosen: Options, shelf: Shelf) -> Trained:
    """Run what is missing of these studies' runs, here or where the launcher says."""
    from disciplined.studies import expansion, registration
    from disciplined.sweeps import launchers
    from disciplined.sweeps.jobs import Job, Progress

    missing = lacking(wanted, shelf)
    if not missing:
        return Trained()
    lack = {run.study for run in missing}
    entries = {s.id: registration.entry(s.id, s.file) for s in studies if s.id in lack}
    for name, entry in entries.items():
        if chosen.scale == "paper" and not entry["committed"]:
            tell(f"{name}: its file is not committed; these records will not count as registered")
    own = chosen.launcher or (f"hydra.launcher.jobs={chosen.jobs or 1}",)
    output = Path(chosen.output_dir)
    folder = launchers.folder(output)
    launcher = launchers.chosen(own, folder)
    images, where = sum(run.images for run in missing), f"{chosen.jobs or 1} at a time"
    where = " ".join(chosen.launcher) or where
    tell(f"{len(missing)} runs to train, {images:,} images, {where}")
    outcome = launcher.train(
        [
            Job(r.folder, r.overrides, f"{r.study} {r.arm} seed {r.seed}", entries[r.study])
            for r in missing
        ],
        of=max(chosen.jobs or 1, len(expansion.distinct(wanted))),
        folder=folder,
        logs=output / "logs",
        tell=Progress(len(missing)).tell,
    )
    for job, _, why in outcome.failed:
        tell(f"failed: {job.name}: {why}")
    if outcome.stopped:
        tell("stopped; the same command goes on from here")
    return Trained({job.key: status for job, status, _ in outcome.failed}, outcome.stopped)
