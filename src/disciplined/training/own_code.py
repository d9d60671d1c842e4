"""The reader's own networks, schedules and loaders, as a record knows them: by their files' code.

A key names what a run was asked; an import path stays the same when the code behind it changes. So
a record keeps a digest of each file, and who asks again is told of one that has changed.
"""

import ast
import hashlib
import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from disciplined.training.machine import written
from disciplined.training.resolved import Resolved, resolved

PLACES = ("dataset", "model", "optimizer", "schedule", "momentum", "weight_decay", "clipping")
OWN = ("_target_", "function", "count")  # settings that name an import path


def own_code(cfg: DictConfig | Resolved) -> dict[str, str]:
    """Import path -> twelve hexadecimal digits over its file, less comments and docstrings.

    Only what lies outside this package; the file itself, not what it imports. Nothing is imported
    but the packages around it.
    """
    whole = resolved(cfg)
    paths = {path for place in PLACES for path in named(whole[place])}
    found = {path: digest(path) for path in sorted(paths) if not path.startswith("disciplined.")}
    return {path: code for path, code in found.items() if code is not None}


def notice(now: dict[str, str], summaries: list[dict[str, Any]]) -> str | None:
    """What is said of finished runs whose code is no longer that of `now`; None where all is."""
    then = [summary["machine"].get("own_code") or {} for summary in summaries]
    changed = [p for p, code in now.items() if any(t.get(p, code) != code for t in then)]
    if not changed:
        return None
    which = "this run was" if len(summaries) == 1 else "some of these runs were"
    return (
        f"warning: {', '.join(changed)} changed since {which} trained; "
        "force=true trains with the code as it is now"
    )


def named(node: Any) -> Iterator[str]:
    """The import paths that a config node names, at any depth."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key in OWN and isinstance(value, str):
                yield value
            else:
                yield from named(value)
    elif isinstance(node, list):
        for value in node:
            yield from named(value)


def digest(path: str) -> str | None:
    """Of the file that the import path leads to; None where there is no such source."""
    try:
        spec = importlib.util.find_spec(path.rpartition(".")[0])
    except (ImportError, ValueError):
        return None
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        return None
    tree = written(ast.parse(Path(spec.origin).read_bytes()))
    return hashlib.sha256(tree.encode()).hexdigest()[:12]
