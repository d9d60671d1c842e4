"""The figure of a study: ours over the author's muted curve, readable at column width.

matplotlib is imported when something is drawn. Panels stand below each other, each with room for
its own legend; where they stand is plain arithmetic, since laying out by measuring takes longer
than drawing.
"""

from io import BytesIO
from pathlib import Path
from typing import Any

from disciplined.studies.figures import ends, over_a_run, over_a_setting, panels
from disciplined.studies.figures.labels import not_run
from disciplined.studies.judging.choosing import with_chosen
from disciplined.studies.ledger import Result
from disciplined.studies.study import Panel, Study
from disciplined.style import DPI, ENTRY, LABELS, LINE, NOTE, STYLE, WIDTH, wrapped

PLOT, TITLE, GAP = 1.65, 0.2, 0.14  # inches: the axes' height, a title's line, between panels
LEFT, RIGHT, SECOND = 0.66, 0.2, 0.5  # beside the axes; right of them, and with a second scale
END, BEFORE, BEHIND = 0.6, 0.2, 0.42  # the scale of final values, before and behind it


def draw(
    study: Study, scale: str, results: dict[str, list[Result]], folder: Path, stem: str = "figure"
) -> list[Path]:
    """Write `stem`.svg and `stem`.png with every panel, below each other. Returns the files.

    results: finished runs by arm, of one scale; arms without any are drawn from the author's log
    or what was published alone, where there is either. Shorter runs are stretched to the paper's
    length. A panel with nothing to draw is named in a line below; where no panel has anything
    there is no figure, and one drawn earlier is removed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / f"{stem}.svg", folder / f"{stem}.png"]
    results, _ = with_chosen(study, results)
    shown = {n: p for n, p in study.panels.items() if panels.shows(study, p, scale, results)}
    if not shown:
        for file in files:
            file.unlink(missing_ok=True)
        return []
    from matplotlib import rc_context
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    with rc_context(STYLE):
        figure = Figure(figsize=(WIDTH, 1), dpi=DPI)
        axes = [figure.add_axes((0, 0, 1, 1), label=name) for name in shown]
        right = RIGHT
        for axis, (name, panel) in zip(axes, shown.items(), strict=True):
            draw_panel = over_a_setting.points if panel.over_a_setting else over_a_run.curves
            draw_panel(axis, study, panel, scale, results)
            if len(study.panels) > 1 or panel.title:
                axis.set_title(panel.title or name, loc="left")
        right = SECOND if len(figure.axes) > len(axes) else RIGHT
        # The same width for every panel, whether it has an end or not.
        beside = [scale == "paper" and panels.beside(study, p, results) for p in shown.values()]
        if any(beside):
            right = BEFORE + END + BEHIND
        width = WIDTH - LEFT - right
        for axis, panel, end in zip(axes, shown.values(), beside, strict=True):
            if any(beside) and isinstance(ticks := axis.xaxis.get_major_locator(), MaxNLocator):
                ticks.set_params(nbins=4, steps=(1, 2, 4, 5, 10))
            if end:
                place = (1 + BEFORE / width, 0, END / width, 1)
                ends.final(axis.inset_axes(place), study, panel, results)
        legends(axes, (WIDTH / 2 - LEFT) / width)
        left_out = [named(study, n, p) for n, p in study.panels.items() if n not in shown]
        stack(figure, axes, width, wrapped(not_run(left_out)) if left_out else "")
        figure.savefig(files[0], metadata={"Date": None})
        few_colours(figure, files[1])
    return files


def few_colours(figure: Any, file: Path) -> None:
    """Save a figure as a PNG of at most 128 colours: a third of the size, and sooner written."""
    from PIL import Image

    raw = BytesIO()
    figure.savefig(raw, format="raw", dpi=DPI)
    width, height = (int(inches * DPI) for inches in figure.get_size_inches())
    picture = Image.frombytes("RGBA", (width, height), raw.getvalue()).convert("RGB")
    few = picture.quantize(128, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    palette = few.getpalette() or []
    few.putpalette([255 if value > 252 else value for value in palette])  # white is white
    few.save(file, dpi=(DPI, DPI))


def named(study: Study, name: str, panel: Panel) -> str:
    """A panel that is not there: its title, or its name with the one arm it would show."""
    if panel.title or len(panel.arms) != 1:
        return panel.title or name
    return f"{name} ({study.label(panel.arms[0])})"


def stack(figure: Any, axes: list[Any], width: float, note: str) -> None:
    """Give every panel its place, from the top down, and the figure its height.

    note: a grey line below them all.
    """
    tops, y = [], 0.06
    for axis in axes:
        y += TITLE if axis.get_title(loc="left") else 0
        tops.append(y)
        y += PLOT + depth(axis) + height(axis) + GAP
    y += 0.1 + LINE * note.count("\n") if note else 0.06 - GAP
    figure.set_size_inches(WIDTH, y)
    twins = figure.axes[len(axes) :]
    for axis, top in zip(axes, tops, strict=True):
        place = (LEFT / WIDTH, 1 - (top + PLOT) / y, width / WIDTH, PLOT / y)
        axis.set_position(place)
        for twin in (t for t in twins if t in axis.get_shared_x_axes().get_siblings(axis)):
            twin.set_position(place)
    if note:
        style = {"ha": "center", "va": "bottom", "fontsize": STYLE["legend.fontsize"]}
        figure.text(0.5, 0.06 / y, note, color=NOTE, **style)


def depth(axis: Any) -> float:
    """The room below the axes for what stands beside the x axis, in inches."""
    return LABELS if len(axis.get_xticks()) else LABELS - 0.14


def height(axis: Any) -> float:
    """The height of a panel's legend in inches."""
    box = axis.get_legend()
    further = [text.get_text().count("\n") for text in box.texts] if box else []
    return ENTRY * len(further) + LINE * sum(further)


def legends(axes: list[Any], middle: float) -> None:
    """Every panel's legend below it; one that says no more than the next below is left out.

    What stands for the scale at the right comes last, before it words without a line. middle: the
    figure's, in widths of the axes.
    """
    below: list[tuple[str, ...]] = []
    for axis in reversed(axes):
        entries = [
            ((name, *look(handle)), handle)
            for handle, name in zip(*axis.get_legend_handles_labels(), strict=True)
        ]
        entries.sort(key=lambda entry: (of_the_right(entry[0]), in_words_alone(entry[0])))
        drawn = [told for told, _ in entries]
        if not drawn or drawn == below:
            continue
        if [t for t in drawn if not of_the_right(t)] == [t for t in below if not of_the_right(t)]:
            entries = [entry for entry in entries if of_the_right(entry[0])]
        below = drawn
        if entries:
            legend(axis, entries, middle)


def of_the_right(told: tuple[str, ...]) -> bool:
    """Whether an entry is of the scale of final values."""
    return told[0].startswith("right:")


def in_words_alone(told: tuple[str, ...]) -> bool:
    """Whether an entry has neither line nor marker."""
    return told[2:] == ("None", "None")


def look(handle: Any) -> tuple[str, ...]:
    """What tells an entry of a legend from others with the same words."""
    line = handle[0] or handle[2][0] if isinstance(handle, tuple) else handle
    parts = [line.get_color(), line.get_linestyle()]
    parts += [line.get_marker()] if hasattr(line, "get_marker") else []
    return tuple(map(str, parts))


def legend(axis: Any, entries: list[tuple[tuple[str, ...], Any]], middle: float) -> None:
    """A legend below the axis' label; entries of words alone in grey."""
    from matplotlib.transforms import ScaledTranslation

    below = ScaledTranslation(0, -depth(axis), axis.figure.dpi_scale_trans)
    axis.legend(
        [handle for _, handle in entries],
        [told[0] for told, _ in entries],
        loc="upper center",
        bbox_to_anchor=(middle, 0),
        bbox_transform=axis.transAxes + below,
        borderaxespad=0,
        frameon=False,
        handlelength=1.5,
        labelcolor=[NOTE if in_words_alone(told) else "black" for told, _ in entries],
    )
