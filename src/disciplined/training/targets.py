"""Calling what a config names: `_target_` with arguments checked against its signature.

A schedule, network or optimiser is typed by its own annotations, so adding one is one function and
one YAML. Only ever given a config that was composed from `conf/`; records are data.
"""

import importlib
import inspect
import typing
from collections.abc import Callable, Mapping
from typing import Any

from disciplined.mistakes import Mistake
from disciplined.schedules.lengths import Iterations, Period

Lengths = Callable[[Any, str, str], Any]
"""(Iterations or Period, text, setting) -> the length as that."""


def located(path: str, setting: str) -> Callable[..., Any]:
    """The function or class at a dotted import path; `Mistake` naming `setting` where none is."""
    module, _, name = path.rpartition(".")
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise Mistake(
            f"{setting}={path}: no such function or class can be imported ({error}); "
            "a file of your own lies beside train.py or in a folder on PYTHONPATH"
        ) from error


def arguments(
    function: Callable[..., Any],
    node: Mapping[str, Any],
    setting: str,
    *,
    lengths: Lengths | None = None,
    given: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The keyword arguments that `node` holds for `function`, each of its annotated type.

    `lengths(kind, text, setting)` turns a length into the `Iterations` or `Period` it is annotated;
    `given` fills what the run knows (`duration`) if the function asks for it. Raises `Mistake` for
    an unknown, missing or mistyped argument.
    """
    typed = function if inspect.isfunction(function) else function.__init__
    hints = typing.get_type_hints(typed, include_extras=True)  # of a length, that it is one
    parameters = inspect.signature(function).parameters
    open_ended = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    values: dict[str, Any] = {}
    for key, value in node.items():
        if key == "_target_":
            continue
        if key not in parameters and not open_ended:
            raise Mistake(
                f"{setting}.{key}={value}: {function.__name__} has no such setting; it has "
                f"{', '.join(k for k in parameters if k not in (given or {}))}"
            )
        values[key] = converted(value, hints.get(key, Any), f"{setting}.{key}", lengths)
    for key, value in (given or {}).items():
        if key in parameters:
            values[key] = value
    missing = [
        k
        for k, p in parameters.items()
        if k not in values
        and p.default is p.empty
        and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)
    ]
    if missing:
        raise Mistake(f"{setting}.{missing[0]} is missing: {function.__name__} needs it")
    return values


def converted(value: Any, hint: Any, setting: str, lengths: Lengths | None) -> Any:
    """`value` as the type `hint` asks, or a `Mistake`; other than plain types pass through."""
    if hint in (Iterations, Period):
        if lengths is None:
            raise TypeError(f"{setting}: a length where none can be resolved")
        return lengths(hint, str(value), setting)
    if typing.get_origin(hint) is list:
        if not isinstance(value, list):
            raise Mistake(f"{setting}={value}: expected a list, such as [{value}]")
        (item,) = typing.get_args(hint)
        return [converted(v, item, f"{setting}[{i}]", lengths) for i, v in enumerate(value)]
    if typing.get_origin(hint) is Callable:
        return located(str(value), setting)
    if type(None) in typing.get_args(hint):
        hints = [h for h in typing.get_args(hint) if h is not type(None)]
        if value is None or len(hints) > 1:
            return value
        return converted(value, hints[0], setting, lengths)
    if hint is float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise Mistake(f"{setting}={value}: expected a number, such as 0.1 or 1e-4")
        return float(value)
    if hint is int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise Mistake(f"{setting}={value}: expected a whole number")
        return value
    if hint is bool and not isinstance(value, bool):
        raise Mistake(f"{setting}={value}: expected true or false")
    return value
