"""Numbers as text, and text in columns."""


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
