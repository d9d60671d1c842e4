"""A sweep: every combination of comma-separated values, each job a run with a record of its own.

Hydra's parser expands the grid and one of its launchers places the jobs (`hydra/launcher=...`;
`local` unless another is named). What became of each is read from its record: the ledger knows
nothing of who started a run, and the same command again does only what is missing.
"""

import sys

from disciplined import command_line
from disciplined.columns import aligned
from disciplined.ending import DIVERGED, DONE, FAULT, MISTAKE
from disciplined.sweeps import launchers, results
from disciplined.sweeps.grid import Place, expand
from disciplined.sweeps.jobs import Job, Progress
from disciplined.sweeps.pool import Outcome
from disciplined.training.config import compose
from disciplined.training.own_code import notice
from disciplined.training.record import Record


def main(overrides: list[str]) -> int:
    """Run what is missing of the grid that `overrides` span; show all of it.

    Returns 0 where every job is done; else 1 if one failed, 2 if only the user's mistakes did, 3 if
    some diverged and none failed; 130 or 143 where a signal stopped it. Every such job is named.
    Raises `Mistake` for a combination that cannot run, before any job is started.
    """
    places = expand(overrides)
    force = places[0].asked.force
    missing = [p for p in places if p.missing]
    if places[0].asked.dry_run:
        print(plan_text(places, missing))
        return 0
    failed: dict[str, int] = {}
    if warning := changed(places, missing):
        print(warning, file=sys.stderr)
    if missing:
        print(f"{len(missing)} of {len(places)} jobs to train", file=sys.stderr)
        own = [o for o in overrides if command_line.of_hydra(o)]
        outcome = train(missing, len(places), own, logged(places))
        if outcome.stopped:
            how = "the same command without force=true" if force else "the same command"
            print(f"stopped; {how} goes on from here", file=sys.stderr)
            return 128 + outcome.stopped
        failed = {job.name: status for job, status, _ in outcome.failed}
    print(results.report(places))
    told = {p.name: said(p) for p in places}
    told |= dict.fromkeys(failed, "failed")
    bad = {name: word for name, word in told.items() if word != "done"}
    for name, word in bad.items():
        print(f"{word}: {name}", file=sys.stderr)
    failures = [name for name, word in bad.items() if word != "diverged"]
    if failures and all(failed.get(name) == MISTAKE for name in failures):
        return MISTAKE
    return FAULT if failures else DIVERGED if bad else DONE


def changed(places: list[Place], missing: list[Place]) -> str | None:
    """What is said of finished jobs whose own code has changed; None where none has."""
    now: dict[str, str] = {}
    there, lacking = [], {p.plan.key for p in missing}
    for place in places:
        if place.plan.key not in lacking and (summary := Record(place.plan.folder).finished()):
            now |= place.asked.own_code
            there.append(summary)
    return notice(now, there)


def said(place: Place) -> str:
    """What became of a job, as its record has it."""
    record = Record(place.plan.folder)
    summary = record.summary()
    if not summary:
        return "not started"
    if summary["status"] != "running":
        return summary["status"]
    # it says so still though nobody may hold it
    return "being trained by another process" if record.held_elsewhere() else "killed"


def plan_text(places: list[Place], missing: list[Place]) -> str:
    """What the sweep would do."""
    rows = [["", "job", "iterations", "images", "record"]]
    lacking = {p.plan.key for p in missing}
    for place in places:
        asked = place.plan
        word = "missing" if asked.key in lacking else "there"
        rows.append([word, place.name, f"{asked.iterations:,}", f"{asked.images:,}", asked.key])
    images = sum(p.plan.images for p in missing)
    return f"{aligned(rows)}\n\n{len(missing)} of {len(places)} jobs missing, {images:,} images"


def logged(places: list[Place]) -> list[str]:
    """What a logger that groups runs is told of the sweep: its name, and what it varies."""
    chosen = compose(list(places[0].overrides)).logger
    if "group" not in chosen or chosen.group is not None:
        return []
    return [
        f"logger.group={results.name(places)}",
        f"logger.named_by=[{','.join(key.lstrip('+') for key in places[0].varied)}]",
    ]


def train(missing: list[Place], of: int, own: list[str], told: list[str]) -> Outcome:
    """Hand the jobs that are missing of a sweep of so many to the launcher chosen (`own`: Hydra's
    settings), each told as it starts and ends. told: what else each is given."""
    output = missing[0].plan.folder.parents[1]
    folder = launchers.folder(output)
    launcher = launchers.chosen(own, folder)
    jobs = [Job(p.plan.folder, (*p.overrides, *told), p.name, force=p.asked.force) for p in missing]
    progress = Progress(len(missing), accuracy_words)

    def begun(job: Job) -> None:
        command_line.tell(f"started {job.name}: {job.folder}")

    outcome = launcher.train(
        jobs, of=of, folder=folder, logs=output / "logs", begun=begun, tell=progress.tell
    )
    for job, _, why in outcome.failed:
        print(f"{job.name}: {why}", file=sys.stderr)
    return outcome


def accuracy_words(job: Job, status: str) -> str:
    """The final test accuracy of a run that is done, for its line."""
    summary = (Record(job.folder).summary() or {}) if status.startswith("done") else {}
    accuracy = summary.get("result", {}).get("final", {}).get("test_accuracy")
    return "" if accuracy is None else f", test accuracy {100 * accuracy:.2f}%"
