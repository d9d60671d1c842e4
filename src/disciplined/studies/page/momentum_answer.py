"""The answer so far: whether cyclical momentum acted, by what odds, and how firm they are."""

import math
from collections.abc import Callable, Sequence

from disciplined.studies.judging.evidence import CONTRADICTED
from disciplined.studies.judging.likelihood import Scatter, odds, product
from disciplined.studies.judging.readings import HELD, LABELLED, SGD, Row
from disciplined.studies.page.elements import Html, element

FIRM = 4  # control rows without which no answer is firm
OVER = "Momentum held against the swing acting, by his printed numbers (his curves: below):"


def answer(rows: Sequence[Row], spread: Scatter | None, controls: int) -> Html:
    """As a whole: the products of the ratios, and what they say."""
    plain, k = weighed(rows, lambda row: row.ratio(HELD, LABELLED))
    if plain is None:
        return element(
            "p", "No row has been run both ways yet, so there is no answer.", class_="answer"
        )
    ways = [("all else equal", plain, k)]
    if spread is not None:
        humble, _ = weighed(rows, lambda row: row.ratio(HELD, LABELLED, spread))
        assert humble is not None
        ways.append((f"allowing for the scatter of {spread.rows} control rows", humble, k))
    pairs, paired = weighed(rows, Row.pair)
    if pairs is not None:
        ways.append(("by the author’s own pairs of rows", pairs, paired))
    likeliest = conclusion([value for _, value, _ in ways], k, controls)
    if lost := sum(neither(row) for row in rows):
        likeliest += (
            f" {lost} of the {k} {'comes' if lost == 1 else 'come'} back under neither reading: "
            "there it is weighed which of the two is less far off."
        )
    likeliest += too_few(rows)
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
        value, count = weighed(rows, lambda row, a=first, b=second: row.ratio(a, b))
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


def weighed(rows: Sequence[Row], ratio: Callable[[Row], float | None]) -> tuple[float | None, int]:
    """The product of a ratio over the rows that have it and enter, as ln, and how many they are."""
    ratios = [r for row in rows if row.counted and (r := ratio(row)) is not None]
    return (product(ratios) if ratios else None), len(ratios)


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


def neither(row: Row) -> bool:
    """Whether a row that enters was run both ways and comes back under neither."""
    both = row.ratio(HELD, LABELLED) is not None and row.counted
    return both and all(
        row.numbers[kind].verdict.verdict == CONTRADICTED for kind in (HELD, LABELLED)
    )


def too_few(rows: Sequence[Row]) -> str:
    """Which way the rows point that were run both ways but do not count yet; nothing for none."""
    nearer: list[bool] = []  # to the swing acting, a row each
    for row in rows:
        ours = [row.numbers[kind] for kind in (LABELLED, HELD) if kind in row.numbers]
        apart = [abs(n.difference) for n in ours if n.difference is not None]
        if row.counted and len(apart) == 2 and row.ratio(HELD, LABELLED) is None:
            nearer.append(apart[0] < apart[1])
    if not nearer:
        return ""
    acting = sum(nearer)
    where = f"the swing acting in {acting}, to the momentum held in {len(nearer) - acting}"
    if acting in (0, len(nearer)):
        where = "the swing acting" if acting else "the momentum held"
    have = "row has" if len(nearer) == 1 else "rows have"
    return f" {len(nearer)} further {have} too few runs to count; the number is nearer to {where}."


def rows_words(count: int) -> str:
    """How many rows a product is of."""
    return f"{count} row" if count == 1 else f"product over {count} rows"
