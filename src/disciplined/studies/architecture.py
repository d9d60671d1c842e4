"""Tables of a network: its layers, output shapes and parameters beside what was published.

The layers come from the network itself (`disciplined.training.outline`), which takes torch; what
was made once is kept in `table.json` and shown from there until study or networks change.
"""

import ast
import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from disciplined.columns import aligned
from disciplined.mistakes import Mistake
from disciplined.studies.study import Study
from disciplined.training.machine import written
from disciplined.training.record import write

if TYPE_CHECKING:
    from disciplined.training.outline import Layer

PACKAGE = Path(__file__).parents[1]
FACTS = ("kind", "kernel", "stride", "padding", "times", "channels", "parameters")
HEADER = ("layer", "output", "parameters", "published")


def tables(study: Study) -> list[dict[str, Any]]:
    """Every table of a study: what it is of, its rows as cells, and its counts in words.

    Raises Mistake where what was published cannot be laid beside the layers.
    """
    from disciplined.training.outline import outline  # torch: slow

    found = []
    for told in study.architecture:
        layers = outline([f"model={told.model}", f"dataset={told.dataset}"], told.part)
        if told.published and len(told.published) != len(layers):
            raise Mistake(
                f"{study.id}: architecture {told.model}: {len(told.published)} published layers "
                f"beside {len(layers)}: {', '.join(layer.words() for layer in layers)}"
            )
        beside = told.published or [{}] * len(layers)
        where = f"{study.id}: architecture {told.model}"
        rows = [
            [
                layer.words(),
                "×".join(map(str, layer.output)),
                f"{layer.times * layer.parameters:,}",
                compared(layer, facts, where),
            ]
            for layer, facts in zip(layers, beside, strict=True)
        ]
        total = sum(layer.times * layer.parameters for layer in layers)
        rows.append(["all", "", f"{total:,}", ""])
        of = told.model + (f", {told.part}" if told.part else "")
        found.append({"of": of, "rows": rows, "counts": counted(layers, total, told.counts)})
    return found


def compared(layer: "Layer", facts: dict[str, Any], where: str) -> str:
    """`same`, or what was published otherwise; empty where nothing was."""
    here = {name: getattr(layer, name, None) for name in FACTS} | {"channels": layer.output[0]}
    for name in facts:
        if name not in FACTS:
            raise Mistake(f"{where}: published {name}={facts[name]}: expected {', '.join(FACTS)}")
    other = [f"{name} {value}" for name, value in facts.items() if here[name] != value]
    return f"differs: {', '.join(other)}" if other else "same" if facts else ""


def counted(layers: list["Layer"], total: int, published: dict[str, int]) -> list[str]:
    """How many layers there are of each kind that was counted, in words."""
    single = [layer for block in layers for layer in block.every()]
    words = []
    for kind, count in published.items():
        here = total if kind == "parameters" else sum(layer.kind == kind for layer in single)
        verdict = "same" if here == count else f"differs: {count:,} published"
        words.append(f"{kind}: {here:,} ({verdict})")
    return words


def current(study: Study) -> str:
    """Twelve hexadecimal digits over what a table depends on: the study's file and the networks."""
    found = hashlib.sha256(study.file.read_bytes())
    for path in [*sorted(PACKAGE.glob("models/*.py")), PACKAGE / "training" / "outline.py"]:
        found.update(written(ast.parse(path.read_text())).encode())
    for told in study.architecture:
        found.update((PACKAGE.parents[1] / "conf" / "model" / f"{told.model}.yaml").read_bytes())
    return found.hexdigest()[:12]


def made(study: Study, *kept: Path) -> list[dict[str, Any]]:
    """The tables from the first of the folders that has present ones, or else made anew."""
    for folder in kept:
        try:
            found = json.loads((folder / "table.json").read_text())
            if found["of"] == current(study):
                return found["tables"]
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return tables(study)


def write_tables(study: Study, found: list[dict[str, Any]], folder: Path) -> Path:
    """`table.json`, `table.md` and the page of a study in a folder; returns the page."""
    folder.mkdir(parents=True, exist_ok=True)
    kept = {"of": current(study), "study": study.id, "tables": found}
    write(folder / "table.json", json.dumps(kept, indent=1, ensure_ascii=False) + "\n")
    table = markdown(found)
    write(folder / "table.md", table)
    lines = [f"# {study.title}", "", f"{study.id}: {study.source}.", "", table]
    lines += [
        "Made from the network itself.",
        "",
        f"`{study.command()}`",
    ]
    for words, told in (("Contradictions", study.contradictions), ("Notes", study.notes)):
        if told:
            lines += ["", f"## {words}", "", *(f"* {t}" for t in told)]
    write(folder / "README.md", "\n".join(lines) + "\n")
    return folder / "README.md"


def markdown(found: list[dict[str, Any]]) -> str:
    """The tables in Markdown."""
    lines = []
    for table in found:
        lines += [f"**{table['of']}**", "", f"| {' | '.join(HEADER)} |", "|---|---|---|---|"]
        lines += [f"| {' | '.join(row)} |" for row in table["rows"]]
        lines += ["", *(f"* {words}" for words in table["counts"]), *([""] * bool(table["counts"]))]
    return "\n".join(lines) + "\n"


def text(found: list[dict[str, Any]]) -> str:
    """The tables for a terminal."""
    parts = []
    for table in found:
        lines = [table["of"], aligned([list(HEADER), *table["rows"]])]
        parts.append("\n".join([*lines, *(f"  {words}" for words in table["counts"])]))
    return "\n\n".join(parts)
