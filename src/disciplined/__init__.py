"""Leslie Smith's learning-rate papers, reproduced and judged against the author's own logs."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from disciplined.diagnosis import diagnose as diagnose

# What is used as a library, by where it is; imported when it is asked for, so that this is instant.
LIBRARY = {"diagnose": "disciplined.diagnosis"}


def __getattr__(name: str) -> Any:
    if name not in LIBRARY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(LIBRARY[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *LIBRARY})
