"""The benchmark's record as JSON, a table and a picture; made anew from the JSON alone.

`outputs/published/benchmark/<device>-<what>.json` is what was measured; README.md and a picture of
the same name are drawn from every such file beside it.
"""

import json
from pathlib import Path
from typing import Any

OURS, LIMIT = "train.py", "bare loop"
TITLES = {
    "training": "Training beside its limit, and beside how others train",
    "means": "What each mean gains: the bare loop over the same loop changed in one thing",
    "together": "{runs} runs at once: one after another, a process each, or stacked in one process",
    "ddp": "One run in one process and in two (DDP)",
}


def write(folder: Path, found: dict[str, Any]) -> list[Path]:
    """Add what was measured on one device and draw table and picture of all. Returns the files."""
    folder.mkdir(parents=True, exist_ok=True)
    record = folder / f"{stem(found)}.json"
    record.write_text(json.dumps(found, indent=2) + "\n")
    every = [json.loads(path.read_text()) for path in folder.glob("*.json")]
    every.sort(key=lambda one: (one["device"], list(TITLES).index(one["what"])))
    readme = folder / "README.md"
    readme.write_text("\n".join(["# Images per second of training", "", *map(section, every)]))
    return [record, readme, *(draw(folder, one) for one in every)]


def stem(found: dict[str, Any]) -> str:
    """The name of a record's files."""
    return f"{found['device']}-{found['what']}"


def section(found: dict[str, Any]) -> str:
    """The table of one record."""
    names, first = contenders(found), found["first"]
    floors = found["what"] == "training"
    head = ["network, total batch", *(f"{n} (images/s)" for n in names)]
    head += [f"{first} / {n}" for n in names if n != first] + ["of the floor"] * floors
    rows = [head, ["---"] * len(head)]
    for case in found["cases"]:
        speeds = {t["name"]: t["median"] for t in case["timings"]}
        row = [case["name"], *(f"{speeds[n]:,.0f}" if n in speeds else "" for n in names)]
        for name in names:
            if name != first:
                told = case["ratios"].get(name)
                row.append(f"{told[0]:.2f} [{told[1]:.2f}, {told[2]:.2f}]" if told else "")
        if floors:
            part = speeds[first] / case["floor"]["images_per_second"]
            row.append(f"{part:.0%} ({case['floor']['bound']})")
        rows.append(row)
    rates = found["rates"]
    told = [
        f"## {TITLES[found['what']].format(**found)} ({found['device']})",
        "",
        f"![images per second]({stem(found)}.png)",
        "",
        *(f"| {' | '.join(row)} |" for row in rows),
        "",
        f"{found['hardware']}, {found['date'][:10]}, {found['threads']} threads, "
        f"{found['precision']}, {'compiled' if found['compiled'] else 'eager'}"
        + (f" ({OURS} and {LIMIT}; the others fp32 and eager, as they are written)" * floors)
        + "; "
        + ", ".join(f"{k} {v}" for k, v in found["versions"].items())
        + f". Medians of {found['rounds']} rounds, all contenders in each, "
        "every other one in reverse; ratios are within a round, with lowest and highest.",
        "",
    ]
    if floors:
        told += [
            f"Floor: {rates['matrix'] / 1e9:,.0f} GFLOP/s in a matrix product and "
            f"{rates['bandwidth'] / 1e9:,.1f} GB/s in a copy, measured in the same process; the "
            "time of an update's convolutions and products at these rates, by arithmetic or bytes.",
            "",
        ]
    return "\n".join([*told, f"`{found['command']}`", ""])


def contenders(found: dict[str, Any]) -> list[str]:
    """The contenders' names in the order in which they were timed."""
    names: list[str] = []
    for case in found["cases"]:
        names += [t["name"] for t in case["timings"] if t["name"] not in names]
    return names


def draw(folder: Path, found: dict[str, Any]) -> Path:
    """Bars: each contender's speed as a share of the bare loop's, or of the first's without one."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    from disciplined.studies.drawing import COLOURS, STYLE

    names, cases = contenders(found), found["cases"]
    stands_by = LIMIT if LIMIT in names else found["first"]
    named: set[str] = set()
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(6.8, 0.35 + 0.62 * len(cases)), layout="constrained")
        height = 0.8 / len(names)
        for i, name in enumerate(names):
            for place, case in enumerate(cases):
                timings = {t["name"]: t for t in case["timings"]}
                if name not in timings:
                    continue
                limit = timings[stands_by]["median"]
                y = place - 0.4 + (i + 0.5) * height
                axes.barh(
                    y,
                    timings[name]["median"] / limit,
                    height,
                    color=COLOURS[i],
                    label=None if name in named else name,
                )
                named.add(name)
                axes.text(
                    timings[name]["median"] / limit,
                    y,
                    f" {timings[name]['median']:,.0f}",
                    va="center",
                    fontsize=5.5,
                )
        axes.set_yticks(range(len(cases)), [case["name"] for case in cases])
        axes.invert_yaxis()
        axes.axvline(1, color="0.6", linewidth=0.6)
        axes.set_xlabel(f"speed over that of {stands_by}; numbers: images/s")
        axes.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
        path = folder / f"{stem(found)}.png"
        figure.savefig(path, dpi=200)
        plt.close(figure)
    return path
