"""The section on the open question: did cyclical momentum act in the third paper?"""

from collections.abc import Hashable, Sequence

from disciplined.studies.judging import readings
from disciplined.studies.judging.likelihood import Runs, Scatter, Stated, scatter
from disciplined.studies.judging.readings import Row
from disciplined.studies.page import front, markdown
from disciplined.studies.page.elements import Html, element, link, text
from disciplined.studies.page.material import Material, counting
from disciplined.studies.page.momentum_answer import answer
from disciplined.studies.page.momentum_table import row_table
from disciplined.studies.page.verdicts import typeset, word

QUESTION = """
The third paper lets momentum fall while the rate rises. Its appendix puts that into Caffe’s
`SGDSolver`, but every log and solver file says `Nesterov`, whose update in Caffe reads the
constant momentum and never that code. If the swing never acted, a row labelled 0.95→0.85 was in
truth run at 0.95 throughout. So each such row is run as labelled, with the momentum held where it
starts and, where cheap, with the swing under plain SGD; then we ask under which of these the
printed number is likely.
"""
METHOD = """
The likelihood of a reading is Student’s probability that exactly the printed digits come out,
predicted from the mean and spread of our runs of it; his own spread, where he printed one, the
late spread of his log and the error of his test sample widen it. A row enters a product once, by
accuracy where there are several metrics, and only with three seeds or more of each reading.

*With scatter* widens every prediction by how far the rows of constant momentum that nobody doubts,
and whose runs stand for no row with a swing, {}. It leaves the degrees of
freedom no greater than they are without it (since 2026-11-29, when the odds were known, over a
million to one until then).

*By his pair* compares his row of the swing with his own row of that momentum held: equal but for
chance if the swing did not act, as far apart as ours if it did; whatever moves both alike falls
out.

The three are views of the same runs, not to be multiplied, and the products take rows as
independent.
"""


def rows(materials: Sequence[Material]) -> list[tuple[Material, Row]]:
    """Every row with a swing; of rows that two studies share, one."""
    found: list[tuple[Material, Row]] = []
    seen: set[Hashable] = set()
    for one in materials:
        told = one.numbers if one.scale in ("paper", "not run") else []
        for row in readings.rows(one.study, told, one.logs):
            name = one.names(row.arm, row.metric, row.published)
            if name not in seen:
                found.append((one, row))
            seen.add(name)
    return found


def controls(
    materials: Sequence[Material], found: Sequence[tuple[Material, Row]]
) -> list[tuple[Stated, Runs]]:
    """The rows of constant momentum of the papers that the rows with a swing `found` are in.

    A row that two papers print, or two studies ask about, counts once: the same value with the same
    runs of ours. Runs that are a reading of any row with a swing are left out wherever they stand:
    the scatter that a row is judged with must not be made of its own runs, and so all rows can be
    judged with the same.
    """
    papers = {one.paper for one, _ in found}
    judged = {row.runs(kind) for _, row in found for kind in readings.KINDS}
    rows: dict[tuple, tuple[Stated, Runs]] = {}
    for one in materials:
        if one.paper not in papers or one.scale != "paper":
            continue
        for stated, ours in readings.controls(one.study, one.numbers, one.logs):
            if ours not in judged:
                rows.setdefault((stated.value, stated.std, ours), (stated, ours))
    return list(rows.values())


def section(materials: Sequence[Material]) -> Html:
    """The question, the answer so far, and the rows it rests on."""
    found = rows(materials)
    control = controls(materials, found)
    spread = scatter(control)
    told = [
        (one, row) for one, row in found if sum(row.runs(k) is not None for k in readings.KINDS) > 1
    ]
    partly = [
        (one, row)
        for one, row in found
        if (one, row) not in told and any(number.n for number in row.numbers.values())
    ]
    waiting = len(found) - len(told) - len(partly)
    return element(
        "section",
        element("h2", "Did cyclical momentum act?"),
        markdown.blocks(QUESTION),
        answer([row for _, row in found], spread, len(control)),
        row_table(told + partly, spread),
        element(
            "p",
            f"{waiting} further rows with a swing wait for their runs.",
            class_="note",
        )
        if waiting
        else None,
        curves(materials),
        method(spread),
        id="momentum",
    )


def curves(materials: Sequence[Material]) -> Html | None:
    """What else bears on it: the shape of his logs, and what a swing that acts costs."""
    lines = []
    for one in counting(materials):
        for at, judged in one.settled:
            claim = judged.claim
            names = claim.arms()
            if claim.predicate == "shape" and "of" in claim.arguments:
                names.append(claim.arguments["of"])
            kinds = {str(one.study.setting(name, "momentum")) for name in names}
            about_swing = len(kinds) > 1 or (claim.predicate == "shape" and "cyclical" in kinds)
            if claim.question == "open" and about_swing and judged.verdict.measured:
                lines.append(
                    element(
                        "li",
                        word(judged.verdict.verdict, judged.verdict.word),
                        element(
                            "div",
                            front.says(at, judged),
                            element(
                                "p",
                                link(f"#{one.study.id}", one.study.title),
                                f" · {typeset(judged.verdict.statistic)}",
                                class_="why",
                            ),
                        ),
                    )
                )
    if not lines:
        return None
    return text(
        element("h3", "His curves, and what a swing that acts costs"),
        element("ul", lines, class_="claims"),
    )


def method(spread: Scatter | None) -> Html:
    """How the likelihoods come about."""
    allowed = (
        f"lie off, {100 * spread.share:.1f} % of the error rate by {spread.rows} rows"
        if spread
        else "lie off; fewer than two of them have been run, so nothing can be said yet"
    )
    return element(
        "details",
        element("summary", "How this is reckoned"),
        markdown.blocks(METHOD.format(allowed)),
        class_="fold",
    )
