"""outputs/published/diagnosis: the confusion tables and four marked examples, made anew."""

from pathlib import Path

from disciplined.diagnosis import answers as known
from disciplined.diagnosis.answers import Answer, Judged
from disciplined.diagnosis.picture import draw
from disciplined.training.record import write

COMMAND = "python scripts/runs.py diagnose answers=true publish=true"
SETS = (
    ("Seen while thresholds were chosen", lambda a: not a.held and not a.fresh),
    ("Held out", lambda a: a.held),
    ("Fresh: first seen after the held-out ones were mended", lambda a: a.fresh),
)
EXAMPLES = (
    "author:superconv/clr3SS5kWD-6Fig11",
    "author:superconv/lrRange3SS520kClip10Fig12a",
    "tutorials/blobs_rate#1e-05",
    "author:superconv/lr35Fig1a",
)


def folder(output_dir: Path) -> Path:
    """Where it is published."""
    return output_dir / "published" / "diagnosis"


def text(found: list[Judged], remarks: list[str]) -> str:
    """table.md."""
    lines = [
        "# Diagnosis beside curves with known answers",
        "",
        "What `scripts/runs.py diagnose` finds on curves whose answer was written down beforehand "
        "(conf/diagnosis.yaml: the author's logs, the tutorials' panels, our studies, drawn ones). "
        "A curve counts under its answer where that was found and nothing false beside it; else "
        "under the false finding, or the gravest, or nothing.",
        "",
        *(f"* {remark}" for remark in remarks),
        "",
    ]
    for title, belongs in SETS:
        part = [one for one in found if belongs(one.answer)]
        if not part:
            continue
        lines += [f"## {title}", "", known.summary(part), "", known.confusion(part), ""]
        for kind, is_kind in KINDS.items():
            some = [one for one in part if is_kind(one.answer)]
            if some:
                lines.append(f"* {kind}: {known.summary(some)}")
        lines += ["", "Not right:", ""]
        lines += [f"* {said}" for said in known.wrong(part)] or ["* none"]
        lines.append("")
    lines += ["## Four examples", "", "![four marked curves](examples.png)", "", f"`{COMMAND}`", ""]
    return "\n".join(lines)


KINDS = {
    "the author's logs": lambda a: a.curve.startswith("author:"),
    "our records": lambda a: "#" in a.curve,
    "drawn": lambda a: a.curve.startswith("synthetic:"),
}


def publish(output_dir: Path) -> list[Path]:
    """Judge every curve, write the table and draw the examples. Returns the files."""
    remarks, listed = known.read_answers()
    found = known.judged(listed, output_dir)
    place = folder(output_dir)
    place.mkdir(parents=True, exist_ok=True)
    write(place / "table.md", text(found, remarks))
    drawn = [first(found, curve) for curve in EXAMPLES]
    return [place / "table.md", draw([d.diagnosis for d in drawn], place / "examples.png", 2)]


def first(found: list[Judged], curve: str) -> Judged:
    """The first judged curve of an answer."""
    return next(one for one in found if one.answer.curve == curve)


__all__ = ["Answer", "publish", "text"]
