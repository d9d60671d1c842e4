"""Was a study's file committed before its records? By git blob, so that nobody need be believed.

A record keeps the blob of the study file it was run for and whether that very blob was committed
then. Works without git: the blob is computed here, and what git would say is None.
"""

import hashlib
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any


def blob(file: Path) -> str:
    """The git blob id of a file's present content."""
    content = file.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def committed(file: Path) -> bool | None:
    """Whether HEAD holds the file with exactly this content; None where git cannot say."""
    try:
        line = subprocess.run(
            ["git", "ls-tree", "HEAD", "--", file.name],
            cwd=file.parent,
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    return bool(line) and line.split()[2] == blob(file)


def entry(study: str, file: Path) -> dict[str, Any]:
    """What a record keeps of the study it was run for."""
    return {"id": study, "blob": blob(file), "committed": committed(file)}


def verdict(study: str, file: Path, registered: list[dict[str, Any] | None]) -> str:
    """One line on the records of a study: registered, and under which version of its file.

    registered: the `registered` entry of every record's summary.
    """
    if not registered:
        return "no records"
    counts: Counter[str] = Counter()
    present = blob(file)
    for found in registered:
        if not found or not found.get("committed"):
            counts["not registered"] += 1
        elif found["id"] != study:
            counts[f"registered under {found['id']}"] += 1
        elif found["blob"] != present:
            counts[f"registered under an earlier version of the file ({found['blob'][:12]})"] += 1
        else:
            counts[f"registered ({present[:12]})"] += 1
    if len(counts) == 1:
        return next(iter(counts))
    return ", ".join(f"{n} {words}" for words, n in counts.most_common())
