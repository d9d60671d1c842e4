"""The figure of a study: ours over the author's muted curve, readable at column width.

matplotlib is imported when something is drawn.
"""

from pathlib import Path

from disciplined.studies import panels
from disciplined.studies.choosing import with_chosen
from disciplined.studies.ledger import Result
from disciplined.studies.study import Study
from disciplined.studies.style import HEIGHT, LINE, STYLE, WIDTH, legend


def draw(
    study: Study, scale: str, results: dict[str, list[Result]], folder: Path, stem: str = "figure"
) -> list[Path]:
    """Write `stem`.svg and `stem`.png with every panel, below each other. Returns the files.

    results: finished runs by arm, of one scale; arms without any are drawn from the author's log
    alone, where there is one. Shorter runs are stretched to the paper's length.
    """
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    folder.mkdir(parents=True, exist_ok=True)
    results, _ = with_chosen(study, results)
    named = list(study.panels.items())
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(
            len(named),
            1,
            figsize=(WIDTH, HEIGHT * len(named)),
            squeeze=False,
            layout="constrained",
            dpi=220,
        )
        ends = scale == "paper" and any(panels.ended(study, panel, results) for _, panel in named)
        for axis, (name, panel) in zip(axes[:, 0], named, strict=True):
            draw_panel = panels.points if panel.over_a_setting else panels.curves
            draw_panel(axis, study, panel, scale, results)
            if ends:  # the same width for every panel, whether it has an end or not
                panels.final(axis.inset_axes([1.05, 0, 0.3, 1]), study, panel, results)
            if (
                axis is axes[-1, 0]
                or len({(*p.named(), *(p.ys if p.ys[1:] else ())) for _, p in named}) > 1
            ):
                legend(axis, 0.6 if ends else 0.5)
            if len(named) > 1 or panel.title:
                axis.set_title(panel.title or name, loc="left")
        written = [a.get_legend() for a in axes[:, 0]]
        lines = sum(t.get_text().count("\n") + 1 for box in written if box for t in box.texts)
        figure.set_size_inches(WIDTH, HEIGHT * len(named) + LINE * lines)
        files = [folder / f"{stem}.svg", folder / f"{stem}.png"]
        if engine := figure.get_layout_engine():  # not anew for every file
            engine.execute(figure)
        figure.set_layout_engine(None)
        figure.savefig(files[0], metadata={"Date": None})
        figure.savefig(files[1], dpi=220, metadata={"Software": None})
        plt.close(figure)
    return files
