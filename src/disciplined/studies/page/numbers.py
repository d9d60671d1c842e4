"""The table of a study: published, the author's log, ours, the difference, what came of it."""

from disciplined.columns import shown
from disciplined.studies.judging.evidence import CONTRADICTED, amount
from disciplined.studies.judging.numbers import Number
from disciplined.studies.page.elements import Html, element, table, text
from disciplined.studies.page.material import Material
from disciplined.studies.page.verdicts import typeset, word
from disciplined.studies.tables import metric_words, not_shown, printed


def table_of(one: Material) -> Html | None:
    """The table: published, the author's log, ours, the difference, what came of it."""
    if not one.study.trains:
        return None
    told = [row for row in one.numbers if not row.empty]
    found = [row for row in told if row.n or not row.reading_of]
    if not found:
        return None
    found.sort(key=lambda row: not row.n)  # what was run stands first
    single = len({row.metric for row in found}) == 1
    caption = metric_words(found[0].metric) if single else "Final values"
    caption = caption[0].upper() + caption[1:]
    with_log = any(row.log_final is not None and not row.reading_of for row in found)
    head = ["arm", "published", *["author’s log"] * with_log, "ours", "difference", "number"]
    body = []
    for row in found:
        cells = number_cells(one, row, single)
        body.append(("" if row.n else "muted", cells if with_log else [*cells[:2], *cells[3:]]))
    left_out = not_shown(one.numbers, len(told) - len(found)) if one.runs else ""
    return text(
        table(caption, head, body, class_="figures numbers"),
        element("p", f"{left_out}.", class_="left-out") if left_out else None,
    )


def number_cells(one: Material, row: Number, single: bool) -> list:
    """A row of the table."""
    study = one.study
    name = text(
        study.label(row.arm),
        element("span", f"read as: {study.label(row.reading_of)}", class_="unit")
        if row.reading_of
        else None,
        None if single else element("span", metric_words(row.metric), class_="unit"),
        element("span", "best of the run", class_="unit")
        if row.published and row.published.at == "best"
        else None,
    )
    told = row.published
    count = element("span", f" ({told.n})", class_="n") if told and told.n else None
    ours = None
    if row.mean is not None:
        runs = f" ({row.n}, {row.without})" if row.without else f" ({row.n})"
        ours = text(shown(row.mean, row.metric, row.std), element("span", runs, class_="n"))
    elif row.n:
        ours = text(row.without or "no value")
    return [
        name,
        text(printed(told), count) if told else None,
        shown(None if row.reading_of else row.log_final, row.metric) or None,
        ours,
        typeset(amount(row.difference, row.metric, sign=True))
        if row.difference is not None
        else None,
        number_verdict(row),
    ]


def number_verdict(row: Number) -> Html | None:
    """Whether the number came back, with the interval it was held against."""
    if not row.published:
        return None
    verdict = row.verdict
    why = []
    if row.interval:
        why.append(f"[{shown(row.interval[0], row.metric)}, {shown(row.interval[1], row.metric)}]")
    elif row.n:
        why.append(verdict.statistic)
    if verdict.detectable is not None and verdict.verdict != CONTRADICTED:
        why.append(verdict.sensitivity())
    return text(
        word(verdict.verdict),
        element("span", typeset("; ".join(why)), class_="why") if why else None,
    )
