"""One study on the page: figure, verdicts, numbers, settings, and where it all comes from."""

from collections import Counter
from collections.abc import Sequence

from disciplined.studies.columns import shown
from disciplined.studies.evidence import CONTRADICTED, INCONCLUSIVE, NOT_RUN, amount
from disciplined.studies.judge import Judged, Number
from disciplined.studies.page import markdown
from disciplined.studies.page.elements import Html, element, items, link, table, text
from disciplined.studies.page.front import SCALES, precision_words
from disciplined.studies.page.material import Material
from disciplined.studies.page.settings import DATA, MODELS, told
from disciplined.studies.page.verdicts import counted, typeset, word
from disciplined.studies.tables import metric_words, printed

ASKED = {
    "as_published": "The claims as published",
    "fair": "The claims made fair",
    "open": "Our questions",
}
LISTED = 24  # records beyond this many are counted, not listed


def section(one: Material) -> Html:
    """The study, folded to a line until it is opened."""
    study = one.study
    counts: Counter[str] = Counter()
    for (_, verdict), n in one.counts().items():
        counts[verdict] += n
    return element(
        "details",
        element(
            "summary",
            element(
                "h4",
                element("span", study.title, class_="title"),
                element(
                    "span",
                    element("span", study.id, class_="id"),
                    ", ".join(DATA.get(d, d) for d in one.data),
                    " · ",
                    ", ".join(dict.fromkeys(MODELS.get(m, m) for m in one.models)),
                    f" · {SCALES[one.scale]}" if one.scale == "short" else None,
                    class_="what",
                ),
            ),
            counted(counts) if one.runs else word(NOT_RUN),
        ),
        element(
            "div",
            element("p", "Source: ", study.source, ".", class_="source"),
            element("div", figure(one), claims(one), class_="beside"),
            numbers(one),
            settings(one),
            texts("Contradictions", study.contradictions, "contradictions"),
            texts("Notes", study.notes),
            remarks(one),
            calibration(one),
            origin(one),
            class_="body",
        ),
        id=study.id,
        class_="study",
        data_paper=one.paper,
        data_data=" ".join(one.data),
        data_scale=one.scale.replace(" ", "-"),
        data_verdicts=" ".join(v.replace(" ", "-") for v in counts)
        or ("" if one.runs else "not-run"),
    )


def figure(one: Material) -> Html | None:
    """The picture, ours over the author's; loaded when it comes into sight."""
    found = one.figure()
    if found is None:
        return None
    source, width, height = found
    if not one.runs:
        caption = "The author’s logs; nothing of ours has been run." if one.logs else "Not run."
    elif one.logs:
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


def alternative(one: Material) -> str:
    """The picture in words."""
    panels = "; ".join(
        f"{panel.title + ': ' if panel.title else ''}{panel.y.replace('_', ' ')} over "
        f"{panel.x.replace('_', ' ').replace('.', ' ')}"
        for panel in one.study.panels.values()
    )
    return f"{one.study.title}. {panels}. The final values are in the table below."


def claims(one: Material) -> Html | None:
    """The verdicts by question; made fair is asked of every study with claims."""
    if not one.claims:
        return None
    parts: list[Html] = []
    for question, words in ASKED.items():
        found = [judged for judged in one.claims if judged.claim.question == question]
        if found:
            parts.append(element("h5", words))
            parts.append(element("ul", map(claim_line, found), class_="claims"))
    return element("div", parts)


def claim_line(judged: Judged) -> Html:
    """A claim, its verdict and the statistic."""
    verdict = judged.verdict
    why = verdict.statistic
    if verdict.verdict == INCONCLUSIVE:
        why += f"; {verdict.sensitivity()}"
    return element(
        "li",
        word(verdict.verdict),
        element(
            "div",
            element(
                "p",
                judged.claim.says,
                ".",
                element("span", "primary", class_="primary") if judged.claim.primary else None,
                class_="says",
            ),
            element("p", typeset(why), class_="why"),
        ),
    )


def numbers(one: Material) -> Html | None:
    """The table: published, the author's log, ours, the difference, what came of it."""
    found = [row for row in one.numbers if row.n or not row.reading_of]
    if not found:
        return None
    found.sort(key=lambda row: not row.n)  # what was run stands first
    single = len({row.metric for row in found}) == 1
    caption = metric_words(found[0].metric) if single else "Final values"
    caption = caption[0].upper() + caption[1:]
    if waiting := len(one.numbers) - len(found):
        caption += f"; {waiting} other readings of these rows are not run"
    with_log = any(row.log_final is not None and not row.reading_of for row in found)
    head = ["arm", "published", *["author’s log"] * with_log, "ours", "difference", "number"]
    body = []
    for row in found:
        cells = number_cells(one, row, single)
        body.append(("" if row.n else "muted", cells if with_log else [*cells[:2], *cells[3:]]))
    return table(caption, head, body, class_="figures numbers")


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
        ours = text(
            shown(row.mean, row.metric, row.std), element("span", f" ({row.n})", class_="n")
        )
    elif row.n:
        ours = text(f"diverged ({row.n})")
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


def settings(one: Material) -> Html:
    """What was trained, in words."""
    parts = []
    for shared, own in told(one.study):
        sentence = "; ".join(shared) or "nothing is shared by all arms"
        parts.append(element("p", sentence[0].upper() + sentence[1:], ".", class_="settings"))
        if own:
            lines = [
                text(element("strong", name), ": ", "; ".join(its) or "nothing beside the above")
                for name, its in own.items()
            ]
            summary = element("summary", f"Each of {len(own)} arms")
            parts.append(element("details", summary, items(lines), class_="fold"))
    return element("div", element("h5", "Settings"), parts)


def texts(words: str, lines: Sequence[str], class_: str | None = None) -> Html | None:
    """A heading and a list."""
    found = items((markdown.inline(line) for line in lines), class_=class_)
    return text(element("h5", words), found) if found else None


def remarks(one: Material) -> Html | None:
    """What was written by hand."""
    source = one.remarks()
    if not source.strip():
        return None
    return element(
        "div", element("h5", "Remarks"), markdown.blocks(source, level=6), class_="remarks"
    )


def calibration(one: Material) -> Html | None:
    """The judge's false alarms, where the study measures them."""
    if not one.told.get("calibration"):
        return None
    rows: list[tuple[str, list]] = [
        (
            "",
            [
                rate["question"],
                rate["metric"].replace("_", " "),
                f"{rate['rate']:.1%}",
                f"[{rate['low']:.1%}, {rate['high']:.1%}]",
                f"{rate['nominal']:.0%}",
            ],
        )
        for rate in one.told["calibration"]
    ]
    head = ["the judge says", "of", "false alarms", "95 % interval", "allowed"]
    return table("The judge’s false alarms", head, rows, class_="figures")


def origin(one: Material) -> Html:
    """Command, records, registration, machine, files."""
    lines: list[Html] = [entry("Command", element("code", one.command, class_="command"))]
    if one.runs:
        scale = SCALES[one.scale]
        lines.append(entry("Records", text(f"{one.runs}, {scale}", records(one))))
        lines.append(entry("Study file", one.told["registered"]))
        made = [
            f"{row['records']} × {row['hardware']}, {precision_words(row['precision'])}, "
            f"{row['date']}"
            for row in one.told["made"]
        ]
        lines.append(entry("Made on", text([element("span", m, class_="line") for m in made])))
        versions = ", ".join(f"{name} ({n})" for name, n in sorted(one.told["code"].items()))
        lines.append(entry("Code", versions))
    else:
        seeds = one.study.seeds["paper"]
        runs = len(one.study.arms) * seeds
        lines.append(entry("Records", f"none; {runs} runs wait, {seeds} seeds an arm"))
    files = [link(f"{one.place}/{name}", name) for name in one.files()]
    if files:
        lines.append(entry("Files", text([element("span", f, class_="file") for f in files])))
    return element("dl", lines, class_="origin")


def entry(words: str, told: str) -> Html:
    """A line of where it comes from."""
    return element("div", element("dt", words), element("dd", told))


def records(one: Material) -> Html | None:
    """Every record by arm and seed, where they are not too many to name."""
    if one.runs > LISTED:
        return None
    lines = []
    for arm, keys in one.records.items():
        seeds = one.told.get("seeds", {}).get(arm) or range(len(keys))
        links = [
            text(" ", link(f"{one.place}/records/{key}/metrics.csv", str(seed)))
            for seed, key in zip(seeds, keys, strict=False)
            if (one.folder / "records" / key / "metrics.csv").is_file()
        ]
        lines.append(text(one.study.label(arm), ": seed", links))
    return items(lines, class_="records")
