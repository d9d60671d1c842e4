"""A sweep: every combination of comma-separated values, each job a run with a record of its own.

Hydra expands the grid and its launchers place the jobs (`hydra/launcher=...`; ours, `local`, unless
another is named). What became of each is read from its record: the ledger knows nothing of who
started a run, and the same command again does only what is missing.
"""

import signal
import subprocess
import sys
import tempfile

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from disciplined.ending import DIVERGED, FAULT, MISTAKE, SIGNALS, handled
from disciplined.studies.columns import aligned
from disciplined.sweeps import local, results
from disciplined.sweeps.grid import Place, expand
from disciplined.training import settings
from disciplined.training.config import CONF, TRAIN, compose
from disciplined.training.own_code import notice
from disciplined.training.record import Record

# Records are the output; Hydra's own folders and logs are switched off.
QUIET = ["hydra/job_logging=none", "hydra/hydra_logging=none", "hydra.output_subdir=null"]
SIGNALLED = tuple(128 + number for number in SIGNALS)


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
    status = 0
    if warning := changed(places, missing):
        print(warning, file=sys.stderr)
    if missing:
        print(f"{len(missing)} of {len(places)} jobs to train", file=sys.stderr)
        status = launch([*overrides, *logged(places)])
        if status in SIGNALLED:
            how = "the same command without force=true" if force else "the same command"
            print(f"stopped; {how} goes on from here", file=sys.stderr)
            return status
        if status == MISTAKE:
            return status
    print(results.report(places))
    told = {p.name: said(p) for p in places}
    told |= dict.fromkeys(local.failed, "failed")
    bad = {name: word for name, word in told.items() if word != "done"}
    for name, word in bad.items():
        print(f"{word}: {name}", file=sys.stderr)
    failures = [name for name, word in bad.items() if word != "diverged"]
    if failures and all(local.failed.get(name) == MISTAKE for name in failures):
        return MISTAKE
    return FAULT if failures else DIVERGED if bad else status


def changed(places: list[Place], missing: list[Place]) -> str | None:
    """What is said of finished jobs whose own code has changed; None where none has."""
    now: dict[str, str] = {}
    there = []
    for place in places:
        if place not in missing and (summary := Record(place.plan.folder).finished()):
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
    for place in places:
        asked = place.plan
        word = "missing" if place in missing else "there"
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


def launch(overrides: list[str]) -> int:
    """Hand the grid to Hydra's sweeper and the launcher chosen. Returns 0, or how it ended."""
    settings.register()
    arguments = sys.argv
    chosen = any(o.startswith("hydra/launcher=") for o in overrides)
    with tempfile.TemporaryDirectory() as nowhere:  # Hydra writes a multirun.yaml somewhere
        own = [f"hydra.sweep.dir={nowhere}", "hydra.sweep.subdir=."]
        own += [] if chosen else ["hydra/launcher=local"]
        sys.argv = [arguments[0], "--multirun", *QUIET, *own, *overrides]
        try:
            hydra.main(version_base="1.3", config_path=str(CONF), config_name="train")(job)()
        except SystemExit as end:  # a launcher that was stopped, or whose fault Hydra has told
            return end.code if isinstance(end.code, int) else 1
        finally:
            sys.argv = arguments
    return 0


def job(_cfg: DictConfig) -> None:
    """One job of another launcher than ours: `train.py` with its overrides, in its own process."""
    chosen = list(HydraConfig.get().overrides.task)
    process = subprocess.Popen([sys.executable, str(TRAIN), *chosen])
    told: list[int] = []

    def stop(number: int, _frame: object) -> None:
        if not told:  # a terminal's Ctrl-C reaches the job too, and a second one ends it at once
            process.send_signal(signal.SIGTERM)
        told.append(number)

    with handled(stop):
        process.wait()
    if told:
        sys.exit(128 + told[0])
