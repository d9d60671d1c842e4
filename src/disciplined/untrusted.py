"""Files read as if a stranger had written them: plain, of a sane size, and no code in them.

YAML is parsed by the safe loader, without anchors (no run writes any; with them a small file can
unfold to a huge one); what is refused says why in one line.
"""

from pathlib import Path
from typing import Any

import yaml

from disciplined.mistakes import Mistake

LARGEST = 1 << 20  # bytes of a config or a summary; real ones have a few thousand
Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def plain(path: Path, largest: int) -> bytes:
    """What a file of a record holds, whoever wrote it. Raises ValueError for a link out of the
    folder and for more than `largest` bytes, OSError as reading does."""
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise ValueError(f"{path}: not a plain file")
    if path.stat().st_size > largest:
        raise ValueError(f"{path}: larger than any record's; not read")
    return path.read_bytes()


def text(path: Path) -> str:
    """A file's text. Raises Mistake for a link out of the folder or an absurd size."""
    try:
        return plain(path, LARGEST).decode(errors="replace")
    except ValueError as error:
        raise Mistake(str(error)) from None


def parsed(path: Path) -> dict[str, Any]:
    """A YAML mapping of plain values. Raises Mistake for anchors, tags and what is no mapping."""
    content = text(path)
    try:
        for event in yaml.parse(content, Loader=Loader):
            if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
                raise Mistake(f"{path}: has YAML anchors, which no run writes; not read")
        found = yaml.load(content, Loader=Loader)
    except (yaml.YAMLError, RecursionError) as error:
        words = " ".join(str(error).split())
        raise Mistake(f"{path}: not a run's config ({words[:120]})") from error
    if not isinstance(found, dict):
        raise Mistake(f"{path}: not a run's config")
    return found
