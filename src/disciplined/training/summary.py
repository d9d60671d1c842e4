"""What `summary.json` says of a run: what the settings determine apart from the machine's part."""

from typing import Any

import torch

from disciplined.training import machine
from disciplined.training.clock import Clock
from disciplined.training.planning import Plan
from disciplined.training.rows import Row, final_and_best


def beginning(
    asked: Plan, *, data_sha256: str, study: dict[str, Any] | None, own_code: dict[str, str]
) -> dict[str, Any]:
    """The summary of a run that begins; `ended` completes it."""
    return {
        "key": asked.key,
        "setting": asked.setting,
        "name": asked.name,
        "seed": asked.asked["seed"],
        "status": "running",
        "result": {"iterations": asked.iterations, "data_sha256": data_sha256},
        "machine": machine.description() | ({"own_code": own_code} if own_code else {}),
        "registered": study,
    }


def majority(test_labels: torch.Tensor) -> dict[str, float]:
    """`{"majority": share}` of the largest class in test labels int64 [N], where that tells.

    A quarter above an equal share or more: what always answering that class scores is then not what
    one takes chance to be. Nothing for sets whose classes are nearly equal.
    """
    sizes = torch.bincount(test_labels.cpu())
    largest, equal = float(sizes.max()) / len(test_labels), 1 / len(sizes)
    return {"majority": largest} if largest >= 1.25 * equal else {}


def ended(
    summary: dict[str, Any],
    *,
    status: str,
    updates: int,
    diverged_at: int | None,
    rows: list[Row],
    checksums: dict[str, str],
    clock: Clock,
    total_batch_size: int,
) -> None:
    """Complete the summary: status, what was measured, and what it took."""
    summary["status"] = status
    summary["result"] |= {
        "iteration": updates if diverged_at is None else diverged_at,
        "diverged_at": diverged_at,
        **checksums,
        **final_and_best(rows),
    }
    first = clock.first_update
    summary["machine"] |= {
        "wall_seconds": round(clock.wall, 3),
        "first_update_seconds": None if first is None else round(first, 3),
        "train_seconds": round(clock.training, 3),
        "images_per_second": round(clock.images_per_second(total_batch_size), 1),
        "peak_memory_bytes": machine.peak_memory(),
        "peak_device_bytes": torch.cuda.max_memory_allocated()
        if torch.cuda.is_initialized()
        else None,
    }
