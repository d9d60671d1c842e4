"""The section on the open question: did cyclical momentum act in the third paper?"""

import math
from collections.abc import Callable, Sequence

from disciplined.studies import readings
from disciplined.studies.likelihood import Scatter, odds, product, scatter
from disciplined.studies.page import markdown
from disciplined.studies.page.elements import Html, element, link, text
from disciplined.studies.page.material import Material
from disciplined.studies.page.momentum_table import row_table
from disciplined.studies.page.verdicts import typeset, word
from disciplined.studies.readings import HELD, LABELLED, SGD, Row

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

*With scatter* widens every prediction by how far the rows of constant momentum, which nobody
doubts, {}.

*By his pair* compares his row of the swing with his own row of that momentum held: equal but for
chance if the swing did not act, as far apart as ours if it did; whatever moves both alike falls
out.

The three are views of the same runs, not to be multiplied, and the products take rows as
independent.
"""


def rows(materials: Sequence[Material]) -> list[tuple[Material, Row]]:
    """Every row with a swing; of rows that two studies share, one."""
    found: list[tuple[Material, Row]] = []
    seen: set[tuple] = set()
    for one in materials:
        told = one.numbers if one.scale in ("paper", "not run") else []
        for row in readings.rows(one.study, told, one.logs):
            ours = row.numbers[LABELLED].mean
            key = (row.metric, row.published.value, row.published.std, ours)
            if ours is None or key not in seen:
                found.append((one, row))
            seen.add(key)
    return found


def control_scatter(materials: Sequence[Material], papers: set[str]) -> Scatter | None:
    """How far these papers' rows of constant momentum lie off.

    A number that another study asks about once more counts once.
    """
    found, seen = [], set()
    for one in materials:
        if one.paper not in papers or one.scale != "paper":
            continue
        for stated, ours in readings.controls(one.study, one.numbers, one.logs):
            key = (one.paper, stated.value, stated.std)
            if key not in seen:
                found.append((stated, ours))
            seen.add(key)
    return scatter(found)


def weighed(
    found: Sequence[tuple[Material, Row]], ratio: Callable[[Row], float | None]
) -> tuple[float | None, int]:
    """The product of a ratio over the rows that have it and enter, as ln, and how many they are."""
    ratios = [r for _, row in found if row.counted and (r := ratio(row)) is not None]
    return (product(ratios) if ratios else None), len(ratios)


def section(materials: Sequence[Material]) -> Html:
    """The question, the answer so far, and the rows it rests on."""
    found = rows(materials)
    spread = control_scatter(materials, {one.paper for one, _ in found})
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
        answer(found, spread),
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


def answer(found: Sequence[tuple[Material, Row]], spread: Scatter | None) -> Html:
    """As a whole: the products of the ratios, and what they say."""
    plain, k = weighed(found, lambda row: row.ratio(HELD, LABELLED))
    if plain is None:
        return element(
            "p", "No row has been run both ways yet, so there is no answer.", class_="answer"
        )
    ways = [("all else equal", plain, k)]
    if spread is not None:
        humble, _ = weighed(found, lambda row: row.ratio(HELD, LABELLED, spread))
        assert humble is not None
        ways.append((f"allowing for the scatter of {spread.rows} control rows", humble, k))
    pairs, paired = weighed(found, Row.pair)
    if pairs is not None:
        ways.append(("by the author’s own pairs of rows", pairs, paired))
    likeliest = conclusion([value for _, value, _ in ways], k)
    lines: list[Html] = [
        element(
            "div",
            element("dt", how),
            element("dd", odds(value), element("span", rows_words(count), class_="of")),
        )
        for how, value, count in ways
    ]
    for first, second, words in (
        (HELD, SGD, "momentum held against the swing under plain SGD"),
        (SGD, LABELLED, "the swing under plain SGD against the label"),
    ):
        value, count = weighed(found, lambda row, a=first, b=second: row.ratio(a, b))
        if value is not None:
            lines.append(
                element(
                    "div",
                    element("dt", words, ", all else equal"),
                    element("dd", odds(value), element("span", rows_words(count), class_="of")),
                )
            )
    return element(
        "div",
        element("p", element("strong", likeliest)),
        element("p", "Momentum held against the swing acting:", class_="over"),
        element("dl", lines),
        class_="answer",
    )


def rows_words(count: int) -> str:
    """How many rows a product is of."""
    return f"{count} row" if count == 1 else f"product over {count} rows"


def conclusion(logs: Sequence[float], rows: int) -> str:
    """What ratios of held to acting over so many rows say; the weakest of them has the word."""
    least, most = min(logs), max(logs)
    so_far = f"On the {rows} row{'s' * (rows > 1)} run both ways so far, the numbers say that it"
    if least > math.log(20):
        return f"{so_far} did not act."
    if most < -math.log(20):
        return f"{so_far} acted."
    if least > math.log(3):
        return "What has been run speaks for a swing that did not act, but does not settle it."
    if most < -math.log(3):
        return "What has been run speaks for a swing that acted, but does not settle it."
    return "What has been run does not settle it."


def curves(materials: Sequence[Material]) -> Html | None:
    """What else bears on it: the shape of his logs, and what a swing that acts costs."""
    lines = []
    for one in materials:
        for judged in one.claims:
            claim = judged.claim
            names = claim.arms()
            if claim.predicate == "shape" and "of" in claim.arguments:
                names.append(claim.arguments["of"])
            kinds = {str(one.study.setting(name, "momentum")) for name in names}
            about_swing = len(kinds) > 1 or (claim.predicate == "shape" and "cyclical" in kinds)
            if claim.question == "open" and about_swing and judged.verdict.verdict != "not run":
                lines.append(
                    element(
                        "li",
                        word(judged.verdict.verdict),
                        element(
                            "div",
                            element("p", claim.says, ".", class_="says"),
                            element(
                                "p",
                                link(f"#{one.study.id}", one.study.id),
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
