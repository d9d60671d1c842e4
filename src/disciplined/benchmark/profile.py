"""What an update's time goes to: the bare loop under torch's profiler, by kind of operation.

Beside the floor it says what the gap to it is made of: convolutions below the machine's matrix
rate, and what moves maps through memory without arithmetic to speak of.
"""

from torch.profiler import ProfilerActivity, profile

from disciplined.benchmark.cases import Case, Parts, Setting
from disciplined.benchmark.contenders import bare

# The first kind with a part of the operation's name takes it.
KINDS: dict[str, tuple[str, ...]] = {
    "optimiser": ("_foreach",),
    "convolutions": ("conv",),
    "products": ("addmm", "aten::mm", "bmm", "linear", "gemm"),
    "batch norm": ("batch_norm",),
    "pooling and LRN's means": ("pool",),
    "copies and layouts": ("copy", "index", "flip", "where", "cat", "contiguous", "zero", "fill"),
    "activations and additions": ("relu", "threshold", "clamp", "add", "mul", "div", "pow", "sub"),
}
REST = "everything else"


def kind(operation: str) -> str:
    """The kind of an operation of this name."""
    name = operation.lower()
    return next((k for k, parts in KINDS.items() if any(p in name for p in parts)), REST)


def shares(case: Case, parts: Parts, setting: Setting, updates: int) -> dict[str, float]:
    """Each kind's share of the operations' time over so many updates; the shares add up to 1."""
    train = bare(case, parts, setting)
    train(2)
    device = setting.torch_device.type == "cuda"
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if device else [])]
    with profile(activities=activities) as measured:
        train(updates)
    times = dict.fromkeys([*KINDS, REST], 0.0)
    for event in measured.key_averages():
        taken = event.self_device_time_total if device else event.self_cpu_time_total
        times[kind(event.key)] += taken
    total = sum(times.values())
    return {name: taken / total for name, taken in times.items()}
