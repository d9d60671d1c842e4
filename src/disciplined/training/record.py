"""What a run leaves on disk: config, metrics and summary, written so that a reader can trust them.

`metrics.csv` grows by whole lines; `config.yaml` and `summary.json` are written beside and renamed.
The summary keeps what the settings determine (`result`, equal after any interruption) apart from
what the machine did (`machine`), and carries checksums of the rows and of itself: a record that was
damaged counts as not finished. No torch here: tables and pages read thousands of records.
"""

import hashlib
import io
import json
import os
import time
from pathlib import Path
from typing import Any

from disciplined.mistakes import Busy, Mistake
from disciplined.training.rows import Row, header, line, parsed_rows, read_rows
from disciplined.untrusted import LARGEST, plain

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

LARGEST_ROWS = 1 << 28  # bytes; the longest run's are a hundredth of that
CHECKSUM = "sha256"  # the summary's own, over all the rest of it
FINISHED = ("done", "diverged")  # the states in which there is nothing left to train


class Record:
    """The folder of one run.

    Args:
        folder: `outputs/runs/<key>`; made by `begin`, not before, so that a mistake leaves nothing.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.metrics_file = folder / "metrics.csv"
        self.checkpoints = folder / "checkpoints"
        self.held: int | None = None  # the folder, open and locked by the process that trains
        self.text = header()  # metrics.csv as this process knows it, whatever the disk has
        self.curvature_file = folder / "curvature.csv"
        self.curvature = ""  # likewise; empty where a run does not measure it

    def claim(self) -> None:
        """Make the folder and hold it, till `release` or this process's end; nothing is touched.

        Raises `Busy` where another process trains this very run, `Mistake` where nothing can be
        written.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            if not os.access(self.folder, os.W_OK):
                raise PermissionError(f"no right to write in {self.folder}")
        except OSError as error:
            raise Mistake(f"output_dir: cannot be written to ({error}); choose another") from error
        if fcntl is None:
            return
        self.held = os.open(self.folder, os.O_RDONLY)
        for patience in (0.02, 0.1, 0.5, 0.0):  # somebody may only be asking
            if lock(self.held, fcntl.LOCK_EX):
                return
            time.sleep(patience)
        self.release()
        raise Busy(
            f"{self.folder} is being trained by another process; wait for it, or change the seed "
            "or another setting"
        )

    def held_elsewhere(self) -> bool:
        """Whether another process trains this run now."""
        if fcntl is None or not self.folder.is_dir():
            return False
        asking = os.open(self.folder, os.O_RDONLY)
        try:
            return not lock(asking, fcntl.LOCK_SH)
        finally:
            os.close(asking)

    def release(self) -> None:
        """Let another process train this run."""
        if self.held is not None:
            os.close(self.held)
            self.held = None

    def begin(self, config: str, summary: dict[str, Any]) -> None:
        """Write config and summary (keeping checkpoints that are there)."""
        self.checkpoints.mkdir(parents=True, exist_ok=True)
        for part in self.folder.glob(".*.part"):  # a killed process's
            part.unlink(missing_ok=True)
        write(self.folder / "config.yaml", config)
        self.write_summary(summary)

    def clear(self) -> None:
        """Forget what an earlier run of the same key measured."""
        files = [self.metrics_file, self.curvature_file, self.folder / "summary.json"]
        for path in [*files, *self.checkpoints.glob("*")]:
            path.unlink(missing_ok=True)

    def summary(self) -> dict[str, Any] | None:
        """The summary, or None where none can be read or it is not what was written."""
        try:
            summary = json.loads(plain(self.folder / "summary.json", LARGEST))
        except (OSError, ValueError, RecursionError):
            return None
        return summary if sound(summary) else None

    def finished(self) -> dict[str, Any] | None:
        """The summary of a run with nothing left to train, its rows as they were measured; else
        None."""
        summary = self.summary()
        if not summary or summary["status"] not in FINISHED or not self.intact(summary):
            return None
        return summary

    def intact(self, summary: dict[str, Any]) -> bool:
        """Whether what was measured is what a summary says of it."""
        expected = {
            file: summary["result"].get(key)
            for file, key in (
                (self.metrics_file, "metrics_sha256"),
                (self.curvature_file, "curvature_sha256"),
            )
        }
        try:
            # none of a record from before there were checksums, nor of what it did not measure
            return all(
                checksum is None or sha256(plain(file, LARGEST_ROWS)) == checksum
                for file, checksum in expected.items()
            )
        except (OSError, ValueError):
            return False

    def write_summary(self, summary: dict[str, Any]) -> None:
        """Replace the summary in one step."""
        checked = summary | {CHECKSUM: checksum(summary)}
        write(self.folder / "summary.json", json.dumps(checked, indent=2, sort_keys=False) + "\n")

    def rows(self) -> list[Row]:
        """The rows of `metrics.csv`, None where a cell is empty; [] where there is no file."""
        return read_rows(self.metrics_file)

    def estimates(self) -> list[Row]:
        """The rows of `curvature.csv`, likewise."""
        return read_rows(self.curvature_file)

    def restore(self) -> None:
        """Make `metrics.csv` what `text` is: rows behind a checkpoint are measured again."""
        kept = [(self.metrics_file, self.text)]
        if self.curvature:
            kept.append((self.curvature_file, self.curvature))
        for file, text in kept:
            if not file.is_file() or file.read_bytes() != text.encode():
                write(file, text)

    def checksums(self) -> dict[str, str]:
        """Of what was measured, for the summary's `result`."""
        found = {"metrics_sha256": sha256(self.text.encode())}
        if self.curvature:
            found["curvature_sha256"] = sha256(self.curvature.encode())
        return found

    def measured(self) -> list[Row]:
        """The rows of `text`."""
        return parsed_rows(io.StringIO(self.text, newline=""))

    def append(self, row: Row) -> None:
        """Add a whole line and flush it to the disk."""
        self.text += line(row)
        added(self.metrics_file, line(row))

    def append_curvature(self, lines: str) -> None:
        """Add whole lines to `curvature.csv` and flush them to the disk."""
        self.curvature += lines
        added(self.curvature_file, lines)


def added(path: Path, text: str) -> None:
    """Add to a file and have it on the disk."""
    with path.open("a", newline="") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def lock(folder: int, kind: int) -> bool:
    """Lock an open folder without waiting; True too on a network disk without locks."""
    assert fcntl
    try:
        fcntl.flock(folder, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        pass
    return True


def sound(summary: Any) -> bool:
    """Whether a summary is what a run wrote; takes its checksum out.

    Records from before there were checksums have none of their rows either.
    """
    if not isinstance(summary, dict) or not isinstance(summary.get("status"), str):
        return False
    if not all(isinstance(summary.get(part, {}), dict) for part in ("result", "machine")):
        return False
    found = summary.pop(CHECKSUM, None)
    if found is None:
        return "metrics_sha256" not in summary.setdefault("result", {})
    return found == checksum(summary)


def sha256(content: bytes | memoryview) -> str:
    """As hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def checksum(summary: dict[str, Any]) -> str:
    """Of a summary's content, however it is laid out."""
    return sha256(json.dumps(summary, sort_keys=True, separators=(",", ":")).encode())


def synced(path: Path, content: bytes | memoryview) -> None:
    """Write a file and have it on the disk."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def write(path: Path, text: str) -> None:
    """Write beside, flush, rename: a reader sees the old file or the new, never a part."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        synced(part, text.encode())
        part.replace(path)
    except OSError:  # a full disk keeps what there was
        part.unlink(missing_ok=True)
        raise
