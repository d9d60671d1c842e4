"""Every record under an output folder: this machine's and those that the project stands by.

A run that two studies ask for is one record, under whichever of them it was published. No Hydra.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from disciplined.training.record import FINISHED, Record

Found = tuple[Path, dict[str, Any]]


class Shelf:
    """Records by key, each read when it is asked for; a finished one is read once.

    Args:
        output_dir: has `runs/<key>` and `published/<paper>/<figure>/records/<key>`.
        fresh: whether to leave the published ones out.
    """

    def __init__(self, output_dir: Path, fresh: bool = False):
        self.runs = output_dir / "runs"
        self.published: dict[str, list[Path]] = {}
        for folder in [] if fresh else sorted((output_dir / "published").glob("*/*/records/*")):
            self.published.setdefault(folder.name, []).append(folder)
        self.read: dict[str, Found] = {}

    def finished(self, key: str) -> Found | None:
        """The folder and summary of a run with nothing left to train, this machine's before others;
        None where there is none."""
        if key not in self.read:
            for folder in (self.runs / key, *self.published.get(key, [])):
                if summary := Record(folder).finished():
                    self.read[key] = folder, summary
                    break
        return self.read.get(key)

    def all(self) -> Iterator[dict[str, Any]]:
        """The summaries of all finished runs, one after the other and none kept.

        A summary vouches for itself; the rows, which say nothing of the machine, are not read.
        """
        own = [folder.name for folder in self.runs.iterdir()] if self.runs.is_dir() else []
        for key in sorted({*own, *self.published}):
            for folder in (self.runs / key, *self.published.get(key, [])):
                summary = Record(folder).summary()
                if summary and summary["status"] in FINISHED:
                    yield summary
                    break
