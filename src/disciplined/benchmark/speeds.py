"""Images per second of contenders beside each other: the table and the picture."""

from pathlib import Path
from typing import Any

from disciplined.benchmark.timing import Timing, ratio
from disciplined.benchmark.wording import TITLES, about, commands, medians, spread, stem

OURS, LIMIT = "train.py", "bare loop"
AS_WRITTEN = f" ({OURS} and {LIMIT}; the others fp32 and eager, as they are written)"


def contenders(found: dict[str, Any]) -> list[str]:
    """The contenders' names in the order in which they were timed."""
    names: list[str] = []
    for case in found["cases"]:
        names += [t["name"] for t in case["timings"] if t["name"] not in names]
    return names


def section(found: dict[str, Any]) -> str:
    """The part of the page: the table of images per second."""
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
