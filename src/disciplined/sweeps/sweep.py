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

from disciplined.sweeps import results
from disciplined.sweeps.grid import Place, expand
from disciplined.training import settings
from disciplined.training.config import CONF
from disciplined.training.record import Record

# Records are the output; Hydra's own folders and logs are switched off.
QUIET = ["hydra/job_logging=none", "hydra/hydra_logging=none", "hydra.output_subdir=null"]
STATUS = {"done": 0, "diverged": 3}


def main(overrides: list[str]) -> int:
    """Run what is missing of the grid that `overrides` span; show all of it.

    Returns 0 where every job is done, else the worst status, every such job named. Raises `Mistake`
    for a combination that cannot run, before any job is started.
    """
    places = expand(overrides)
    missing = [p for p in places if said(p) not in STATUS or "force=true" in p.overrides]
    if missing:
        print(f"{len(missing)} of {len(places)} jobs to train", file=sys.stderr)
        if stopped := launch(overrides):
            print("stopped; the same command goes on from here", file=sys.stderr)
            return stopped
    print(results.report(places))
    worst = 0
    for place in places:
        if status := STATUS.get(said(place), 1):
            print(f"{said(place)}: {place.name}", file=sys.stderr)
            worst = status if status == 1 or not worst else worst
    return worst


def said(place: Place) -> str:
    """What became of a job, as its record has it."""
    summary = Record(place.plan.folder).summary()
    if not summary:
        return "not started"
    # a record that says so still, once its process has ended, belongs to one that was killed
    return "killed" if summary["status"] == "running" else summary["status"]


def launch(overrides: list[str]) -> int:
    """Hand the grid to Hydra's sweeper and the launcher chosen. Returns 0, or a signal's status."""
    settings.register()
    arguments = sys.argv
    chosen = any(o.startswith("hydra/launcher=") for o in overrides)
    with tempfile.TemporaryDirectory() as nowhere:  # Hydra writes a multirun.yaml somewhere
        own = [f"hydra.sweep.dir={nowhere}", "hydra.sweep.subdir=."]
        own += [] if chosen else ["hydra/launcher=local"]
        sys.argv = [arguments[0], "--multirun", *QUIET, *own, *overrides]
        try:
            hydra.main(version_base="1.3", config_path=str(CONF), config_name="train")(job)()
        except SystemExit as end:  # a launcher that was told to stop
            return end.code if isinstance(end.code, int) else 1
        finally:
            sys.argv = arguments
    return 0


def job(_cfg: DictConfig) -> None:
    """One job of another launcher than ours: `train.py` with its overrides, in its own process."""
    chosen = list(HydraConfig.get().overrides.task)
    process = subprocess.Popen([sys.executable, str(CONF.parent / "train.py"), *chosen])
    told: list[int] = []

    def stop(number: int, _frame: object) -> None:
        if not told:  # a terminal's Ctrl-C reaches the job too, and a second one ends it at once
            process.send_signal(signal.SIGTERM)
        told.append(number)

    before = {n: signal.signal(n, stop) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        process.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if told:
        sys.exit(128 + told[0])
