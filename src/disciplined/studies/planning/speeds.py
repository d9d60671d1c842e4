"""How fast this machine trains, from what was measured on it: records first, then the benchmark.

A speed counts everything that a run takes time for: its images over its wall clock, those trained
on and, a third each, those evaluated, which go through the network forwards alone. Short runs may
evaluate more than they train. Where nobody has measured here, another machine's speed is an
estimate, scaled by how the two compare on the networks measured on both. No torch.
"""

import json
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from disciplined.sweeps.shares import gpus
from disciplined.training.machine import processor

FORWARDS = 1 / 3  # of training on an image; by the records 0.31 to 0.36 on three networks
PLUMBING = 8  # updates of a run at scale smoke at most: nothing to learn a speed from
GPUS = Path("/proc/driver/nvidia/gpus")


@dataclass
class Speeds:
    """Images per second, counted as above, by what they were measured on, the closest first.

    by: values by setting, by (network, data), by network. benchmark: by network, by batch size.
    others: what other machines of this kind measured (a processor's speeds for a processor), by
    their hardware.
    """

    by: dict[Any, list[float]] = field(default_factory=dict)
    benchmark: dict[str, dict[int, float]] = field(default_factory=dict)
    others: dict[str, "Speeds"] = field(default_factory=dict)

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

    def estimate(self, arm: dict[str, Any]) -> float | None:
        """Images per second by another machine's measurements, the most alike first; None where
        no machine measured anything like it."""
        found = [
            (shared, speed * ratio)
            for other in self.others.values()
            if (speed := other.of(arm))
            for shared, ratio in [self.beside(other)]
        ]
        return max(found)[1] if found else None

    def beside(self, other: "Speeds") -> tuple[int, float]:
        """How many settings and networks both machines measured, and the median of this one's
        speed over the other's; 1 where there are none."""
        pairs = [(self.by[key], other.by[key]) for key in self.by.keys() & other.by.keys()]
        ratios = [statistics.median(ours) / statistics.median(theirs) for ours, theirs in pairs]
        return len(ratios), statistics.median(ratios) if ratios else 1.0

    def seconds(self, arm: dict[str, Any]) -> float | None:
        """How long a run of an arm takes, measured here or estimated; None where nobody knows."""
        speed = self.of(arm) or self.estimate(arm)
        return (arm["images"] + FORWARDS * arm.get("evaluated", 0)) / speed if speed else None

    def estimated(self, arm: dict[str, Any]) -> bool:
        """Whether `seconds` is an estimate by another machine."""
        return self.of(arm) is None and self.estimate(arm) is not None


def evaluated(index: Mapping[str, dict[str, Any]]) -> dict[str, int]:
    """How many images a run of each setting of the index evaluates."""
    scales = (arms for told in index.values() for arms in told["scales"].values())
    return {arm["setting"]: arm["evaluated"] for arms in scales for arm in arms.values()}


def measured(
    summaries: Iterable[dict[str, Any]], benchmark: Path, evaluates: Mapping[str, int] | None = None
) -> Speeds:
    """This machine's speeds, by summaries of finished runs and a folder of benchmark records.

    evaluates: how many images a whole run of a setting evaluates; none where it is not in it.
    """
    speeds = Speeds()
    owners: dict[Any, Speeds | None] = {}  # thousands of records are of a few machines
    for summary in summaries:
        machine, result = summary.get("machine", {}), summary["result"]
        iterations = result.get("iteration") or 0
        speed = machine.get("images_per_second")
        if not speed or iterations <= PLUMBING:
            continue
        of = str(machine.get("device")), str(machine.get("hardware"))
        if of not in owners:
            owners[of] = owner(speeds, machine)
        if (whose := owners[of]) is None:
            continue
        wall, train = machine.get("wall_seconds"), machine.get("train_seconds")
        if wall and train:
            part = iterations / (result.get("iterations") or iterations)  # less where it diverged
            forwards = part * (evaluates or {}).get(summary["setting"], 0)
            speed = (speed * min(wall, train) + FORWARDS * forwards) / wall
        network, data, _ = summary["name"].split("-", 2)
        for key in (summary["setting"], (network, data), network):
            whose.by.setdefault(key, []).append(speed)
    for file in sorted(benchmark.glob("*.json")):
        told = json.loads(file.read_text())
        whose = owner(speeds, told)
        if told.get("what") != "training" or whose is None:
            continue
        for case in told["cases"]:
            network, _, batch = case["name"].rpartition("-")
            ours = [t["median"] for t in case["timings"] if t["name"] == "train.py"]
            if ours and batch.isdecimal():
                whose.benchmark.setdefault(network, {})[int(batch)] = ours[0]
    return speeds


def owner(speeds: Speeds, machine: dict[str, Any]) -> Speeds | None:
    """Where the speeds of a record's machine belong; None where they say nothing here: a
    processor's where there is a GPU, and the other way round."""
    if here(machine):
        return speeds
    name, _ = cores(str(machine.get("hardware")))
    device = machine.get("device") or "cpu"
    if not machine.get("hardware") or (device == "cpu") == bool(gpus()):
        return None
    return speeds.others.setdefault(name if device == "cpu" else device, Speeds())


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


def lasting(seconds: float | None, estimated: bool = False) -> str:
    """A time in words, `?` where it is not known, `~` before an estimate."""
    if seconds is None:
        return "?"
    if estimated:
        return f"~{lasting(seconds)}"
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 1.5 * size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.3g} s" if seconds >= 1 else "< 1 s"
