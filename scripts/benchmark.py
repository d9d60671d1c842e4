"""Images per second of training, beside the limit and beside how others train the same networks.

    uv run --group benchmark scripts/benchmark.py [what=training] [cases=three_layer-128,lenet-512]
        [contenders=train.py,bare loop,plain PyTorch,fastai,Lightning] [rounds=5] [seconds=8]
        [device=cpu] [threads=2] [runs=2] [jobs=50] [updates=10] [compile=false]
        [timed=true] [records=1000,10000,100000]
        [data_dir=data] [output_dir=outputs] [publish=true]

what=training   train.py, its limit, and how others train
what=means      the bare loop, and the same changed in one thing
what=together   `runs` networks one after another, in a process each, or stacked in one
what=ddp        train.py in one process and in two
what=profile    the bare loop's time by kind of operation, over `updates` updates
what=launchers  sweeps of `jobs` two-second jobs by our launcher and by Hydra's, besides training
what=clusters   such sweeps on Slurm, beside bare submitit (src/disciplined/benchmark/clusters.py)
what=ray        such sweeps on a Ray of this machine, beside Ray's tasks bare
what=ledger     commands over a ledger of so many `records`, made without training
what=finders    range tests beside each other on cases=digits,mnist,cifar10, `rounds` seeds each,
                in `runs` processes; goes on from outputs/benchmark/finders.jsonl; timed=false
                leaves the seconds of a call out
what=nodes      one run over two nodes (torchrun) beside one process, and beside one that takes two
                micro-batches: cases=lenet-mnist,three_layer-cifar10,superconv_resnet20-digits

Contenders take turns within one process; each is timed for about so many seconds a round. The
record goes to outputs/benchmark, with publish=true to outputs/published/benchmark, network by
network, beside those timed before in the same setting. Run nothing else meanwhile. Status: 0,
2 a mistake.
"""

import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from disciplined import command_line
from disciplined.checks import one_of
from disciplined.command_line import tell
from disciplined.mistakes import Mistake


@dataclass
class Options:
    """The command's settings."""

    what: str = "training"
    cases: str = "all"
    contenders: str = "all"
    rounds: int = 5
    seconds: float = 8.0
    device: str = "cpu"
    threads: int | None = None
    runs: int = 2
    jobs: int = 50
    updates: int = 10
    records: str = "1000,10000,100000"
    compile: bool = False
    timed: bool = True
    data_dir: str = "data"
    output_dir: str = "outputs"
    publish: bool = False


def chosen(what: str, asked: str, known: dict[str, Any]) -> dict[str, Any]:
    """The named ones of `known`. Raises Mistake."""
    names = list(known) if asked == "all" else [n.strip() for n in asked.split(",")]
    for name in names:
        one_of(name, tuple(known), what)
    return {name: known[name] for name in names}


WHAT = (
    *("training", "means", "together", "ddp", "profile"),
    *("launchers", "clusters", "ray", "ledger", "finders", "nodes"),
)


def contenders_of(asked: Options) -> tuple[str, dict[str, Any]]:
    """The contender that the others stand by, and all of them: name -> what makes it."""
    from disciplined.benchmark import (
        clusters,
        contenders,
        launchers,
        means,
        peers,
        speeds,
        together,
    )

    if asked.what == "means":
        left_out = {name: partial(contenders.bare, means=m) for name, m in means.CHANGED.items()}
        return speeds.LIMIT, {speeds.LIMIT: contenders.bare, **left_out}
    if asked.what == "together":
        ways = {name: partial(make, runs=asked.runs) for name, make in together.WAYS.items()}
        return "a process each", ways
    if asked.what == "launchers":
        return "", launchers.WAYS
    if asked.what == "clusters":
        return "", clusters.WAYS
    if asked.what == "ray":
        return "", launchers.ON_RAY
    if asked.what in ("profile", "ledger", "nodes"):
        return "", {}
    if asked.what == "finders":
        from disciplined.benchmark.finders import measured

        return "", measured.FINDERS
    if asked.what == "ddp":
        return speeds.OURS, {speeds.OURS: contenders.ours, "two processes": contenders.several}
    return speeds.OURS, {
        speeds.OURS: contenders.ours,
        speeds.LIMIT: contenders.bare,
        "plain PyTorch": peers.plain,
        "fastai": peers.fastai,
        "Lightning": peers.lightning,
    }


def main(arguments: list[str]) -> int:
    """The command; returns its status."""
    if {"-h", "--help"} & set(arguments):
        print(__doc__)
        return 0
    asked = command_line.settings(Options, arguments)
    one_of(asked.device, ("cpu", "gpu"), "device")
    one_of(asked.what, WHAT, "what")

    import torch

    from disciplined.benchmark import cases, peers, report
    from disciplined.training import machine

    first, known = contenders_of(asked)
    makers = chosen("contenders", asked.contenders, known)
    if first and first not in makers:
        raise Mistake(f"contenders={asked.contenders}: {first} is what the others stand by")
    problems = {c.name: c for c in cases.CASES}
    if asked.what == "finders":
        from disciplined.benchmark.finders.problems import PROBLEMS

        problems = PROBLEMS
    if asked.what == "nodes":
        from disciplined.benchmark.nodes import RUNS

        problems = {name: name for name in RUNS}
    wanted = chosen("cases", asked.cases, problems).values()
    if asked.device == "gpu" and not torch.cuda.is_available():
        raise Mistake("device=gpu: this machine has no GPU that torch sees")
    if asked.threads:
        torch.set_num_threads(asked.threads)
    machine.keep_freed_memory()
    told = machine.description()
    common = {
        "what": asked.what,
        "first": first,
        "runs": asked.runs,
        "device": asked.device,
        "hardware": torch.cuda.get_device_name() if asked.device == "gpu" else told["hardware"],
        "threads": torch.get_num_threads(),
        "compiled": asked.compile,
        "versions": machine.versions(*peers.PEERS.get(asked.what, ())),
    }
    how = {
        "rounds": asked.rounds,
        "commit": told["commit"],
        "date": told["date"],
        "command": " ".join(["python scripts/benchmark.py", *filter(not_a_place, arguments)]),
    }
    place = ("published", "benchmark") if asked.publish else ("benchmark",)
    target = Path(asked.output_dir, *place)
    with tempfile.TemporaryDirectory() as folder:
        setting = cases.Setting(
            asked.device, torch.get_num_threads(), asked.data_dir, Path(folder), asked.compile
        )
        for measured in measurements(asked, list(wanted), setting, first, makers):
            print(report.add(target, common, measured | how))
    for file in report.pages(target):
        print(file)
    print((target / "README.md").read_text())
    return 0


def not_a_place(argument: str) -> bool:
    """Where one machine keeps its files is nobody's business."""
    return argument.partition("=")[0] not in ("data_dir", "output_dir")


def measurements(
    asked: Options, wanted: list[Any], setting: Any, first: str, makers: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    """What the record keeps of each network, or of the sweeps, as soon as it is measured."""
    from disciplined.benchmark import cases, clusters, launchers, profile

    if asked.what in ("launchers", "clusters", "ray"):
        timed = (clusters if asked.what == "clusters" else launchers).timed
        sweeps = launchers.measured(timed, list(makers), asked.jobs, asked.rounds, tell)
        yield {"name": f"{asked.jobs} jobs", "sweeps": sweeps, "precision": "fp32"}
        return
    if asked.what == "ledger":
        from disciplined.benchmark import ledger

        yield from ledger.measured(sizes(asked.records), tell)
        return
    if asked.what == "nodes":
        from disciplined.benchmark import nodes

        for case in wanted:
            with tempfile.TemporaryDirectory() as place:
                told = nodes.measured(case, asked.data_dir, Path(place), tell)
            yield told | {"precision": "fp32"}
        return
    if asked.what == "finders":
        from disciplined.benchmark.finders import measured

        kept, seeds = Path(asked.output_dir, "benchmark", "finders.jsonl"), range(asked.rounds)
        with measured.processes(asked.runs) as runs:
            do = partial(measured.measured, runs=runs, data_dir=asked.data_dir, tell=tell)
            for case in wanted:
                told = do(case, makers, seeds, kept, timed=asked.timed)
                yield told | {"name": case.name, "precision": "fp32"}
        return
    for case in wanted:
        if asked.what == "profile":
            parts = cases.parts(case, setting)
            shares = profile.shares(case, parts, setting, asked.updates)
            yield {"name": case.name, "shares": shares, "precision": parts.precision}
        else:
            yield measure(case, setting, asked, first, makers)


def sizes(text: str) -> list[int]:
    """The numbers of records asked for, rising. Raises Mistake."""
    found = [one.strip() for one in text.split(",")]
    if not all(one.isdecimal() and int(one) for one in found):
        raise Mistake(f"records={text}: expected whole numbers, such as 1000,10000")
    return sorted(map(int, found))


def measure(case, setting, asked: Options, first: str, makers: dict[str, Any]) -> dict[str, Any]:
    """One network's timings, ratios and floor."""
    import torch

    from disciplined.benchmark import cases, floors, means, timing

    parts = cases.parts(case, setting)
    if asked.what == "means":
        left_out = means.CHANGED
        makers = {
            n: m for n, m in makers.items() if n not in left_out or left_out[n].matters(parts)
        }
    mixed = parts.precision.startswith("bf16")
    rates = floors.rates(setting.torch_device, torch.bfloat16 if mixed else torch.float32)
    bound = floors.floor(case, parts, rates, setting.torch_device)
    tell(f"{case.name}: floor {bound.images_per_second:,.0f} images/s ({bound.bound})")
    timings = timing.alternate(
        {name: make(case, parts, setting) for name, make in makers.items()},
        images=case.total_batch_size * (asked.runs if asked.what == "together" else 1),
        rounds=asked.rounds,
        seconds=asked.seconds,
        tell=lambda line: tell(f"  {line}"),
    )
    ours = next(t for t in timings if t.name == first)
    return {
        "name": case.name,
        "timings": [asdict(t) | {"median": t.median} for t in timings],
        "ratios": {t.name: timing.ratio(ours, t) for t in timings if t is not ours},
        "floor": asdict(bound),
        "rates": asdict(rates),
        "precision": parts.precision,
    }


if __name__ == "__main__":
    command_line.run(main)
