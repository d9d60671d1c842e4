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
        self.parameters = {
            key: OmegaConf.to_container(value) if OmegaConf.is_config(value) else value
            for key, value in parameters.items()
        }
        # since Slurm 22.05 srun does not ask for the cores that its job was given
        setup = ['export SRUN_CPUS_PER_TASK="${SLURM_CPUS_PER_TASK:-1}"']
        self.parameters["slurm_setup"] = [*setup, *(self.parameters.get("slurm_setup") or [])]
        self.jobs: dict[str, Path] = {}

    def submit(self, files: Sequence[Path]) -> str:
        """See `elsewhere.Engine`."""
        try:
            executor = submitit.AutoExecutor(
                self.folder, cluster="slurm", slurm_max_num_timeout=self.timeouts
            )
            executor.update_parameters(**self.parameters)
            jobs = []
            for first in range(0, len(files), ARRAY):
                part = [str(file) for file in files[first : first + ARRAY]]
                jobs += executor.map_array(Work(), part)
        except (FailedJobError, RuntimeError, ValueError, TypeError) as error:
            lines = [line.strip() for line in str(error).splitlines()]
            said = next((line for line in lines if "error" in line), lines[0])
            raise Mistake(f"hydra/launcher: Slurm takes no jobs: {said}") from error
        self.jobs = {job.job_id: file for job, file in zip(jobs, files, strict=True)}
        numbers = ", ".join(dict.fromkeys(job.job_id.partition("_")[0] for job in jobs))
        return f"{len(files)} allocations to Slurm, job {numbers}"

    def alive(self) -> set[Path]:
        """See `elsewhere.Engine`."""
        asked = ["squeue", "--me", "--array", "--noheader", "--format=%i"]
        try:
            found = subprocess.run(asked, capture_output=True, text=True, timeout=60)
        except (OSError, subprocess.TimeoutExpired):
            return set(self.jobs.values())
        if found.returncode:  # the controller does not answer
            return set(self.jobs.values())
        # one that has no array has a single job
        there = {line.strip() for line in found.stdout.splitlines()}
        return {file for number, file in self.jobs.items() if number in there}

    def cancel(self) -> None:
        """See `elsewhere.Engine`."""
        numbers = {number.partition("_")[0] for number in self.jobs}
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            subprocess.run(["scancel", *numbers], capture_output=True, timeout=60)

    def fate(self, file: Path) -> str:
        """See `elsewhere.Engine`."""
        number = next(n for n, f in self.jobs.items() if f == file)
        logs = JobPaths(self.folder, job_id=number, task_id=0)
        lines = []
        with contextlib.suppress(OSError):
            lines = logs.stderr.read_text(errors="replace").strip().splitlines()
        last = f"{lines[-1].strip()} (see {logs.stderr})" if lines else f"no output ({logs.folder})"
        return f"Slurm's job {number} ended before it: {last}"


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
