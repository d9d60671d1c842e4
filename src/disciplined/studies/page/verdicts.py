"""Verdicts as they look on the page: a mark, a word, a bar."""

import re
from collections.abc import Mapping

from disciplined.studies.judging.evidence import CONTRADICTED, INCONCLUSIVE, NOT_RUN, REPRODUCED
from disciplined.studies.page.elements import Html, element, text
from disciplined.studies.page.material import VERDICTS

# A shape each, so that nothing rests on colour alone.
MARKS = {REPRODUCED: "●", CONTRADICTED: "✕", INCONCLUSIVE: "◐", NOT_RUN: "○"}
CLASSES = {v: v.replace(" ", "-") for v in VERDICTS}


def typeset(statistic: str) -> str:
    """A statistic with true minus signs (the hyphens of names and exponents are left)."""
    return re.sub(r"(?<![\w.-])-(?=\d)", "−", statistic)


def mark(verdict: str) -> Html:
    """The mark alone, for where the word stands beside it."""
    return element("span", MARKS[verdict], class_=f"mark {CLASSES[verdict]}", aria_hidden="true")


def word(verdict: str, told: str = "") -> Html:
    """Mark and word. told: another word for the same verdict."""
    words = told or verdict
    return element("span", mark(verdict), " ", words, class_=f"verdict {CLASSES[verdict]}")


def counted(counts: Mapping[str, int]) -> Html | None:
    """Counts by verdict on one line, those of nothing left out."""
    found = [
        element("span", mark(v), f" {counts[v]} {v}", class_=f"verdict {CLASSES[v]}")
        for v in VERDICTS
        if counts.get(v)
    ]
    return element("span", found, class_="counts") if found else None


def bar(counts: Mapping[str, int]) -> Html:
    """Shares by verdict as one bar, with the numbers in words for those who do not see it."""
    words = ", ".join(f"{counts.get(v, 0)} {v}" for v in VERDICTS)
    return element(
        "div",
        [
            element("span", class_=f"part {CLASSES[v]}", style=f"flex-grow:{counts[v]}")
            for v in VERDICTS
            if counts.get(v)
        ],
        class_="bar",
        role="img",
        aria_label=words,
    )


def legend(counts: Mapping[str, int]) -> Html:
    """What the bar's parts are."""
    return element(
        "p",
        text([element("span", mark(v), f" {counts.get(v, 0)} {v}") for v in VERDICTS]),
        class_="legend",
    )
