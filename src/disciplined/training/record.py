"""What a run leaves on disk: config, metrics and summary, written so that a reader can trust them.

`metrics.csv` grows by whole lines; `config.yaml` and `summary.json` are written beside and renamed.
The summary keeps what the settings determine (`result`, equal after any interruption) apart from
what the machine did (`machine`), and carries checksums of the rows and of itself: a record that was
damaged counts as not finished. No torch here: tables and pages read thousands of records.
"""

import errno
import io
import json
import sys
import time
from pathlib import Path
from typing import Any

from disciplined.mistakes import Busy, Mistake
from disciplined.training import lease
from disciplined.training.lease import Lease
from disciplined.training.rows import Row, header, line, parsed_rows, read_rows
from disciplined.training.watch import Watch
from disciplined.training.writing import HELD_HERE, remove, sha256, write, written_out
from disciplined.untrusted import LARGEST, plain

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
        self.lease: Lease | None = None  # of the process that trains
        self.text = header()  # metrics.csv as this process knows it, whatever the disk has
        self.curvature_file = folder / "curvature.csv"
        self.curvature = ""  # likewise; empty where a run does not measure it

    def claim(self, *, wait: bool = True) -> None:
        """Make the folder and hold it, till `release` or this process's end; nothing is touched.

        Where a process of another node holds it, waits for a sign of its life (a quarter of its
        lease) and takes the run over where there is none. Raises `Busy` where another process
        trains this very run (or may, and is not to be waited for), `Mistake` where nothing can be
        written.
        """
        folder = self.folder.absolute()  # wherever the process goes meanwhile
        watch, told = Watch(folder), False
        try:
            while watch.held() or not (taken := lease.take(folder)):
                found = lease.holders(folder)
                who = f" ({found[0]})" if found and found[0] else ""
                if watch.alive or not wait:
                    raise Busy(
                        f"{self.folder} is being trained by another process{who}; wait for it, or "
                        "change the seed or another setting"
                    )
                if not told and found:
                    print(
                        f"{self.folder}: held by another process{who}; taken over if it shows no "
                        f"sign of life for {watch.lease:g} s",
                        file=sys.stderr,
                    )
                    told = True
                time.sleep(min(1.0, watch.lease / 20))
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise Mistake(f"output_dir: cannot be written to ({error}); choose another") from error
        self.lease = HELD_HERE[folder] = taken
        taken.begin()

    def discard(self, folder: Path) -> None:
        """Remove all that is in the folder of a record that this process holds, or within it.

        Raises `Lost` where another has taken it over meanwhile: what is left is that one's.
        """
        for path in [folder] if folder != self.folder else sorted(folder.iterdir()):
            if path.name != lease.HELD and not path.name.endswith(lease.PREPARED):
                remove(path)

    def held_elsewhere(self) -> bool:
        """Whether another process trains this run, as far as one look can tell: one of another node
        that has died is found out by watching it (`Watch`)."""
        try:
            return bool(lease.holders(self.folder))
        except OSError:
            return True

    def holder(self) -> str | None:
        """Who trains this run: host, process and since when; None where nobody does."""
        found = lease.holders(self.folder)
        return (str(found[0]) if found[0] else "unknown") if found else None

    def check(self) -> None:
        """Raise `Lost` where this process, too slow, has lost the record to another."""
        if self.lease:
            self.lease.check()

    def release(self) -> None:
        """Let another process train this run."""
        if self.lease:
            self.lease.release()
            HELD_HERE.pop(self.lease.folder, None)
            self.lease = None

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
            remove(path)

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
        if not summary or summary["status"] not in FINISHED:
            return None
        expected = {
            file: summary["result"].get(key)
            for file, key in (
                (self.metrics_file, "metrics_sha256"),
                (self.curvature_file, "curvature_sha256"),
            )
        }
        try:
            # none of a record from before there were checksums, nor of what it did not measure
            sound = all(
                checksum is None or sha256(plain(file, LARGEST_ROWS)) == checksum
                for file, checksum in expected.items()
            )
        except (OSError, ValueError):
            return None
        return summary if sound else None

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
            if self.lease and not self.lease.made(file):
                self.lease.make(file, text.encode())
            elif not file.is_file() or file.read_bytes() != text.encode():
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
        self.add(self.metrics_file, line(row), self.text)

    def append_curvature(self, lines: str) -> None:
        """Add whole lines to `curvature.csv` and flush them to the disk."""
        self.curvature += lines
        self.add(self.curvature_file, lines, self.curvature)

    def add(self, path: Path, more: str, whole: str) -> None:
        """Add to a file that should have the `whole` then, and have it on the disk."""
        if self.lease:
            self.lease.add(path, more.encode(), whole.encode())
        else:
            with path.open("ab") as file:
                written_out(file.fileno(), more.encode())


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


def checksum(summary: dict[str, Any]) -> str:
    """Of a summary's content, however it is laid out."""
    return sha256(json.dumps(summary, sort_keys=True, separators=(",", ":")).encode())
