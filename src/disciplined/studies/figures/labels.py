"""What arms are called in a figure: their labels; the setting before a bare number."""

from collections.abc import Iterable

from disciplined.studies.study import Panel, Study
from disciplined.style import HARD, KEPT, words


def arms_of(study: Study, panel: Panel) -> list[str]:
    """The arms that a panel shows."""
    return panel.named() or list(study.arms)


def label(study: Study, panel: Panel, arm: str) -> str:
    """The arm in words: `momentum 0.5` where the panel's labels are bare numbers of one setting."""
    arms, own = arms_of(study, panel), study.label(arm)
    if not all(bare(study.label(one)) for one in arms):
        return own
    settings = dict.fromkeys(key for one in arms for key in study.arms.get(one, {}))
    differing = [
        key for key in settings if len({repr(study.setting(one, key)) for one in arms}) > 1
    ]
    return f"{words(differing[0])} {own}" if len(differing) == 1 else own


def bare(text: str) -> bool:
    """Whether a label is a number and nothing else."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def not_run(names: Iterable[str]) -> str:
    """One line on what is not there, short names never broken (by hard spaces)."""
    names = [name.replace(" ", HARD) if len(name) <= KEPT else name for name in names]
    return "not run: " + ("; " if any("," in name for name in names) else ", ").join(names)
