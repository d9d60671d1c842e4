"""`scripts/runs.py diagnose`."""

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from disciplined import command_line
from disciplined.checks import one_of
from disciplined.diagnosis.diagnosing import Diagnosis, diagnose
from disciplined.diagnosis.names import parsed
from disciplined.mistakes import Mistake


@dataclass
class Options:
    """Its settings."""

    map: str = ""
    picture: str = ""
    format: str = "text"
    answers: bool = False
    publish: bool = False
    output_dir: str = "outputs"


def main(arguments: list[str]) -> int:
    """The command; returns its status."""
    known = {f.name for f in fields(Options)}
    paths = [a for a in arguments if "=" not in a or Path(a).exists()]
    paths = [a for a in paths if a.partition("=")[0] not in known]
    asked = command_line.settings(Options, [a for a in arguments if a not in paths])
    one_of(asked.format, ("text", "json"), "format")
    output_dir = Path(asked.output_dir)
    if asked.answers:
        if paths:
            raise Mistake(f"diagnose answers=true {paths[0]}: takes no runs; it has its own")
        print(answered(output_dir, asked.publish))
        return 0
    if not paths:
        raise Mistake("diagnose: names no run; give a CSV, a record's folder or part of its key")
    columns = parsed(asked.map)
    found = [diagnose(path, columns=columns, output_dir=output_dir) for path in paths]
    if asked.picture:
        from disciplined.diagnosis.picture import draw

        draw(found, Path(asked.picture))
    print(json.dumps([told(one) for one in found], indent=2) if asked.format == "json" else
          "\n\n".join(map(str, found)))  # fmt: skip
    return 0


def told(one: Diagnosis) -> dict[str, object]:
    """A diagnosis as JSON."""
    return {
        "name": one.curves.name,
        "metric": one.metric,
        "findings": [asdict(f) | {"confidence": f.confidence} for f in one.findings],
        "notes": one.notes,
        "not_judged": one.unjudged,
        "read": one.curves.read,
    }


def answered(output_dir: Path, publish: bool) -> str:
    """The diagnosis beside curves with known answers."""
    from disciplined.diagnosis import answers, published

    if publish:
        return "\n".join(map(str, published.publish(output_dir)))
    remarks, listed = answers.read_answers()
    return published.text(answers.judged(listed, output_dir), remarks)
