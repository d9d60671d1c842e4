"""Files read as if a stranger had written them: plain, of a sane size, and no code in them.

YAML is parsed by the safe loader, without anchors (no run writes any; with them a small file can
unfold to a huge one); what is refused says why in one line.
"""

import errno
import os
import re
import stat
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from disciplined.dotted import flat
from disciplined.mistakes import Mistake

LARGEST = 1 << 20  # bytes of a config or a summary; real ones have a few thousand
Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# neither through a link nor waiting for what is no file
OPENED = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
OPENED |= getattr(os, "O_BINARY", 0)
# The lines that a run writes, all but a few of them: `key:`, `key: word` and `- word`.
LINE = re.compile(r"( *)([A-Za-z_]\w*):(?: (\[\]|-?[\w./][\w./+-]*))?", re.ASCII)
ITEM = re.compile(r"( *)- (-?[\w./][\w./+-]*)", re.ASCII)


def plain(path: Path, largest: int) -> bytes:
    """What a file of a record holds, whoever wrote it. Raises ValueError for a link out of the
    folder and for more than `largest` bytes, OSError as reading does."""
    try:
        opened = os.open(path, OPENED)
    except OSError as error:
        if error.errno == errno.ELOOP or path.is_symlink():
            raise ValueError(f"{path}: not a plain file") from None
        raise
    with open(opened, "rb", buffering=0) as file:  # noqa: PTH123
        found = os.fstat(opened)
        if not stat.S_ISREG(found.st_mode):
            raise ValueError(f"{path}: not a plain file")
        if found.st_size > largest:
            raise ValueError(f"{path}: larger than any record's; not read")
        return file.read()


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


def settings(path: Path) -> dict[str, Any]:
    """A YAML mapping of plain values by dotted keys. Raises Mistake as `parsed` does."""
    found = by_lines(text(path))
    return flat(parsed(path)) if found is None else found


def by_lines(content: str) -> dict[str, Any] | None:
    """What a run wrote, line by line: the same as YAML's parser gives, in a fifth of the time.

    None for anything unusual, which is left to the parser.
    """
    found: dict[str, Any] = {}
    names: set[str] = set()
    open_mappings = [(0, "")]  # indentation, and what stands before the keys of each
    above: tuple[int, str] | None = None  # a key without a value: what follows may be its own
    for line in content.removesuffix("\n").split("\n"):
        if item := ITEM.fullmatch(line):
            if above is None or len(item[1]) != above[0]:
                return None
            found.setdefault(above[1], []).append(word(item[2]))
            continue
        entry = LINE.fullmatch(line)
        if entry is None:
            return None
        indent = len(entry[1])
        if above is not None and above[1] not in found:  # no list
            if indent > above[0]:
                open_mappings.append((indent, f"{above[1]}."))
            else:
                found[above[1]] = None
        while open_mappings[-1][0] > indent:
            open_mappings.pop()
        key = open_mappings[-1][1] + entry[2]
        if open_mappings[-1][0] != indent or key in names or word(entry[2]) != entry[2]:
            return None
        names.add(key)
        above = None if entry[3] else (indent, key)
        if entry[3]:
            found[key] = [] if entry[3] == "[]" else word(entry[3])
    if above is not None:
        found.setdefault(above[1], None)
    return found


@lru_cache(maxsize=4096)
def word(text: str) -> Any:
    """A word of YAML as its parser reads it."""
    return yaml.load(f"key: {text}", Loader=Loader)["key"]
