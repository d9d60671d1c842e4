"""Images per second of training, beside the limit and beside how others train the same networks.

    uv run --group benchmark scripts/benchmark.py [cases=three_layer-128,lenet-512]
        [contenders=train.py,bare loop,plain PyTorch,fastai,Lightning] [rounds=5] [seconds=8]
        [device=cpu] [threads=2] [compile=false] [data_dir=data] [output_dir=outputs]
        [publish=true]

Contenders take turns within one process; each is timed for about so many seconds a round. The
record goes to outputs/benchmark, with publish=true to outputs/published/benchmark. Run nothing
else meanwhile. Status: 0, 2 a mistake.
"""

import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from disciplined import command_line
from disciplined.mistakes import Mistake
from disciplined.studies.checks import one_of


@dataclass
class Options:
    """The command's settings."""

    cases: str = "all"
    contenders: str = "all"
    rounds: int = 5
    seconds: float = 8.0
    device: str = "cpu"
    threads: int | None = None
    compile: bool = False
    data_dir: str = "data"
    output_dir: str = "outputs"
    publish: bool = False


def chosen(what: str, asked: str, known: dict[str, Any]) -> dict[str, Any]:
    """The named ones of `known`. Raises Mistake."""
    names = list(known) if asked == "all" else [n.strip() for n in asked.split(",")]
    for name in names:
        one_of(name, tuple(known), what)
    return {name: known[name] for name in names}


def main(arguments: list[str]) -> int:
    """The command; returns its status."""
    if {"-h", "--help"} & set(arguments):
        print(__doc__)
        return 0
    asked = command_line.settings(Options, arguments)
    one_of(asked.device, ("cpu", "gpu"), "device")

    import torch

    from disciplined.benchmark import cases, contenders, floors, peers, report, timing
    from disciplined.training import machine

    known = {
        report.OURS: contenders.ours,
        report.LIMIT: contenders.bare,
        "plain PyTorch": peers.plain,
        "fastai": peers.fastai,
        "Lightning": peers.lightning,
    }
    makers = chosen("contenders", asked.contenders, known)
    if report.OURS not in makers:
        raise Mistake(f"contenders={asked.contenders}: {report.OURS} is what the others stand by")
    wanted = chosen("cases", asked.cases, {c.name: c for c in cases.CASES}).values()
    if asked.device == "gpu" and not torch.cuda.is_available():
        raise Mistake("device=gpu: this machine has no GPU that torch sees")
    if asked.threads:
        torch.set_num_threads(asked.threads)
    machine.keep_freed_memory()
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        setting = cases.Setting(
            asked.device, torch.get_num_threads(), asked.data_dir, Path(folder), asked.compile
        )
        rates: dict[str, floors.Rates] = {}
        for case in wanted:
            parts = cases.parts(case, setting)
            mixed = parts.precision.startswith("bf16")
            dtype = torch.bfloat16 if mixed else torch.float32
            if parts.precision not in rates:
                rates[parts.precision] = floors.rates(setting.torch_device, dtype)
            bound = floors.floor(case, parts, rates[parts.precision], setting.torch_device)
            tell(f"{case.name}: floor {bound.images_per_second:,.0f} images/s ({bound.bound})")
            timings = timing.alternate(
                {name: make(case, parts, setting) for name, make in makers.items()},
                images=case.total_batch_size,
                rounds=asked.rounds,
                seconds=asked.seconds,
                tell=lambda line: tell(f"  {line}"),
            )
            first = next(t for t in timings if t.name == report.OURS)
            others = [t for t in timings if t is not first]
            found.setdefault("cases", []).append(
                {
                    "name": case.name,
                    "timings": [asdict(t) | {"median": t.median} for t in timings],
                    "ratios": {t.name: timing.ratio(first, t) for t in others},
                    "floor": asdict(bound),
                }
            )
            found |= {"precision": parts.precision, "rates": asdict(rates[parts.precision])}
    told = machine.description()
    found |= {
        "device": asked.device,
        "hardware": torch.cuda.get_device_name() if asked.device == "gpu" else told["hardware"],
        "threads": torch.get_num_threads(),
        "compiled": asked.compile,
        "rounds": asked.rounds,
        "versions": machine.versions(*peers.PEERS),
        "commit": told["commit"],
        "date": told["date"],
        "command": " ".join(["python scripts/benchmark.py", *arguments]),
    }
    place = ("published", "benchmark") if asked.publish else ("benchmark",)
    for file in report.write(Path(asked.output_dir, *place), found):
        print(file)
    print(report.section(found))
    return 0


def tell(line: str) -> None:
    """A line of progress."""
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except Mistake as mistake:
        print(f"benchmark.py: {mistake}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
