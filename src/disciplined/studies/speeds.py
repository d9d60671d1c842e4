"""How fast this machine trains, from what was measured on it: records first, then the benchmark.

A speed counts everything that a run takes time for: its images over its wall clock, so evaluations
and checkpoints are in it. What was measured on other hardware says nothing here. No torch.
"""

import json
import statistics
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from disciplined.sweeps.shares import gpus
from disciplined.training.machine import processor

PLUMBING = 8  # updates of a run at scale smoke at most: nothing to learn a speed from
GPUS = Path("/proc/driver/nvidia/gpus")


@dataclass
class Speeds:
    """Images per second by what they were measured on, the closest to an arm first.

    by: values by setting, by (network, data), by network. benchmark: by network, by batch size.
    """

    by: dict[Any, list[float]] = field(default_factory=dict)
    benchmark: dict[str, dict[int, float]] = field(default_factory=dict)

    def of(self, arm: dict[str, Any]) -> float | None:
        """Images per second of an arm of the index; None where nothing like it was measured."""
        network, data, _ = arm["name"].split("-", 2)
        for key in (arm["setting"], (network, data), network):
            if found := self.by.get(key):
                return statistics.median(found)
        if batches := self.benchmark.get(network):
            batch = arm["images"] / arm["iterations"]
            return batches[min(batches, key=lambda b: (abs(b - batch), b))]
        return None

    def seconds(self, arm: dict[str, Any]) -> float | None:
        """How long a run of an arm takes; None where nobody knows."""
        speed = self.of(arm)
        return arm["images"] / speed if speed else None


def measured(summaries: Iterable[dict[str, Any]], benchmark: Path) -> Speeds:
    """This machine's speeds, by summaries of finished runs and a folder of benchmark records."""
    speeds = Speeds()
    known: dict[Any, bool] = {}  # thousands of records are of a few machines
    for summary in summaries:
        machine, result = summary.get("machine", {}), summary["result"]
        iterations = result.get("iteration") or 0
        speed = machine.get("images_per_second")
        if not speed or iterations <= PLUMBING:
            continue
        of = str(machine.get("device")), str(machine.get("hardware"))
        if of not in known:
            known[of] = here(machine)
        if not known[of]:
            continue
        if machine.get("wall_seconds") and machine.get("train_seconds"):
            speed *= min(1.0, machine["train_seconds"] / machine["wall_seconds"])
        network, data, _ = summary["name"].split("-", 2)
        for key in (summary["setting"], (network, data), network):
            speeds.by.setdefault(key, []).append(speed)
    for file in sorted(benchmark.glob("*.json")):
        told = json.loads(file.read_text())
        if told.get("what") != "training" or not here(told):
            continue
        for case in told["cases"]:
            network, _, batch = case["name"].rpartition("-")
            ours = [t["median"] for t in case["timings"] if t["name"] == "train.py"]
            if ours and batch.isdecimal():
                speeds.benchmark.setdefault(network, {})[int(batch)] = ours[0]
    return speeds


def here(machine: dict[str, Any]) -> bool:
    """Whether that is what a run on this machine would be made on, by a record's own words.

    A run beside others has seen some of the cores only; that is the same machine.
    """
    device = machine.get("device") or "cpu"
    (theirs, some), (ours, all_) = (cores(str(t)) for t in (machine.get("hardware"), processor()))
    if theirs != ours or some > all_ or (device == "cpu") == bool(gpus()):
        return False
    cards = [
        line.partition(":")[2].strip()
        for file in GPUS.glob("*/information")
        for line in file.read_text().splitlines()
        if line.startswith("Model")
    ]
    return device == "cpu" or not cards or device in cards


def cores(hardware: str) -> tuple[str, int]:
    """A processor's name and the number of its cores, from `name, 2 cores`."""
    name, _, count = hardware.removesuffix("s").removesuffix(" core").rpartition(", ")
    return (name, int(count)) if count.isdecimal() else (hardware, 0)


def lasting(seconds: float | None) -> str:
    """A time in words, `?` where it is not known."""
    if seconds is None:
        return "?"
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 1.5 * size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.3g} s" if seconds >= 1 else "< 1 s"
