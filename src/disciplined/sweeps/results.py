"""What a sweep came to: a table over seeds, and a picture of accuracy over what was varied.

Both go to `<output_dir>/sweeps/<varied>-<hash>/`; the hash is that of the runs' keys, so the same
grid always has the same folder. No torch.
"""

import csv
import hashlib
import io

from disciplined.columns import aligned, shown
from disciplined.sweeps.cells import Cell, cells, short, spread
from disciplined.sweeps.grid import Place
from disciplined.training.record import write


def name(places: list[Place]) -> str:
    """The sweep's: what it varies, and a hash over its runs."""
    keys = [key for key in places[0].varied if key != "seed"]
    mark = hashlib.sha256("\n".join(sorted({p.plan.key for p in places})).encode()).hexdigest()
    return "-".join([*map(short, keys or ["seed"]), mark[:8]])


def report(places: list[Place]) -> str:
    """Write table and picture; the table as text, and where they are."""
    grid = cells(places)
    metrics = [m for m in ("val_accuracy", "test_accuracy", "test_loss") if measured(grid, m)]
    rows = table(grid, metrics)
    if not metrics:
        return aligned(rows)
    folder = places[0].plan.folder.parents[1] / "sweeps" / name(places)
    folder.mkdir(parents=True, exist_ok=True)
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(table(grid, metrics, exact=True))
    write(folder / "table.csv", out.getvalue())
    files = [folder / "table.csv"]
    keys = [key for key in places[0].varied if key != "seed"]
    if keys:
        from disciplined.sweeps import picture

        files.append(picture.draw(grid, keys, metrics[0], folder / "figure.png"))
    return "\n".join([aligned(rows), "", *map(str, files)])


def measured(grid: list[Cell], metric: str) -> bool:
    """Whether any run has this number."""
    return any(cell.found(metric) for cell in grid)


def table(grid: list[Cell], metrics: list[str], *, exact: bool = False) -> list[list[str]]:
    """A row a cell: the values varied; n; means ± standard deviations (apart, if `exact`)."""
    keys = list(grid[0].values)
    head = [*keys, "runs"]
    for metric in metrics:
        words = metric.replace("_", " ") + " (%)" * metric.endswith("accuracy")
        head += [f"{metric}_mean", f"{metric}_std"] if exact else [words]
    head += ["diverged", "missing"]
    rows = [head]
    for cell in grid:
        row = [*(cell.values[k] for k in keys), str(len(cell.final))]
        for metric in metrics:
            mean, std = spread(cell.found(metric))
            if exact:
                row += ["" if x is None else repr(x) for x in (mean, std)]
            else:
                row.append(shown(mean, metric, std))
        rows.append([*row, str(cell.diverged or ""), str(cell.missing or "")])
    keep = [i for i, name in enumerate(head) if exact or any(r[i] for r in rows[1:])]
    return [[row[i] for i in keep] for row in rows]
