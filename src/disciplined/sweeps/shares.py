"""The machine shared out among the runs of a sweep: cores, threads and GPUs. No torch."""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Share:
    """A worker's part of the machine: cores it may run on, how many threads it may have, and the
    GPUs that it sees, as CUDA_VISIBLE_DEVICES names them (None: every)."""

    cores: tuple[int, ...]
    threads: int
    gpu: str | None = None


def shares(count: int, most: int | None = None) -> list[Share]:
    """The machine in `count` parts: its cores in equal slices, and its GPUs.

    More workers than cores share them all; more than GPUs have one each in turn. A single worker
    has everything. most: how many cores may be used where a scheduler says so and does not bind to
    any; then they are counted, not chosen.
    """
    own, cards = cores(), gpus()
    given = min(most or len(own), len(own))
    if count == 1:
        return [Share(tuple(own), given, os.environ.get("CUDA_VISIBLE_DEVICES"))]
    size = given // count if given == len(own) else 0
    each = max(1, len(cards) // count)
    found = []
    for i in range(count):
        part = own[i * size : (i + 1) * size] if size else own
        seen = ",".join((cards * count)[i * each : (i + 1) * each])  # in turn, where too few
        found.append(Share(tuple(part), max(1, given // count), seen or None))
    return found


def cores() -> list[int]:
    """The cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def gpus() -> list[str]:
    """The GPUs this process may use, by the names that CUDA_VISIBLE_DEVICES takes; no torch."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return [name.strip() for name in visible.split(",") if name.strip()]
    cards = Path("/proc/driver/nvidia/gpus")
    return [str(i) for i in range(len(list(cards.iterdir())))] if cards.is_dir() else []
