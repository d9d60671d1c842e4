"""Where what the project stands by lies: `<output_dir>/published/<paper>/<figure>/`.

The page of whole runs is there, that of a tenth of the iterations in `short/` below; the records of
both are in `records/`. Read without torch or Hydra.
"""

import json
from pathlib import Path
from typing import Any

from disciplined.mistakes import Mistake
from disciplined.untrusted import text

WHOLE, SHORT = "paper", "short"
SCALES = (WHOLE, SHORT)  # those that are published, the longest first
VERDICTS = "verdicts.json"


def page_folder(folder: Path, scale: str) -> Path:
    """Where in a study's folder the page of a scale stands."""
    return folder / SHORT if scale == SHORT else folder


def told(stands: Path) -> dict[str, Any]:
    """The verdicts of the page in a folder, empty where there is none. Raises Mistake."""
    file = stands / VERDICTS
    return read(file) if file.is_file() else {}


def seeds(stands: Path) -> int:
    """Up to which seed the arms of the page were run, 0 where there is none. Raises Mistake."""
    return max(
        (seed + 1 for ran in told(stands).get("seeds", {}).values() for seed in ran), default=0
    )


def has_runs(folder: Path) -> bool:
    """Whether a page of whole runs stands in a study's folder, judged from any. Raises Mistake."""
    there = told(folder)
    return there.get("scale") == WHOLE and any(there.get("records", {}).values())


def read(file: Path) -> dict[str, Any]:
    """A JSON mapping. Raises Mistake."""
    try:
        found = json.loads(text(file))
    except json.JSONDecodeError as error:
        raise Mistake(f"{file}: not JSON ({error}); publish the study again") from error
    if not isinstance(found, dict):
        raise Mistake(f"{file}: expected a mapping; publish the study again")
    return found
