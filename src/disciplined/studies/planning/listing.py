"""The studies as a table: what they take, and what of them is on disk. No torch and no Hydra."""

from pathlib import Path
from typing import Any

from disciplined.checks import one_of
from disciplined.columns import aligned
from disciplined.studies.index_file import keys
from disciplined.studies.planning import speeds
from disciplined.studies.planning.speeds import Speeds, lasting
from disciplined.studies.shelf import Shelf
from disciplined.studies.study import SCALES

HEAD = ("study", "title", "data", "networks", "runs", "images", "time", *SCALES)


def table(index: dict[str, dict[str, Any]], output_dir: Path, paper: str, data: str) -> str:
    """Every study of the papers and data sets asked for (commas between; all where empty)."""
    papers = tuple(dict.fromkeys(name.partition("/")[0] for name in index))
    sets = tuple(sorted({name for told in index.values() for name in told["data"]}))
    for setting, text, known in (("paper", paper, papers), ("data", data, sets)):
        for one in filter(None, text.split(",")):
            one_of(one, known, setting)
    shelf = Shelf(output_dir)
    benchmark = output_dir / "published" / "benchmark"
    known = speeds.measured(shelf.all(), benchmark, speeds.evaluated(index))
    rows = [
        row(name, told, shelf, known)
        for name, told in index.items()
        if (not paper or name.partition("/")[0] in paper.split(","))
        and (not data or set(told["data"]) & set(data.split(",")))
    ]
    return (
        f"{aligned([list(HEAD), *rows])}\n\n{len(rows)} studies; runs, images and time on this "
        "machine (one run at a time; ~: estimated from another machine's speed; ?: nobody has "
        "measured such a network): at paper scale; paper, short, smoke: on disk/all"
    )


def row(name: str, told: dict[str, Any], shelf: Shelf, known: Speeds) -> list[str]:
    """A study's row."""
    seeds, paper = told["seeds"], told["scales"]["paper"]
    images = sum(arm["images"] for arm in paper.values()) * seeds["paper"]
    counts = []
    for scale in SCALES:
        found = [k for arm in told["scales"][scale].values() for k in keys(arm, seeds[scale])]
        counts.append(f"{sum(shelf.finished(k) is not None for k in found)}/{len(found)}")
    return [
        *(name, told["title"], ", ".join(told["data"]), ", ".join(told["models"])),
        *(str(len(paper) * seeds["paper"]), f"{images / 1e6:,.1f}M"),
        *(total(known, list(paper.values()), seeds["paper"]), *counts),
    ]


def total(known: Speeds, arms: list[dict[str, Any]], seeds: int) -> str:
    """The time of a study in words: of what is known, and whether there is more."""
    told = [seconds for arm in arms if (seconds := known.seconds(arm)) is not None]
    if not told:
        return "?" if arms else ""
    words = lasting(sum(told) * seeds, any(map(known.estimated, arms)))
    return words + " + ?" * (len(told) < len(arms))
