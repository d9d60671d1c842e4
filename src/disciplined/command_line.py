"""`key=value` arguments of the scripts, as the fields of a dataclass that says their types.

`train.py` takes Hydra's; the scripts have a handful of settings and start without it.
"""

import os
import sys
import types
import typing
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

from disciplined.checks import suggestion
from disciplined.ending import MISTAKE
from disciplined.mistakes import Mistake

Settings = TypeVar("Settings")


def of_hydra(argument: str) -> bool:
    """Whether an argument sets something of Hydra's own; `+` adds what a launcher's file lacks."""
    return argument.lstrip("+").startswith(("hydra.", "hydra/"))


def settings(kind: type[Settings], arguments: Sequence[str]) -> Settings:
    """An instance of the dataclass `kind` with what `arguments` set.

    Whole and other numbers must be positive, texts not empty. Raises `Mistake`.
    """
    hints = typing.get_type_hints(kind)
    known = [f.name for f in fields(kind) if f.init]  # pyright: ignore[reportArgumentType]
    found: dict[str, Any] = {}
    for argument in arguments:
        key, equals, value = argument.partition("=")
        if not equals or key not in known:
            raise Mistake(f"{argument}: no such setting; {suggestion(key, known)}")
        found[key] = converted(argument, value, plain(hints[key]))
    return kind(**found)


def plain(hint: Any) -> type:
    """The type of an optional setting that is given."""
    if isinstance(hint, types.UnionType):
        return next(one for one in typing.get_args(hint) if one is not type(None))
    return hint


def converted(argument: str, value: str, kind: type) -> Any:
    """A value as its setting's type."""
    if kind is bool:
        if value not in ("true", "false"):
            raise Mistake(f"{argument}: expected true or false")
        return value == "true"
    if kind is int:
        if not value.isdecimal() or int(value) < 1:
            raise Mistake(f"{argument}: expected a whole number from 1 on")
        return int(value)
    if kind is float:
        try:
            number = float(value)
        except ValueError:
            number = 0.0
        if not 0 < number < float("inf"):
            raise Mistake(f"{argument}: expected a positive number")
        return number
    if not value:
        raise Mistake(f"{argument}: expected a value")
    return value


def tell(line: str) -> None:
    """A line of progress, on standard error, at once."""
    print(line, file=sys.stderr, flush=True)


def run(main: Callable[[list[str]], int]) -> None:
    """End the process as `main` says: a mistake is a line and 2, Ctrl-C 130, a closed pipe 141."""
    try:
        sys.exit(main(sys.argv[1:]))
    except Mistake as mistake:
        print(f"{Path(sys.argv[0]).name}: {mistake}", file=sys.stderr)
        sys.exit(MISTAKE)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:  # `| head` has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
