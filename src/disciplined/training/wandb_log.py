"""Weights & Biases beside `metrics.csv`, in a process of its own so that it cannot harm a run.

wandb may hang, fail or be without a network; none of that may reach training. Rows go through a
queue that is never waited for to a helper process, which is given a few seconds at the end.
Without a key the run is kept offline (`wandb sync` sends it later).
"""

import importlib.util
import multiprocessing
import multiprocessing.connection
import os
import queue
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from disciplined.mistakes import Mistake
from disciplined.training.rows import Row

PATIENCE = 30.0  # seconds that a run waits for wandb at its end
BACKLOG = 10_000  # rows kept for a wandb that does not take them


class WandbLog:
    """Sends a run's rows and its summary to wandb.

    Args:
        folder: the record's folder; wandb's own files go under `wandb/` in it.
        name: the run's key, wandb's name and id of it.
        config: what the run was asked for.
        project, group: wandb's.
        title: what the run is called there; its name where there is none.

    Raises `Mistake` where the package is not installed. Everything after that is a warning at most.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        config: dict[str, Any],
        project: str,
        *,
        group: str | None = None,
        title: str = "",
    ):
        if importlib.util.find_spec("wandb") is None:
            raise Mistake("logger=wandb: the wandb package is not installed; uv sync --extra wandb")
        self.settings = {
            "folder": str(folder),
            "name": name,
            "config": config,
            "project": project,
            "group": group,
            "title": title or name,
        }
        self.process: Any = None
        self.queue: Any = None

    def begin(self) -> None:
        """Start the helper, once the record's folder exists."""
        context = multiprocessing.get_context("spawn")
        self.queue = context.Queue(BACKLOG)
        self.process = context.Process(target=send, args=(self.queue, self.settings), daemon=True)
        self.process.start()

    def row(self, row: Row) -> None:
        """Hand over a row of metrics; dropped where the helper is far behind."""
        self.put({k: v for k, v in row.items() if v is not None})

    def end(self, summary: dict[str, Any]) -> None:
        """Hand over the summary and wait `PATIENCE` seconds for the helper to finish."""
        if self.process is None:
            return
        self.put({"summary": summary})
        self.process.join(PATIENCE)
        if self.process.is_alive():
            self.process.kill()
            warn(f"did not finish within {PATIENCE:.0f} s; the run is complete without it")
        self.queue.cancel_join_thread()
        self.process = None

    def put(self, message: dict[str, Any]) -> None:
        if self.process is None:
            return
        try:
            self.queue.put_nowait(message)
        except (queue.Full, ValueError, OSError) as error:
            warn(f"a message was dropped ({type(error).__name__})")


def send(messages: Any, settings: dict[str, Any]) -> None:
    """The helper process: rows from the queue to wandb until the summary has come."""
    # the run decides what a signal to them both means
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=end_with_run, daemon=True).start()
    try:
        import wandb

        folder = Path(settings["folder"]) / "wandb"
        folder.mkdir(parents=True, exist_ok=True)
        offline = not (os.environ.get("WANDB_API_KEY") or has_login())
        run = wandb.init(
            project=settings["project"],
            group=settings["group"],
            name=settings["title"],
            id=settings["name"],
            config=settings["config"],
            dir=str(folder),
            mode="offline" if offline else os.environ.get("WANDB_MODE", "online"),  # pyright: ignore
            resume="allow",
            settings=wandb.Settings(silent=True),
        )
        while "summary" not in (message := messages.get()):
            run.log(message, step=int(message["iteration"]))
        result = message["summary"]["result"]
        run.summary.update({"status": message["summary"]["status"], **result.get("final", {})})
        run.finish(exit_code=0 if message["summary"]["status"] == "done" else 1)
    except BaseException as error:
        warn(f"{type(error).__name__}: {' '.join(str(error).split())}")
        while "summary" not in messages.get():
            pass  # keep the queue empty for the run


def end_with_run() -> None:
    """A run that was killed sends no summary; its helper must not wait for one."""
    run = multiprocessing.parent_process()
    multiprocessing.connection.wait([run.sentinel] if run else [])
    os._exit(1)


def has_login() -> bool:
    """Whether this user has logged in to wandb on this machine."""
    netrc = Path("~/.netrc").expanduser()
    try:
        return "wandb" in netrc.read_text()
    except OSError:
        return False


def warn(text: str) -> None:
    """A line on standard error; the run goes on."""
    print(f"wandb: {text}", file=sys.stderr, flush=True)
