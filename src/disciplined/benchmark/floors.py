"""The least time an update can take here: its arithmetic and its bytes at the machine's own rates.

Arithmetic is that of convolutions and products, forwards and backwards. Bytes are their operands
and results, read and written once: everything between them could be fused away. A small convolution
may be done with less arithmetic, and a map that stays in a cache without its bytes.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from disciplined.benchmark.cases import Case, Parts
from disciplined.training.clock import now

HEAVY = ("convolution", "mm", "addmm", "bmm", "convolution_backward")


@dataclass(frozen=True)
class Rates:
    """What the machine reaches in a big matrix product (operations/s) and a big copy (bytes/s)."""

    matrix: float
    bandwidth: float


@dataclass(frozen=True)
class Floor:
    """An image's arithmetic and bytes, and the images per second that these allow."""

    operations: float
    bytes: float
    images_per_second: float
    bound: str  # arithmetic or bytes


def rates(device: torch.device, dtype: torch.dtype) -> Rates:
    """Measured now, the best of several tries, with as many threads as the process uses."""
    size = 8192 if device.type == "cuda" else 2048
    a, b = (torch.randn(size, size, device=device, dtype=dtype) for _ in range(2))
    matrix = 2 * size**3 / best(lambda: a @ b, device)
    source = torch.zeros(2**28, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    bandwidth = 2 * len(source) / best(lambda: target.copy_(source), device)
    return Rates(matrix, bandwidth)


def best(work, device: torch.device, tries: int = 10) -> float:
    """The shortest of several tries, in seconds."""
    work()
    taken = []
    for _ in range(tries):
        started = now(device)
        work()
        taken.append(now(device) - started)
    return min(taken)


class Traffic(TorchDispatchMode):
    """Counts the bytes that convolutions and products read and write."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        name = func._schema.name.removeprefix("aten::")
        # a convolution with as many groups as channels is LRN's mean, which could be fused away
        if name in HEAVY and not (name == "convolution" and args[8] > 1):
            results = result if isinstance(result, tuple) else (result,)
            tensors = [t for t in (*args, *results) if isinstance(t, Tensor)]
            self.bytes += sum(t.numel() * t.element_size() for t in tensors)
        return result


def floor(case: Case, parts: Parts, rates: Rates, device: torch.device) -> Floor:
    """The floor of one update of a case, counted in a small batch's forward and backward pass."""
    count = min(case.total_batch_size, 128)
    network = parts.network().to(device, memory_format=torch.channels_last)  # pyright: ignore
    pictures = parts.pixels()(parts.images.train_images[:count])
    labels = parts.images.train_labels[:count].to(device)
    traffic = Traffic()
    with FlopCounterMode(display=False) as counter, traffic, torch.autocast(**parts.autocast):
        F.cross_entropy(network(pictures.to(device)).float(), labels).backward()
    operations, bytes_ = counter.get_total_flops() / count, traffic.bytes / count
    by_arithmetic, by_bytes = rates.matrix / operations, rates.bandwidth / bytes_
    bound = "arithmetic" if by_arithmetic < by_bytes else "bytes"
    return Floor(operations, bytes_, min(by_arithmetic, by_bytes), bound)
