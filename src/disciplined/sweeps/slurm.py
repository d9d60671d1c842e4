"""Allocations as an array of Slurm's jobs, through submitit: `allocation.work` on a file each.

Slurm warns before a time limit (SIGUSR2 to every process of the job): runs save, the allocation
goes back to the queue and on from there. The jobs of a node that fails Slurm requeues by itself.
Whether a job is still there is asked of `squeue` alone: accounts (`sacct`) are not kept
everywhere.
"""

import contextlib
import os
import re
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import submitit
from omegaconf import OmegaConf
from submitit.core.utils import FailedJobError, JobPaths

from disciplined.mistakes import Mistake
from disciplined.sweeps import allocation

ARRAY = 1000  # jobs to an array: Slurm's MaxArraySize is 1,001 unless it is raised


class Slurm:
    """An engine (`elsewhere.Engine`).

    Args:
        folder: submitit's, on a shared disk, for each job's log and script.
        timeouts: how often a job may reach its time limit and go on.
        parameters: what submitit is told to ask Slurm for.
    """

    def __init__(self, folder: str, timeouts: int, parameters: dict[str, Any]):
        self.folder, self.timeouts = folder, timeouts
        self.parameters: dict[str, Any] = {
            key: OmegaConf.to_container(value) if OmegaConf.is_config(value) else value
            for key, value in parameters.items()
        }
        # since Slurm 22.05 srun does not ask for the cores that its job was given
        cores = '[ -z "$SLURM_CPUS_PER_TASK" ] || export SRUN_CPUS_PER_TASK="$SLURM_CPUS_PER_TASK"'
        self.parameters["slurm_setup"] = [cores, *(self.parameters.get("slurm_setup") or [])]
        # a site may have it that jobs go back to the queue only where they ask for it
        more = self.parameters.get("slurm_additional_parameters") or {}
        again = {} if "no-requeue" in more else {"requeue": True}
        self.parameters["slurm_additional_parameters"] = again | more
        self.jobs: dict[Path, str] = {}  # Slurm's numbers

    def submit(self, files: Sequence[Path]) -> str:
        """See `elsewhere.Engine`."""
        try:
            executor = submitit.AutoExecutor(
                self.folder, cluster="slurm", slurm_max_num_timeout=self.timeouts
            )
            executor.update_parameters(**self.parameters)
        except (RuntimeError, NameError, TypeError, ValueError) as error:
            raise refusal(error) from error
        arrays = -(-len(files) // ARRAY)
        size = -(-len(files) // arrays)
        if arrays > 1 and (most := self.parameters.get("slurm_array_parallelism")):
            executor.update_parameters(slurm_array_parallelism=max(1, most // arrays))
        try:
            for first in range(0, len(files), size):
                part = files[first : first + size]
                jobs = executor.map_array(Work(), [str(file) for file in part])
                self.jobs |= {file: job.job_id for file, job in zip(part, jobs, strict=True)}
        except FailedJobError as error:
            self.cancel()  # the arrays that were taken before
            raise refusal(error) from error
        except BaseException:
            self.cancel()
            raise
        numbers = ", ".join(dict.fromkeys(n.partition("_")[0] for n in self.jobs.values()))
        return f"{len(files)} allocations to Slurm, job {numbers}"

    def alive(self) -> dict[Path, bool]:
        """See `elsewhere.Engine`."""
        asked = ["squeue", "--me", "--array", "--noheader", "--format=%i %T"]
        try:
            found = subprocess.run(asked, capture_output=True, text=True, timeout=60)
        except (OSError, subprocess.TimeoutExpired):
            return dict.fromkeys(self.jobs, True)
        if found.returncode:  # the controller does not answer
            return dict.fromkeys(self.jobs, True)
        # one that has no array has a single job
        states = dict(line.split() for line in found.stdout.splitlines())
        return {f: states[n] != "PENDING" for f, n in self.jobs.items() if n in states}

    def cancel(self) -> None:
        """See `elsewhere.Engine`."""
        numbers = {number.partition("_")[0] for number in self.jobs.values()}
        if not numbers:
            return
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            subprocess.run(["scancel", *numbers], capture_output=True, timeout=60)

    def fate(self, file: Path) -> str:
        """See `elsewhere.Engine`."""
        number = self.jobs[file]
        logs = JobPaths(self.folder, job_id=number, task_id=0)
        lines = []
        with contextlib.suppress(OSError):
            lines = logs.stderr.read_text(errors="replace").strip().splitlines()
        last = f"{lines[-1].strip()} (see {logs.stderr})" if lines else f"no output ({logs.folder})"
        return f"Slurm's job {number} ended before it: {last}"


def refusal(error: Exception) -> Mistake:
    """What Slurm, or submitit for it, says against a job, in a line."""
    lines = [line.strip() for line in str(error).splitlines()] or [type(error).__name__]
    said = next((line for line in lines if "error" in line), lines[0])
    return Mistake(f"hydra/launcher: Slurm takes no jobs: {said}")


class Work:
    """What submitit pickles: nothing; the file says it all."""

    def __call__(self, file: str) -> None:
        """Do it; a signal that stopped it goes on to submitit, which requeues where it is its own.

        A preemption comes as SIGTERM: a job that then ends within its grace is not requeued.
        """
        given = os.environ.get("SLURM_CPUS_PER_TASK") or os.environ.get("SLURM_CPUS_ON_NODE")
        stopped = allocation.work(file, cores=int(given) if given else None)
        if stopped == signal.SIGTERM and preempted():
            stopped = submitit.JobEnvironment()._usr_sig()
        if stopped:
            signal.raise_signal(stopped)

    def checkpoint(self, file: str) -> submitit.helpers.DelayedSubmission:
        """What goes back to the queue: the same."""
        return submitit.helpers.DelayedSubmission(self, file)


def preempted() -> bool:
    """Whether Slurm wants this job's place for another; False where it does not say."""
    asked = ["scontrol", "show", "job", os.environ.get("SLURM_JOB_ID", "")]
    try:
        found = subprocess.run(asked, capture_output=True, text=True, timeout=20).stdout
    except (OSError, subprocess.TimeoutExpired):
        return False
    return re.search(r"\bPreemptTime=\d", found) is not None
