"""The section on the open question: did cyclical momentum act in the third paper?"""

import math
from collections.abc import Callable, Hashable, Sequence

from disciplined.studies.judging import readings
from disciplined.studies.judging.evidence import CONTRADICTED
from disciplined.studies.judging.likelihood import Runs, Scatter, Stated, odds, product, scatter
from disciplined.studies.judging.readings import HELD, LABELLED, SGD, Row
from disciplined.studies.page import front, markdown
from disciplined.studies.page.elements import Html, element, link, text
from disciplined.studies.page.material import Material, counting
from disciplined.studies.page.momentum_table import row_table
from disciplined.studies.page.verdicts import typeset, word

FIRM = 4  # control rows without which no answer is firm
OVER = "Momentum held against the swing acting, by his printed numbers (his curves: below):"
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


def weighed(
    found: Sequence[tuple[Material, Row]], ratio: Callable[[Row], float | None]
) -> tuple[float | None, int]:
    """The product of a ratio over the rows that have it and enter, as ln, and how many they are."""
    ratios = [r for _, row in found if row.counted and (r := ratio(row)) is not None]
    return (product(ratios) if ratios else None), len(ratios)


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
        answer(found, spread, len(control)),
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


def answer(found: Sequence[tuple[Material, Row]], spread: Scatter | None, controls: int) -> Html:
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
    likeliest = conclusion([value for _, value, _ in ways], k, controls)
    if lost := sum(neither(row) for _, row in found):
        likeliest += (
            f" {lost} of the {k} {'comes' if lost == 1 else 'come'} back under neither reading: "
            "there it is weighed which of the two is less far off."
        )
    lines: list[Html] = [
        element(
            "div",
            element("dt", how),
            element("dd", odds(value), " ", element("span", rows_words(count), class_="of")),
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
                    element(
                        "dd", odds(value), " ", element("span", rows_words(count), class_="of")
                    ),
                )
            )
    return element(
        "div",
        element("p", element("strong", likeliest)),
        element("p", OVER, class_="over"),
        element("dl", lines),
        class_="answer",
    )


def neither(row: Row) -> bool:
    """Whether a row that enters was run both ways and comes back under neither."""
    both = row.ratio(HELD, LABELLED) is not None and row.counted
    return both and all(
        row.numbers[kind].verdict.verdict == CONTRADICTED for kind in (HELD, LABELLED)
    )


def rows_words(count: int) -> str:
    """How many rows a product is of."""
    return f"{count} row" if count == 1 else f"product over {count} rows"


def conclusion(logs: Sequence[float], rows: int, controls: int) -> str:
    """What ratios of held to acting over so many rows say; the weakest of them has the word.

    Firm only with odds over 20 : 1 by every way and FIRM control rows: before, nobody knows how far
    his rows lie off ours anyway.
    """
    least, most = min(logs), max(logs)
    what = f"{rows} row{'s' * (rows > 1)} run both ways and {controls} control row"
    what += "s" * (controls != 1)
    weakest = least if least > 0 else -most  # of the odds for what all of them speak for
    if weakest <= math.log(3):
        return f"What has been run, {what}, does not settle it."
    acted = "did not act" if least > 0 else "acted"
    if weakest <= math.log(20):
        return f"This rests on {what}: it speaks for a swing that {acted}, but does not settle it."
    if controls < FIRM:
        return (
            f"This rests on {what}: it speaks strongly for a swing that {acted}, but does not "
            f"settle it before {FIRM} controls have been run."
        )
    return f"On the {what} so far, the numbers say that it {acted}."


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
