"""The benchmark's record as JSON, a table and a picture; made anew from the JSON alone.

`outputs/published/benchmark/<device>-<what>.json` is what was measured; README.md and a picture of
the same name are drawn from every such file beside it; remarks in a `.md` of the same name follow
its table.
"""

import json
from pathlib import Path
from typing import Any

from disciplined.benchmark import faults, nodes, speeds
from disciplined.benchmark.finders import picture
from disciplined.benchmark.sections import finders, ledgers, profiles, several_nodes, sweeps
from disciplined.benchmark.wording import TITLES, stem

# What is no comparison of speeds has a table of its own, and a picture of its own or none.
TABLES = {
    **dict.fromkeys(("launchers", "clusters", "ray"), sweeps),
    **{"profile": profiles, "ledger": ledgers, "finders": finders, "nodes": several_nodes},
    "faults": faults.section,
}
PICTURES = {"finders": picture.draw, "nodes": nodes.draw}


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
        PICTURES.get(one["what"], speeds.draw)(path, one)
    return [readme, *paths]


def section(found: dict[str, Any]) -> str:
    """The part of the page that one record makes."""
    return TABLES.get(found["what"], speeds.section)(found)
