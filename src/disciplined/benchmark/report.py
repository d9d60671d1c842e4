"""The benchmark's record as JSON, a table and a picture; made anew from the JSON alone.

`outputs/published/benchmark/<device>-<what>.json` is what was measured; README.md and a picture of
the same name are drawn from every such file beside it; remarks in a `.md` of the same name follow
its table.
"""

import json
import statistics
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from disciplined.benchmark import faults, ledger_table, nodes
from disciplined.benchmark.finders import PROTOCOL, picture, table
from disciplined.benchmark.timing import Timing, ratio

OURS, LIMIT = "train.py", "bare loop"
AS_WRITTEN = f" ({OURS} and {LIMIT}; the others fp32 and eager, as they are written)"
TITLES = {
    "training": "Training beside its limit, and beside how others train",
    "means": "What each mean gains: the bare loop over the same loop changed in one thing",
    "together": "{runs} runs at once: one after another, a process each, or stacked in one process",
    "ddp": "One run in one process and in two (DDP)",
    "profile": "What an update's time goes to",
    "launchers": "What a sweep costs besides training",
    "clusters": "What a sweep on a cluster costs besides training",
    "ray": "What a sweep on Ray costs besides training",
    "ledger": "What a large ledger costs its readers",
    "finders": "Range tests beside each other: the rate suggested, and 1cycle with it",
    "nodes": "One run over two nodes beside one process: how far apart the curves come",
    "faults": "What was done to runs on real engines, and what came of it",
}


def add(folder: Path, setting: dict[str, Any], case: dict[str, Any]) -> Path:
    """Put one network's timings into the record of its setting; returns the record's file.

    Beside those of other networks in the same setting (hardware, threads, versions); timings of
    another setting make way, since a table must not mix them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    record = folder / f"{stem(setting)}.json"
    found = json.loads(record.read_text()) if record.is_file() else {}
    cases = {c["name"]: c for c in found.pop("cases", []) if found == setting}
    cases[case["name"]] = case
    part = record.with_suffix(".part")
    part.write_text(json.dumps(setting | {"cases": list(cases.values())}, indent=2) + "\n")
    part.replace(record)
    return record


def pages(folder: Path) -> list[Path]:
    """README.md and a picture each of all records in a folder, drawn anew. Returns the files."""
    every = [json.loads(path.read_text()) for path in folder.glob("*.json")]
    every.sort(key=lambda one: (one["device"], list(TITLES).index(one["what"])))
    readme = folder / "README.md"
    parts = ["# Images per second of training, and other comparisons", ""]
    for one in every:
        parts.append(section(one))
        if (remarks := folder / f"{stem(one)}.md").is_file():  # what somebody found out behind it
            parts.append(remarks.read_text())
    readme.write_text("\n".join(parts))
    drawn = [one for one in every if one["what"] not in TABLES or one["what"] in PICTURES]
    paths = [folder / f"{stem(one)}.png" for one in drawn]
    for path, one in zip(paths, drawn, strict=True):
        PICTURES.get(one["what"], draw)(path, one)
    return [readme, *paths]


def stem(found: dict[str, Any]) -> str:
    """The name of a record's files."""
    return f"{found['device']}-{found['what']}"


def section(found: dict[str, Any]) -> str:
    """The part of the page that one record makes."""
    return TABLES.get(found["what"], speeds)(found)


SWEEPS = {  # what is to be known of each kind's ways
    "launchers": "Our jobs are processes of their own, forked from one that has imported torch; "
    "Hydra's basic launcher trains in its own process, joblib's workers import torch each.",
    "clusters": "A Slurm of two nodes on this one host, whose cores they share. An allocation "
    "imports torch once for all of its runs; bare submitit's jobs do nothing.",
    "ray": "Our jobs are processes of their own, forked from one that has imported torch, one for "
    "each of Ray's workers; bare Ray's workers import torch each and train in their own process. A "
    "Ray of two cores is started and ended with each sweep.",
}


def sweeps(found: dict[str, Any]) -> str:
    """The table of sweeps by several launchers."""
    head = ["launcher", "jobs", "at once", "seconds in all", "of these training"]
    head.append("a job's seconds besides training")
    rows = [head, ["---"] * len(head)]
    for case in found["cases"]:
        for ways in case["sweeps"]:
            one = ways[0]
            row = [one["name"], str(one["jobs"]), str(one["at_once"])]
            row += [f"{statistics.median(w[k] for w in ways):.0f}" for k in ("wall", "training")]
            outside = sorted(w["outside"] for w in ways)
            among = f" [{outside[0]:.2f}, {outside[-1]:.2f}]" if len(outside) > 1 else ""
            rows.append([*row, f"{statistics.median(outside):.2f}{among}"])
    return "\n".join(
        [
            f"## {TITLES[found['what']]} ({found['device']})",
            "",
            *(f"| {' | '.join(row)} |" for row in rows),
            "",
            "From the command to its end, imports and all; training is the time of the jobs' "
            f"updates over the jobs at once. {SWEEPS[found['what']]}",
            "",
            about(found) + medians(found) + ".",
            "",
            commands(found),
        ]
    )


def profiles(found: dict[str, Any]) -> str:
    """The table of shares of an update's time."""
    kinds = list(found["cases"][0]["shares"])
    rows = [["network, total batch", *kinds], ["---"] * (len(kinds) + 1)]
    for case in found["cases"]:
        rows.append([case["name"], *(f"{case['shares'][kind]:.0%}" for kind in kinds)])
    return "\n".join(
        [
            f"## {TITLES[found['what']]} ({found['device']})",
            "",
            *(f"| {' | '.join(row)} |" for row in rows),
            "",
            "Of the time within operations, forwards and backwards, in the bare loop under "
            "torch's profiler.",
            "",
            about(found),
            "",
            commands(found),
        ]
    )


def finders(found: dict[str, Any]) -> str:
    """The table of range tests, with its protocol."""
    seeds = spread(case["rounds"] for case in found["cases"])
    return "\n".join(
        [
            f"## {TITLES[found['what']]} ({found['device']})",
            "",
            f"![test error of 1cycle, and the rates suggested]({stem(found)}.png)",
            "",
            *(f"| {' | '.join(row)} |" for row in table.rows(found)),
            "",
            f"{seeds} seeds. Rates: median [lowest, highest]. Accuracy on the test set: mean ± "
            "std. Differences in points, paired within seeds, 95 % intervals; in bold those that "
            "stay decided after Holm's correction for all of the table's. Near: seeds within a "
            "point of the grid's best rate. Images read: training + validation, medians.",
            "",
            PROTOCOL,
            "",
            about(found),
            "",
            commands(found),
        ]
    )


def ledgers(found: dict[str, Any]) -> str:
    """The table of commands over large ledgers."""
    cases = sorted(found["cases"], key=lambda case: case["records"])
    return "\n".join(
        [
            f"## {TITLES[found['what']]} ({found['device']})",
            "",
            *(f"| {' | '.join(row)} |" for row in ledger_table.rows(cases)),
            "",
            "Seconds from the command to its end, imports and all (in brackets the processors'), "
            "and the most memory that one of its processes held; files in the system's cache. A "
            "further record: processor time between the last two sizes. The records are LeNet's on "
            "MNIST, made by the project's own writer without training: "
            f"{cases[-1]['files']} files and {cases[-1]['bytes'] / 1000:.1f} kB each.",
            "",
            about(found),
            "",
            commands(found),
            ledger_table.CLUSTER,
        ]
    )


def several_nodes(found: dict[str, Any]) -> str:
    """The table of runs over several nodes."""
    return "\n".join(
        [
            f"## {TITLES[found['what']]} ({found['device']})",
            "",
            f"![curves]({stem(found)}.png)",
            "",
            *(f"| {' | '.join(row)} |" for row in nodes.rows(found)),
            "",
            "The largest difference over all rows of `metrics.csv`: of losses relative, of "
            "accuracies in points. The nodes are two agents of torchrun on one machine, a process "
            "each; batch norm, where there is any, in four groups. Sums over two halves of a batch "
            "round otherwise than over the whole: the first rows differ in their last bits, later "
            "ones by what training makes of that. The control is one process that takes the same "
            "halves one after the other (trainer.accumulate=2): it is apart from one process by "
            "rounding alone, and what the second node adds is its distance from the control.",
            "",
            about(found),
            "",
            commands(found),
        ]
    )


# What is no comparison of speeds has a table of its own, and a picture of its own or none.
TABLES = {
    **dict.fromkeys(("launchers", "clusters", "ray"), sweeps),
    **{"profile": profiles, "ledger": ledgers, "finders": finders, "nodes": several_nodes},
    "faults": lambda found: faults.section(found, TITLES["faults"]),
}
PICTURES = {"finders": picture.draw, "nodes": nodes.draw}


def about(found: dict[str, Any], how: str = "") -> str:
    """Machine, date, threads, precision and versions in a line."""
    cases = found["cases"]
    return (
        f"{found['hardware']}, {spread(c['date'][:10] for c in cases)}, {found['threads']} "
        f"threads, {spread(c['precision'] for c in cases)}, "
        f"{'compiled' if found['compiled'] else 'eager'}{how}; "
        + ", ".join(f"{k} {v}" for k, v in found["versions"].items())
        + "."
    )


def medians(found: dict[str, Any]) -> str:
    """How contenders took turns."""
    rounds = spread(case["rounds"] for case in found["cases"])
    return " One round" if rounds == "1" else f" Medians of {rounds} rounds, every other in reverse"


def commands(found: dict[str, Any]) -> str:
    """What to type to measure it again."""
    typed = dict.fromkeys(case["command"] for case in found["cases"])
    return "\n".join(f"`{command}`\n" for command in typed)


def speeds(found: dict[str, Any]) -> str:
    """The table of images per second."""
    names, first = contenders(found), found["first"]
    floors = found["what"] == "training"
    head = ["network, total batch", *(f"{n} (images/s)" for n in names)]
    head += [f"{first} / {n}" for n in names if n != first] + ["of the floor"] * floors
    rows = [head, ["---"] * len(head)]
    for case in found["cases"]:
        speed = {t["name"]: t["median"] for t in case["timings"]}
        row = [case["name"], *(f"{speed[n]:,.0f}" if n in speed else "" for n in names)]
        for name in names:
            if name != first:
                told = case["ratios"].get(name)
                row.append(f"{told[0]:.2f} [{told[1]:.2f}, {told[2]:.2f}]" if told else "")
        if floors:
            part = speed[first] / case["floor"]["images_per_second"]
            row.append(f"{part:.0%} ({case['floor']['bound']})")
        rows.append(row)
    told = [
        f"## {TITLES[found['what']].format(**found)} ({found['device']})",
        "",
        f"![images per second]({stem(found)}.png)",
        "",
        *(f"| {' | '.join(row)} |" for row in rows),
        "",
        about(found, AS_WRITTEN * floors)
        + medians(found)
        + "; ratios are within a round, with lowest and highest.",
        "",
    ]
    if floors:
        matrix = spread((c["rates"]["matrix"] / 1e9 for c in found["cases"]), ",.0f")
        bandwidth = spread((c["rates"]["bandwidth"] / 1e9 for c in found["cases"]), ",.1f")
        told += [
            f"Floor: {matrix} GFLOP/s in a matrix product and {bandwidth} GB/s in a copy, measured "
            "before each network; the time of an update's convolutions and products at these "
            "rates, by arithmetic or bytes.",
            "",
        ]
    return "\n".join([*told, commands(found)])


def spread(values: Iterable[Any], form: str = "") -> str:
    """One value where all are the same, else the lowest and the highest."""
    found = [format(value, form) for value in sorted(set(values))]
    return found[0] if len(set(found)) == 1 else f"{found[0]} to {found[-1]}"


def contenders(found: dict[str, Any]) -> list[str]:
    """The contenders' names in the order in which they were timed."""
    names: list[str] = []
    for case in found["cases"]:
        names += [t["name"] for t in case["timings"] if t["name"] not in names]
    return names


def draw(path: Path, found: dict[str, Any]) -> Path:
    """Bars: each contender's speed as a share of the bare loop's, or of the first's without one."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    from disciplined.style import COLOURS, STYLE

    names, cases = contenders(found), found["cases"]
    stands_by = LIMIT if LIMIT in names else found["first"]
    named: set[str] = set()
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(6.8, 0.35 + 0.62 * len(cases)), layout="constrained")
        height = 0.8 / len(names)
        for place, case in enumerate(cases):
            timings = {t["name"]: Timing(t["name"], t["rounds"]) for t in case["timings"]}
            for name in (n for n in names if n in timings):
                middle, lowest, highest = ratio(timings[name], timings[stands_by])
                y = place - 0.4 + (names.index(name) + 0.5) * height
                axes.barh(
                    y,
                    middle,
                    height,
                    xerr=[[middle - lowest], [highest - middle]],
                    error_kw={"linewidth": 0.6},
                    color=COLOURS[names.index(name)],
                    label=None if name in named else name,
                )
                named.add(name)
                speed = f"  {timings[name].median:,.0f} images/s"
                words = speed if name == stands_by else f"  {middle:.2f}"
                axes.text(highest, y, words, va="center", fontsize=5.5)
        axes.set_yticks(range(len(cases)), [case["name"] for case in cases])
        axes.invert_yaxis()
        axes.axvline(1, color="0.6", linewidth=0.6)
        axes.set_xlabel(f"speed over that of {stands_by}, within a round (median, lowest, highest)")
        axes.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
        figure.savefig(path, dpi=200)
        plt.close(figure)
    return path
