"""What a study file's values are checked with; every failure is one line that says where."""

import difflib
from dataclasses import MISSING, fields
from typing import Any

from disciplined.mistakes import Mistake


def arm_name(value: object) -> str:
    """An arm's name from a YAML key or value: 1e-3 and 0.001 are the same arm."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def named(found: dict[str, Any], key: str) -> dict[str, Any]:
    """A mapping by arm."""
    return {arm_name(k): v for k, v in mapping(found.get(key), key).items()}


def mapping(found: object, where: str) -> dict[str, Any]:
    """A mapping with text keys; nothing counts as an empty one."""
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise Mistake(f"{where}: expected a mapping, not {found}")
    return {k if isinstance(k, float) else str(k): v for k, v in found.items()}  # type: ignore[misc]


def build(kind: type, told: object, where: str) -> Any:
    """A dataclass from a mapping with exactly its fields."""
    values = mapping(told, where)
    only(values, {f.name for f in fields(kind)}, where)
    for f in fields(kind):
        if f.name not in values and f.default is MISSING and f.default_factory is MISSING:
            raise Mistake(f"{where}: {f.name} is missing")
    return kind(**values)


def only(found: dict[str, Any], known: set[str], where: str) -> None:
    """No key but the known ones."""
    for key in found:
        if key not in known:
            raise Mistake(f"{where}: unknown key {key}; {suggestion(key, sorted(known))}")


def one_of(value: object, known: tuple[str, ...], where: str) -> None:
    """A choice out of a closed list."""
    if value not in known:
        raise Mistake(f"{where}={value}: {suggestion(str(value), list(known))}")


def suggestion(wrong: str, known: list[str]) -> str:
    """What may have been meant, or everything there is."""
    close = difflib.get_close_matches(str(wrong), known, n=1, cutoff=0.6)
    return f"did you mean {close[0]}?" if close else f"there are {', '.join(known)}"
