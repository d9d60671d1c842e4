"""Batches of any form: put on a device, counted, and what is measured of them averaged."""

import copy
import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, distributed

from disciplined.mistakes import Mistake

METRICS = ("loss", "accuracy")


def moved(batch: Any, device: torch.device) -> Any:
    """A batch on a device: what has a `to` of its own, and lists, tuples, mappings and data classes
    of such."""
    if isinstance(batch, Tensor):
        return batch.to(device, non_blocking=True)
    if hasattr(batch, "to"):
        return batch.to(device)
    if isinstance(batch, Mapping):
        parts = {key: moved(one, device) for key, one in batch.items()}
        if type(batch) is dict or not hasattr(batch, "__setitem__"):
            return parts
        other: Any = copy.copy(batch)  # a class whose first argument need not be its content
        for key, one in parts.items():
            other[key] = one
        return other
    if isinstance(batch, tuple) and hasattr(batch, "_fields"):
        return type(batch)(*(moved(one, device) for one in batch))
    if isinstance(batch, list | tuple):
        return type(batch)(moved(one, device) for one in batch)
    if dataclasses.is_dataclass(batch) and not isinstance(batch, type):
        names = [one.name for one in dataclasses.fields(batch) if one.init]
        return dataclasses.replace(batch, **{n: moved(getattr(batch, n), device) for n in names})
    return batch


def size(batch: Any) -> int:
    """How many examples a batch has: the length of the first tensor in it, 1 without any."""
    found = first_tensor(batch)
    return 1 if found is None or not found.ndim else len(found)


def first_tensor(batch: Any) -> Tensor | None:
    """The first tensor in a batch, however deep; None without any."""
    if isinstance(batch, Tensor):
        return batch
    if dataclasses.is_dataclass(batch) and not isinstance(batch, type):
        batch = vars(batch)
    if not isinstance(batch, Mapping | list | tuple):
        return None
    parts = batch.values() if isinstance(batch, Mapping) else batch
    return next((found for one in parts if (found := first_tensor(one)) is not None), None)


def processes() -> int:
    """How many processes train together."""
    there = distributed.is_available() and distributed.is_initialized()
    return distributed.get_world_size() if there else 1


def gathered(losses: Tensor) -> np.ndarray:
    """Losses [T] averaged over the processes, as float64."""
    if processes() > 1:
        distributed.all_reduce(losses)
        losses = losses / processes()
    return losses.double().cpu().numpy()


@dataclasses.dataclass(frozen=True)
class Measured:
    """Means over batches of all processes: loss, and accuracy where every batch has one; `images`
    measured; `classes`, how many of them have each label, where labels are class numbers."""

    loss: float
    accuracy: float | None
    images: int
    classes: np.ndarray | None


def averaged(told: Iterable[tuple[Any, Any]], device: torch.device) -> Measured:
    """The means of what was measured of batches, each by its size, over all processes.

    told: of each batch {"loss": ..., "accuracy": ..., "labels": ...} and the batch. Raises Mistake
    where there is no batch anywhere, or an accuracy is no share.
    """
    sums = torch.zeros(len(METRICS), 2, dtype=torch.float32, device=device)  # total, examples
    labels: list[Tensor] = []
    for measured, batch in told:
        if not isinstance(measured, Mapping) or "loss" not in measured:
            raise Mistake('measure: expected {"loss": ..., "accuracy": ...} of a batch')
        if not (count := size(batch)):
            continue
        for row, name in enumerate(METRICS):
            if name in measured:
                value = torch.as_tensor(measured[name]).detach().float().to(device)
                if value.numel() != 1:
                    raise Mistake(
                        f"measure: {name} has shape {list(value.shape)}; expected its mean"
                    )
                sums[row] += torch.stack([value.reshape(()) * count, sums.new_tensor(count)])
        if isinstance(found := measured.get("labels"), Tensor):
            labels.append(found.reshape(-1))
    if processes() > 1:
        distributed.all_reduce(sums)
    rows = dict(zip(METRICS, sums.tolist(), strict=True))
    if not (every := rows["loss"][1]):
        raise Mistake("validation: is empty")
    means = {name: total / count for name, (total, count) in rows.items() if count == every}
    accuracy = means.get("accuracy")
    if accuracy is not None and (accuracy < -1e-6 or accuracy > 1 + 1e-6):  # it may be NaN
        raise Mistake(f"measure: accuracy={accuracy:g}: expected a share from 0 to 1, no percents")
    counts = class_counts(labels, device)
    whole = counts is not None and counts.sum() == every
    return Measured(means["loss"], accuracy, round(every), counts if whole else None)


def class_counts(labels: list[Tensor], device: torch.device) -> np.ndarray | None:
    """How often each class number occurs in the labels of all processes; None without any."""
    found = torch.cat(labels).to(device) if labels else torch.zeros(0, device=device).long()
    most = found.max() + 1 if len(found) else torch.zeros((), dtype=torch.long, device=device)
    if processes() > 1:
        distributed.all_reduce(most, distributed.ReduceOp.MAX)
    if not int(most):
        return None
    counts = torch.bincount(found, minlength=int(most)).float()
    if processes() > 1:
        distributed.all_reduce(counts)
    return counts.double().cpu().numpy()
