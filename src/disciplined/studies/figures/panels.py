"""What a panel of a figure has to show: runs, the author's log, a plan, published numbers.

`results` everywhere are finished runs by arm, chosen arms among them.
"""

from disciplined.studies import author
from disciplined.studies.figures import ends, series
from disciplined.studies.figures.ends import Results
from disciplined.studies.figures.labels import arms_of
from disciplined.studies.figures.series import author_curve
from disciplined.studies.study import SCHEDULED, Panel, Study


def shows(study: Study, panel: Panel, scale: str, results: Results) -> bool:
    """Whether there is anything to draw in a panel: runs, a log, a plan, a published number."""
    published = ends.rows if panel.over_a_setting else ends.ended
    if scale == "paper" and published(study, panel):
        return True
    if panel.over_a_setting:
        return any(results.get(arm) for arm in arms_of(study, panel))
    return drawn_over_a_run(study, panel, results)


def planned(study: Study, panel: Panel) -> bool:
    """Whether a panel is of a hyper-parameter that is known before anything is run."""
    known = any(arm in study.arms for arm in arms_of(study, panel))
    return known and panel.x in series.TIME and bool(set(panel.ys) & set(SCHEDULED))


def logged(study: Study, panel: Panel) -> bool:
    """Whether a panel of curves draws any of the author's."""
    return not panel.over_a_setting and any(
        author_curve(author.log(study.author[arm]), panel, metric, [])[0].size
        for arm in arms_of(study, panel)
        if arm in study.author
        for metric in panel.ys
    )


def drawn_over_a_run(study: Study, panel: Panel, results: Results) -> bool:
    """Whether a panel of curves has any."""
    ours_too = any(results.get(arm) for arm in arms_of(study, panel))
    return ours_too or planned(study, panel) or logged(study, panel)


def beside(study: Study, panel: Panel, results: Results) -> bool:
    """Whether a panel's final values stand beside its curves."""
    return bool(ends.ended(study, panel)) and drawn_over_a_run(study, panel, results)
