"""The rows the open question rests on: his number, ours by reading, their likelihoods."""

from collections.abc import Sequence

from disciplined.columns import shown
from disciplined.studies.judging import readings
from disciplined.studies.judging.likelihood import Scatter, odds
from disciplined.studies.judging.readings import HELD, LABELLED, SGD, Row
from disciplined.studies.page.elements import Html, element, link, table, text
from disciplined.studies.page.material import Material
from disciplined.studies.tables import metric_words, printed, share

HEADS = {
    LABELLED: "ours: as labelled",
    HELD: "ours: held",
    SGD: "ours: plain SGD",
}


def row_table(found: Sequence[tuple[Material, Row]], spread: Scatter | None) -> Html | None:
    """Row by row: his number, ours by reading, and the likelihoods."""
    if not found:
        return None
    body: list[tuple[str, list]] = []
    before = None
    for one, row in found:
        likelihoods = row.likelihoods()
        top = max(likelihoods.values(), default=0.0)
        ratio = row.ratio(HELD, LABELLED)
        humble = row.ratio(HELD, LABELLED, spread) if spread else None
        pair = row.pair()
        ratios = [
            odds(ratio) if ratio is not None else None,
            odds(humble) if humble is not None else None,
            odds(pair) if pair is not None else None,
        ]
        name = text(
            element("span", link(f"#{one.study.id}", one.study.id), class_="from")
            if before is not one
            else None,
            one.study.label(row.arm),
            element(
                "span",
                metric_words(row.metric)
                + ", best of the run" * (row.published.at == "best")
                + ("" if row.counted else ", not counted twice"),
                class_="unit",
            ),
        )
        before = one
        ours = [reading_cell(row, kind, likelihoods, top) for kind in readings.KINDS]
        body.append(
            ("" if row.counted else "muted", [name, printed(row.published), *ours, *ratios])
        )
    head = ["row", "author", *HEADS.values(), "held : acting", "with scatter", "by his pair"]
    return table(
        "Ours as mean ± std (runs); below it how likely the author’s number is under that reading, "
        "the likeliest as 1",
        head,
        body,
        class_="figures readings",
    )


def reading_cell(row: Row, kind: str, likelihoods: dict[str, float], top: float) -> Html | None:
    """Our runs of a reading, with its likelihood."""
    number = row.numbers.get(kind)
    if number is None or number.mean is None or not number.n:
        words = (number and number.without) or "not run"
        return element("span", words, class_="nothing") if number else None
    runs = f" ({number.n}, {number.without})" if number.without else f" ({number.n})"
    ours = text(shown(number.mean, row.metric, number.std), element("span", runs, class_="n"))
    if kind not in likelihoods or len(likelihoods) < 2:
        return ours
    below = likelihoods[kind] - top
    return text(
        ours,
        element("span", f"likelihood {share(below)}", class_="likelihood" + " top" * (below == 0)),
    )
