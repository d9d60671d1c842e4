"""A study's picture on the page: ours over the author's, with what it shows in words."""

from disciplined import style
from disciplined.studies.figures import ends, panels
from disciplined.studies.page.elements import Html, element, link
from disciplined.studies.page.material import Material


def figure(one: Material) -> Html | None:
    """The picture, ours over the author's; loaded when it comes into sight."""
    found = one.figure()
    if found is None:
        return None
    source, width, height = found
    if not one.study.trains:
        caption = "Drawn from the library’s own schedules."
    elif not one.runs:
        caption = f"{others(one)}; nothing of ours has been run."
    elif drawn_logs(one):
        caption = f"Ours ({one.runs} runs) over the author’s log, in the paler tone of its colour."
    else:
        caption = f"Our {one.runs} runs." if one.runs > 1 else "Our one run."
    return element(
        "figure",
        link(
            source,
            element(
                "img",
                src=source,
                alt=alternative(one),
                width=width,
                height=height,
                loading="lazy",
                decoding="async",
            ),
        ),
        element("figcaption", caption),
    )


def drawn_logs(one: Material) -> bool:
    """Whether the picture has any of the author's curves."""
    return any(panels.logged(one.study, panel) for panel in one.study.panels.values())


def others(one: Material) -> str:
    """What the picture shows where nothing of ours has been run."""
    published = any(
        (ends.rows if panel.over_a_setting else ends.ended)(one.study, panel)
        for panel in one.study.panels.values()
    )
    found = ["the author’s logs"] * drawn_logs(one) + ["published numbers"] * published
    words = " and ".join(found) or "schedules as they would be set"
    return words[0].upper() + words[1:]


def alternative(one: Material) -> str:
    """The picture in words."""
    panels = "; ".join(
        f"{panel.title + ': ' if panel.title else ''}"
        f"{' and '.join(map(style.words, panel.ys))} over {style.words(panel.x)}"
        for panel in one.study.panels.values()
    )
    rest = "" if not one.study.trains else " The final values are in the table below."
    return f"{one.study.title}. {panels}.{rest}"
