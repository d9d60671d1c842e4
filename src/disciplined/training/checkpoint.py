"""Checkpoints: the last two of a run, each with a checksum, never a half-written one.

Lightning makes and takes up the state, `saving` says when; this file decides how it is written,
where it lies and whether it is to be trusted. A checkpoint is written beside its name, flushed, and
renamed once its checksum is, so a full disk or a kill costs the new file only. It holds all that a
resumed run needs, the rows measured so far too. It is read with `weights_only=True`: it holds
tensors and numbers, and runs no code.
"""

import hashlib
import io
import os
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from lightning_fabric.plugins.io import CheckpointIO

from disciplined.mistakes import Mistake
from disciplined.training.writing import commit, discard, move, put, remove, sha256, staged

OURS = "disciplined"  # the part of a checkpoint that Lightning does not know


@dataclass
class Origin:
    """What a checkpoint says of the run that made it.

    key, data_sha256: which run, on which data. metrics, curvature: its rows so far, of both files.
    precision: Lightning's word. codes: fingerprints of the code that made the updates, oldest
    first. registered: what the record keeps of a study. wall, training, updates: as its clock
    counts them.
    """

    key: str
    data_sha256: str
    precision: str
    registered: str
    codes: list[str] = field(default_factory=list)
    metrics: str = ""
    curvature: str = ""
    wall: float = 0.0
    training: float = 0.0
    updates: int = 0


@dataclass(frozen=True)
class Found:
    """A checkpoint to go on from, made after `iteration` updates."""

    path: Path
    iteration: int
    origin: Origin


class Unusable(Exception):
    """Why a checkpoint is passed over, in a few words."""


class Files(CheckpointIO):
    """How Lightning writes and reads checkpoints here.

    A failure to write is kept in `error`, not raised: the other processes must hear of it too.
    """

    def __init__(self) -> None:
        self.error: int | None = None

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None
    ) -> None:
        """Write a checkpoint and, before it has its name, its checksum."""
        path, content = Path(path), io.BytesIO()
        torch.save(checkpoint, content)
        checksum, part = path.with_suffix(".sha256"), None
        try:
            part = staged(path, content.getbuffer())
            put(checksum, sha256(content.getbuffer()).encode() + b"\n")
            commit(part, path)
            sync_folder(path.parent)
        except OSError as error:
            self.error = error.errno or 0
            if part:
                discard(part)
            if not path.exists():
                remove(checksum)

    def load_checkpoint(
        self, path: Any, map_location: Any = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        """Read tensors and numbers."""
        return torch.load(path, map_location="cpu", weights_only=True)

    def remove_checkpoint(self, path: Any) -> None:
        """Remove a checkpoint and its checksum."""
        remove(Path(path))
        remove(Path(path).with_suffix(".sha256"))


def sync_folder(folder: Path) -> None:
    """Have a rename survive a power cut, where folders can be flushed."""
    try:
        opened = os.open(folder, os.O_RDONLY)
    except OSError:  # Windows
        return
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def place(folder: Path, iteration: int) -> Path:
    """Where the checkpoint after so many updates lies."""
    return folder / f"{iteration:09d}it.ckpt"


def newest(folder: Path, key: str, data_sha256: str, *, tidy: bool = False) -> Found | None:
    """The newest checkpoint of the run `key` that can be trusted, or None.

    tidy: put aside those that cannot be, saying why on standard error, and remove what a killed
    process left unfinished; for the process that holds the record. Raises `Mistake` where the run
    began with other data than are there now.
    """
    if tidy:
        for part in folder.glob("*.part"):
            remove(part)
        for checksum in folder.glob("*.sha256"):
            if not checksum.with_suffix(".ckpt").exists():
                remove(checksum)
    for path in sorted(folder.glob("*it.ckpt"), reverse=True):
        try:
            state, origin = opened(path)
            if origin.key != key:
                raise Unusable("is another run's")
            if origin.data_sha256 != data_sha256:
                raise Mistake(
                    f"{path.parents[1]}: this run began with other data than are in data_dir now; "
                    "bring those back, or begin anew with force=true"
                )
            return Found(path, state["global_step"], origin)
        except Unusable as why:
            if tidy:
                move(path, path.with_suffix(".unusable"))
                print(f"{path}: {why}; put aside", file=sys.stderr)
    return None


def opened(path: Path) -> tuple[dict[str, Any], Origin]:
    """A checkpoint's content. Raises `Unusable` for a damaged one, and one that holds code."""
    try:
        expected = path.with_suffix(".sha256").read_bytes().strip()
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        raise Unusable("has no checksum beside it") from None
    if found.encode() != expected:
        raise Unusable("is damaged (its checksum differs)")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception:
        raise Unusable("holds something else than tensors and numbers") from None
    try:
        origin = Origin(**state[OURS]["origin"])
        iteration = state["global_step"]
    except (KeyError, TypeError, IndexError):
        raise Unusable("is no checkpoint of this version of the program") from None
    if any(not isinstance(v, type(getattr(SAMPLE, k))) for k, v in asdict(origin).items()):
        raise Unusable("is no checkpoint of this version of the program")
    if path.name != place(path.parent, iteration if isinstance(iteration, int) else -1).name:
        raise Unusable("was made at another iteration than its name says")
    return state, origin


SAMPLE = Origin("", "", "", "")
