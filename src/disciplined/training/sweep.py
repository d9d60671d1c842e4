"""A sweep: every combination of comma-separated values, each job a `train.py` of its own.

Hydra expands the grid and its launchers place the jobs; a job is a child process given its own
overrides, so that one that raises, diverges or is killed costs only itself. What became of each is
read from its record: the ledger knows nothing of who started a run.
"""

import signal
import subprocess
import sys
import tempfile

import hydra
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import DictConfig

from disciplined.mistakes import Mistake
from disciplined.training import settings
from disciplined.training.config import CONF, compose
from disciplined.training.planning import plan
from disciplined.training.record import Record

# Records are the output; Hydra's own folders and logs are switched off.
QUIET = ["hydra/job_logging=none", "hydra/hydra_logging=none", "hydra.output_subdir=null"]
STATUS = {"done": 0, "diverged": 3}


def main(overrides: list[str]) -> int:
    """Run the grid that `overrides` spans; 0 where every job is done, else the worst status.

    Raises `Mistake` for a combination that cannot run, before any job is started.
    """
    grid = jobs(overrides)
    folders = [plan(compose(job)).folder for job in grid]
    launch(overrides)
    worst = 0
    for job, folder in zip(grid, folders, strict=True):
        summary = Record(folder).summary()
        said = summary["status"] if summary else "not started"
        if status := STATUS.get(said, 1):
            print(f"{said}: {' '.join(job)}", file=sys.stderr)
            worst = max(worst, status)
    return worst


def jobs(overrides: list[str]) -> list[list[str]]:
    """The overrides of each job, in Hydra's order, without Hydra's own."""
    try:
        parsed = OverridesParser.create().parse_overrides(overrides)
    except HydraException as error:
        raise Mistake(" ".join(str(error).split())) from error
    (batch,) = BasicSweeper.split_arguments(parsed, max_batch_size=None)
    return [[o for o in job if not o.startswith(("hydra.", "hydra/"))] for job in batch]


def launch(overrides: list[str]) -> None:
    """Hand the grid to Hydra's sweeper and the launcher chosen (`hydra/launcher=...`)."""
    settings.register()
    arguments = sys.argv
    with tempfile.TemporaryDirectory() as nowhere:  # Hydra writes a multirun.yaml somewhere
        own = [f"hydra.sweep.dir={nowhere}", "hydra.sweep.subdir=."]
        sys.argv = [arguments[0], "--multirun", *QUIET, *own, *overrides]
        try:
            hydra.main(version_base="1.3", config_path=str(CONF), config_name="train")(job)()
        finally:
            sys.argv = arguments


def job(_cfg: DictConfig) -> None:
    """One job: `train.py` with its overrides, in a process of its own."""
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
