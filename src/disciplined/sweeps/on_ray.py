"""Runs as tasks of a Ray cluster, through Ray's public interface; `pool.train`'s counterpart.

Ray places the tasks by what each asks for, and starts one again whose worker or node was lost: the
run goes on from its last checkpoint. In a task the run is a process of its own, forked from a
server that the Ray worker keeps, so that a run that fails or is killed costs itself alone, imports
are paid once a worker, and a run whose worker or whose command is lost notices, saves and ends.

Every node has this package and the folder that the command was given in, at the same places.
"""

import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from disciplined.ending import BUSY, FAULT, handled
from disciplined.mistakes import Mistake
from disciplined.sweeps import pool
from disciplined.sweeps.jobs import Job, Waiting
from disciplined.sweeps.pool import Outcome, Stopped
from disciplined.sweeps.shares import Share, cores
from disciplined.training.config import compose
from disciplined.training.record import Record

INSTALL = "pip install 'disciplined[ray]'"
SETTINGS = "hydra.launcher.ray"
Told = tuple[str, float, int, str]  # how a run ended: a word, its seconds, a status and a line


def train(
    jobs: Sequence[Job],
    *,
    init: Mapping[str, Any],
    remote: Mapping[str, Any],
    logs: Path,
    tell: Callable[[Job, str, float], None] = lambda *_: None,
) -> Outcome:
    """Train every job, as many at a time as the cluster has room for.

    init, remote: arguments of `ray.init`, and of `ray.remote` for each job. logs, tell: as the
    pool's. Raises `Mistake` where Ray is absent, cannot be reached or is asked for nonsense.
    """
    ray = connected(init)
    outcome, waiting = Outcome(), Waiting(jobs)
    under_way: dict[Any, Job] = {}
    try:
        task, asked = prepared(ray, remote, jobs)
        print(room(ray, asked), file=sys.stderr, flush=True)
        given = (str(Path.cwd()), str(logs), max(1, int(asked["num_cpus"])))
        with handled(pool.stop):
            try:
                while waiting.jobs or under_way:
                    while job := waiting.next():
                        under_way[task.remote(job, *given)] = job
                    for job in waiting.finished():
                        outcome.finished.append(job)
                        tell(job, "done by another process", 0.0)
                    if not under_way:
                        time.sleep(1)  # all that is left is in others' hands
                        continue
                    ready, _ = ray.wait(list(under_way), num_returns=len(under_way), timeout=1)
                    for ref in ready:
                        ended(ray, ref, under_way.pop(ref), waiting, outcome, tell)
            except Stopped as stopped:
                outcome.stopped = stopped.number
                finish(ray, list(under_way))
    finally:
        ray.shutdown()
    return outcome


def connected(init: Mapping[str, Any]) -> Any:
    """Ray, connected to its cluster. Raises `Mistake`."""
    try:
        import ray
    except ImportError:
        raise Mistake(f"hydra/launcher=ray: Ray is not installed; {INSTALL}") from None
    quiet = {"log_to_driver": False, "include_dashboard": False, "logging_level": "warning"}
    try:
        ray.init(**(quiet | dict(init)))
    except (ConnectionError, RuntimeError, TypeError, ValueError) as error:
        raise Mistake(f"{SETTINGS}.init: {one_line(error)}") from error
    return ray


def prepared(ray: Any, remote: Mapping[str, Any], jobs: Sequence[Job]) -> tuple[Any, dict]:
    """The task, and what each of the jobs asks for. Raises `Mistake`."""
    trainer = compose(list(jobs[0].overrides)).trainer  # the same for every job
    # Ray would end a worker after every task with a GPU, which here never touches it
    asked: dict[str, Any] = {"max_calls": 0} | dict(remote)
    if asked.get("num_cpus") is None:
        asked["num_cpus"] = trainer.devices
    cards = asked.get("num_gpus") or 0
    if 0 < cards < trainer.devices:
        raise Mistake(
            f"trainer.devices={trainer.devices}: each job asks Ray for {cards} GPUs; set "
            f"{SETTINGS}.remote.num_gpus={trainer.devices}"
        )
    try:
        return ray.remote(**asked)(run), asked
    except (TypeError, ValueError) as error:
        raise Mistake(f"{SETTINGS}.remote: {one_line(error)}") from error


def room(ray: Any, asked: Mapping[str, Any]) -> str:
    """How large the cluster is, and whether a job has to wait for a larger node."""
    wanted = {"CPU": asked["num_cpus"], "GPU": asked.get("num_gpus"), **asked.get("resources", {})}
    wanted = {name: amount for name, amount in wanted.items() if amount}
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    totals = ", ".join(f"{sum(n.get(k, 0) for n in nodes):g} {k}" for k in wanted)
    words = f"Ray: {len(nodes)} nodes, {totals}"
    if not any(all(node.get(k, 0) >= v for k, v in wanted.items()) for node in nodes):
        words += "; no node has what a job asks for: waiting for one that does"
    return words


def run(job: Job, here: str, logs: str, threads: int) -> Told:
    """The task: one run, in the Ray worker's charge."""
    os.chdir(here)
    if Record(job.folder).held_elsewhere():
        return "busy", 0.0, BUSY, ""  # this place is for others meanwhile
    # what is forked would else begin by reading the worker's program, and with it all of Ray
    vars(sys.modules["__main__"]).pop("__file__", None)
    share = Share(tuple(cores()), threads, os.environ.get("CUDA_VISIBLE_DEVICES"))
    told: list[tuple[str, float]] = []
    outcome = pool.train(
        [job],
        shares=[share],
        logs=Path(logs),
        tell=lambda _, word, seconds: told.append((word, seconds)),
    )
    if outcome.stopped:
        signal.raise_signal(outcome.stopped)  # saved; now it is Ray's, which ends task or worker
    status, why = next(((status, why) for _, status, why in outcome.failed), (0, ""))
    return *told[0], status, why


def ended(
    ray: Any,
    ref: Any,
    job: Job,
    waiting: Waiting,
    outcome: Outcome,
    tell: Callable[[Job, str, float], None],
) -> None:
    """Sort a job whose task ended among the finished, the failed, or those that wait."""
    try:
        word, seconds, status, why = ray.get(ref)
    except ray.exceptions.RayError as error:
        word, seconds, status, why = "failed", 0.0, FAULT, one_line(error)
    if status == BUSY:
        waiting.put_back(job)
        return
    if word == "failed":
        outcome.failed.append((job, status, why))
    else:
        outcome.finished.append(job)
    tell(job, word, seconds)


def finish(ray: Any, refs: list[Any]) -> None:
    """Let every run save and end, wherever it is; a second signal waits for none."""
    print("stopping: runs save first; a second signal kills them", file=sys.stderr, flush=True)
    try:
        for ref in refs:
            ray.cancel(ref)
        if refs:
            ray.wait(refs, num_returns=len(refs), timeout=pool.GRACE)
    except Stopped:
        pass


def one_line(error: Exception) -> str:
    """What Ray says over many lines."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[-1].strip() if "Traceback" in str(error) else lines[0].strip()
