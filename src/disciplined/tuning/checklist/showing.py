"""A step shown: its table and picture written, and what it came to as text. No torch."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from disciplined.columns import aligned
from disciplined.studies.planning.speeds import lasting
from disciplined.training.record import write
from disciplined.tuning.checklist import records, tables, telling
from disciplined.tuning.checklist.commands import After
from disciplined.tuning.checklist.conclusions import Arm, Size, choice
from disciplined.tuning.checklist.facts import Facts
from disciplined.tuning.checklist.options import Options
from disciplined.tuning.checklist.running import Run, lacking
from disciplined.tuning.checklist.tables import NAMES
from disciplined.tuning.checklist.telling import Told
from disciplined.tuning.reading import readings, suggested


def plan_text(waves: Sequence[Sequence[Run]], output_dir: Path) -> str:
    """What would be run: images and, where this machine's speed is known, time."""
    from disciplined.studies.planning import speeds
    from disciplined.studies.shelf import Shelf

    known = speeds.measured(Shelf(output_dir).all(), output_dir / "published" / "benchmark")
    rows, images, seconds = [["", "run", "updates", "images", "time", "record"]], 0, 0.0
    absent = {run.folder for wave in lacking(waves) for run in wave}
    for run in (run for wave in waves for run in wave):
        plan = run.place.plan
        about = {"name": plan.name, "setting": plan.setting, "images": plan.images}
        speed = known.of(about | {"iterations": plan.iterations})
        takes = run.images / speed if speed else None
        there = run.folder not in absent
        rows.append(
            [
                *("there" if there else "missing", run.name, f"{plan.iterations:,}"),
                *(f"{run.images:,}", lasting(takes), plan.key),
            ]
        )
        if not there:
            images += run.images
            seconds = seconds + takes if takes is not None and seconds is not None else None
    time = f", {lasting(seconds)} on this machine one at a time" if seconds else ""
    total = f"{len(absent)} of {len(rows) - 1} runs missing, {images:,} images{time}"
    return f"{aligned(rows)}\n\n{total}"


def shown(
    chosen: Options,
    overrides: list[str],
    known: Facts,
    waves: Sequence[Sequence[Run]],
    too_large: set[str],
) -> tuple[str, bool]:
    """What a step came to, and whether it found anything; writes its table and picture."""
    runs = [run for wave in waves for run in wave]
    place, after = records.folder(chosen.step, runs), After(chosen, overrides)
    if chosen.step == "batch":
        sizes = records.sizes(runs, too_large)
        rows = tables.size_table(sizes, known.train_images)
        told, files = telling.batch(sizes, after), []
        if any(s.speeds for s in sizes):
            files = [tabled(place, rows), size_picture(place, sizes)]
        return text(rows, told, files), bool(files)
    if chosen.step == "lr":
        return rates(after, runs, place, known.classes)
    arms = records.arms(chosen.step, runs)
    found, level = choice(arms), []
    if chosen.step == "sensitivity":
        told, level = telling.sensitivity(arms, found, after, known.classes)
    else:
        tell = {"momentum": telling.momentum, "weight_decay": telling.weight_decay}[chosen.step]
        told = tell(arms, found, after)
        if found:
            level = sorted(arm.value for arm in (found.best, *found.level))
    rows = tables.table(chosen.step, arms)
    files = []
    if any(arm.scores for arm in arms):
        files.append(tabled(place, tables.table(chosen.step, arms, exact=True)))
        best = found.best.value if found else None
        files.append(picture(chosen.step, place, arms, best, level))
    return text(rows, told, files), found is not None


def rates(after: After, runs: Sequence[Run], place: Path, classes: int) -> tuple[str, bool]:
    """What the range test came to."""
    every = records.curves(runs, after.chosen.rises, classes)
    curves = [curve for curve in every if len(curve.values)]
    if not curves:
        told = telling.unmeasured([curve.diverged_at for curve in every], after)
        return text([], told, []), False
    read = readings(curves)
    suggestion = suggested(read)
    rows, told = tables.reading_table(read), telling.rates(read, suggestion, after)
    from disciplined.tuning.reading import picture

    files = [tabled(place, rows), place / "figure.png"]
    picture.draw(curves, read, files[1])
    return text(rows, told, files), suggestion.max_lr is not None


def text(rows: list[list[str]], told: Told, files: Sequence[Path]) -> str:
    """Table, files, commands, warnings, and the line at the end."""
    parts = [aligned(rows) if rows else "", "\n".join(map(str, files))]
    parts += [f"{what}:\n  {command}" for what, command in told.commands]
    return "\n\n".join(filter(None, [*parts, "\n".join([*told.warnings, told.line])]))


def tabled(place: Path, rows: list[list[str]]) -> Path:
    """Write a table as CSV."""
    place.mkdir(parents=True, exist_ok=True)
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    write(place / "table.csv", out.getvalue())
    return place / "table.csv"


def picture(
    step: str, place: Path, arms: Sequence[Arm], best: float | None, level: Sequence[float]
) -> Path:
    """The loss that decides, and the final accuracy, over the values."""
    from disciplined.tuning.checklist import picture as value_picture

    deciding = next(iter(next(arm.scores for arm in arms if arm.scores)))
    panels = [
        value_picture.Panel(
            f"{deciding.partition('_')[0]} validation loss",
            [() if arm.diverged else arm.deciding for arm in arms],
        ),
        value_picture.Panel(
            "final validation accuracy (%)",
            [
                () if arm.diverged else [100 * a for a in arm.scores.get("final_val_accuracy", ())]
                for arm in arms
            ],
        ),
    ]
    values = [arm.value for arm in arms]
    title = f"{run_name(place, step)}, {chosen_words(step, best, level)}"
    return value_picture.draw(
        place / "figure.png", NAMES[step], values, panels, chosen=best, level=level, title=title
    )


def run_name(place: Path, step: str) -> str:
    """Model and data."""
    return place.name.rpartition("-")[0].removesuffix(f"-{step}")


def chosen_words(step: str, best: float | None, level: Sequence[float]) -> str:
    """What the picture's marks mean."""
    filled = "" if best is None else f"filled: the best, {best:g}"
    return filled + (
        (
            "; shaded: nearly as low"
            if step == "sensitivity"
            else "; shaded: no different beyond noise"
        )
        if len(level) > 1
        else ""
    )


def size_picture(place: Path, sizes: Sequence[Size]) -> Path:
    """Images a second and memory over the total batch size."""
    from disciplined.tuning.checklist import picture as value_picture

    sizes = [s for s in sizes if s.speeds or not s.fits]
    panels = [
        value_picture.Panel("images a second", [s.speeds for s in sizes], True),
        value_picture.Panel("memory (MiB)", [[m / 2**20 for m in s.memory] for s in sizes], True),
    ]
    fits = [float(s.size) for s in sizes if s.speeds]
    return value_picture.draw(
        *(place / "figure.png", NAMES["batch"], [float(s.size) for s in sizes], panels),
        chosen=max(fits),
        failed="does not fit",
        title=f"{run_name(place, 'batch')}, filled: the largest that fits",
    )
