"""Leslie Smith's learning-rate papers, reproduced and judged against the author's own logs.

For a model of one's own: `range_test` and `diagnose` (each imports what it needs when first used),
`disciplined.schedules`, `disciplined.tuning.scheduler` and `disciplined.tuning.lightning`.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from disciplined.diagnosis import diagnose
    from disciplined.tuning.trial.range_test import range_test

__all__ = ["diagnose", "range_test"]
PLACES = {
    "diagnose": "disciplined.diagnosis",
    "range_test": "disciplined.tuning.trial.range_test",
}


def __getattr__(name: str) -> Any:
    """The library's functions, imported when they are asked for."""
    from importlib import import_module

    if name in PLACES:
        return getattr(import_module(PLACES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
