"""Leslie Smith's learning-rate papers, reproduced and judged against the author's own logs.

For curves of one's own: `diagnose` (it imports what it needs when first used).
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from disciplined.diagnosis import diagnose

__all__ = ["diagnose"]
PLACES = {"diagnose": "disciplined.diagnosis"}


def __getattr__(name: str) -> Any:
    """The library's functions, imported when they are asked for."""
    from importlib import import_module

    if name in PLACES:
        return getattr(import_module(PLACES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
