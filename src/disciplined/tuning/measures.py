"""Losses and measurements of batches, averaged over batches and processes."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, distributed, nn

from disciplined.mistakes import Mistake

METRICS = ("loss", "accuracy")


def classified(model: nn.Module, batch: Any) -> Tensor:
    """Mean cross-entropy of a batch of (images, labels)."""
    try:
        images, labels = batch
    except (TypeError, ValueError):
        raise Mistake(
            "batches: expected (images, labels); give loss= for batches of another form"
        ) from None
    return nn.functional.cross_entropy(model(images), labels)


def moved(batch: Any, device: torch.device) -> Any:
    """A batch on a device: tensors, and lists, tuples and mappings of them."""
    if isinstance(batch, Tensor):
        return batch.to(device, non_blocking=True)
    if isinstance(batch, Mapping):
        return type(batch)({key: moved(one, device) for key, one in batch.items()})  # type: ignore[call-arg]
    if isinstance(batch, tuple) and hasattr(batch, "_fields"):
        return type(batch)(*(moved(one, device) for one in batch))
    if isinstance(batch, list | tuple):
        return type(batch)(moved(one, device) for one in batch)
    return batch.to(device) if hasattr(batch, "to") else batch


def size(batch: Any) -> int:
    """How many examples a batch has: the length of the first tensor in it, 1 without any."""
    found = first_tensor(batch)
    return 1 if found is None or not found.ndim else len(found)


def first_tensor(batch: Any) -> Tensor | None:
    """The first tensor in a batch, however deep; None without any."""
    if isinstance(batch, Tensor):
        return batch
    if not isinstance(batch, Mapping | list | tuple):
        return None
    parts = batch.values() if isinstance(batch, Mapping) else batch
    return next((found for one in parts if (found := first_tensor(one)) is not None), None)


def together() -> bool:
    """Whether several processes train together."""
    return distributed.is_available() and distributed.is_initialized()


def gathered(losses: Tensor) -> np.ndarray:
    """Losses [T] averaged over the processes, as float64."""
    if together():
        distributed.all_reduce(losses)
        losses = losses / distributed.get_world_size()
    return losses.double().cpu().numpy()


def mean_of(
    told: Iterable[tuple[Mapping[str, Any], Any]], device: torch.device
) -> dict[str, float]:
    """The mean of what was measured of batches, each by its size, over all processes.

    Only the metrics that every batch has. Raises Mistake where there is no batch anywhere.
    """
    sums = torch.zeros(len(METRICS), 2, dtype=torch.float32, device=device)  # total, examples
    for measured, batch in told:
        if not isinstance(measured, Mapping) or "loss" not in measured:
            raise Mistake('measure: expected {"loss": ..., "accuracy": ...} of a batch')
        if not (count := size(batch)):
            continue
        for row, name in enumerate(METRICS):
            if name in measured:
                value = torch.as_tensor(measured[name]).float().to(device)
                sums[row] += torch.stack([value * count, sums.new_tensor(count)])
    if together():
        distributed.all_reduce(sums)
    rows = dict(zip(METRICS, sums.tolist(), strict=True))
    if not (every := rows["loss"][1]):
        raise Mistake("validation: is empty")
    return {name: total / count for name, (total, count) in rows.items() if count == every}
