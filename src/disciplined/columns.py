"""Numbers as text, text as numbers, and text in columns."""

import math
import re

LENGTH = re.compile(r"([0-9.eE+-]+)(ep|it|dur)")


def aligned(rows: list[list[str]]) -> str:
    """Rows of cells in columns."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def shown(value: float | None, metric: str, std: float | None = None, digits: int = 2) -> str:
    """A value ± its spread, accuracies in per cent; empty for None."""
    if value is None:
        return ""
    if metric.endswith("accuracy"):
        text = f"{100 * value:.{digits}f}"
        return f"{text} ± {100 * std:.{digits}f}" if std is not None else text
    return f"{value:.4f} ± {std:.4f}" if std is not None else f"{value:.4f}"


def hardware(name: object) -> str:
    """A machine as a record tells of it; old ones have `1 cores`."""
    return re.sub(r"\b1 cores$", "1 core", str(name))


def number(text: str) -> float | None:
    """A value as a number, a length without its unit; None for a word."""
    length = LENGTH.fullmatch(text)
    try:
        value = float(length[1] if length else text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
