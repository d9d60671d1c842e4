"""One study on the page: figure, verdicts, numbers, settings, and where it all comes from."""

from collections import Counter
from collections.abc import Sequence

from disciplined.studies import tables
from disciplined.studies.judging.choosing import Chosen, Standing
from disciplined.studies.judging.effects import Effect
from disciplined.studies.judging.evidence import INCONCLUSIVE, NOT_RUN
from disciplined.studies.judging.judge import Judged
from disciplined.studies.judging.statistics import Difference
from disciplined.studies.page import markdown, numbers, origin
from disciplined.studies.page.elements import Html, element, items, table, text
from disciplined.studies.page.front import SCALES, scale_words
from disciplined.studies.page.material import Material
from disciplined.studies.page.picture import figure
from disciplined.studies.page.settings import DATA, MODELS, told
from disciplined.studies.page.verdicts import counted, typeset, word

ASKED = {
    "as_published": "The claims as published",
    "fair": "The claims made fair",
    "open": "Our questions",
}


def outline(one: Material) -> Html | None:
    """The networks' layers, made from the networks themselves."""
    file = one.folder / "table.md"
    if not one.study.architecture or not file.is_file():
        return None
    return element("div", markdown.blocks(file.read_text()), class_="outline")


def section(one: Material) -> Html:
    """The study, folded to a line until it is opened."""
    study = one.study
    counts: Counter[str] = Counter()
    for (*_, verdict), n in one.counts().items():
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
                    what(one),
                    class_="what",
                ),
            ),
            counted(counts) if one.runs else None if not one.study.trains else word(NOT_RUN),
        ),
        element(
            "div",
            element("p", "Source: ", study.source, ".", class_="source"),
            element("div", figure(one), claims(one), class_="beside"),
            outline(one),
            numbers.table_of(one),
            choices(one),
            effects(one),
            ways(one),
            settings(one),
            texts("Contradictions", study.contradictions, "contradictions"),
            texts("Notes", study.notes),
            remarks(one),
            calibration(one),
            origin.origin(one),
            tenth(one.shorter) if one.shorter else None,
            class_="body",
        ),
        id=study.id,
        class_="study",
        data_paper=one.paper,
        data_data=" ".join(one.data),
        data_scale=" ".join(page.scale.replace(" ", "-") for page in one.pages),
        data_verdicts=verdicts_of(one),
    )


def verdicts_of(one: Material) -> str:
    """For the filters: every verdict as `scale:verdict:count`; without records those of what is not
    run count nothing."""
    counts: Counter[tuple[str, str]] = Counter()
    for (scale, _, verdict), n in one.counts().items():
        counts[scale, verdict] += n * bool(one.runs)
    if one.scale == NOT_RUN:
        counts.setdefault((NOT_RUN, NOT_RUN), 0)
    told = (f"{scale}:{verdict}:{n}" for (scale, verdict), n in counts.items())
    return " ".join(words.replace(" ", "-") for words in told)


def tenth(one: Material) -> Html:
    """What a tenth of the iterations gave, below the whole runs."""
    judged = [claim for claim in one.claims if claim.verdict.measured]
    return element(
        "details",
        element("summary", f"The runs of {SCALES[one.scale]}"),
        figure(one),
        element("p", "At this length; a claim that whole runs settle stands as they say.")
        if judged
        else None,
        element("ul", (claim_line(claim, True) for claim in judged), class_="claims")
        if judged
        else None,
        numbers.table_of(one),
        choices(one),
        effects(one),
        remarks(one),
        calibration(one),
        origin.origin(one),
        class_="fold tenth",
    )


def what(one: Material) -> str:
    """Data, networks, and the scales where they are not the paper's alone."""
    scales = [SCALES[page.scale] for page in one.pages if page.scale != NOT_RUN]
    parts = [
        ", ".join(DATA.get(d, d) for d in one.data),
        ", ".join(dict.fromkeys(MODELS.get(m, m) for m in one.models)),
        " and ".join(scales) if scales != [SCALES["paper"]] else "",
    ]
    return " · ".join(part for part in parts if part)


def claims(one: Material) -> Html | None:
    """The verdicts by question."""
    if not one.settled:
        return None
    parts: list[Html] = []
    for question, words in ASKED.items():
        found = [(at, judged) for at, judged in one.settled if judged.claim.question == question]
        if found:
            lines = [
                claim_line(judged, bool(one.runs), scale_words(at) if at is not one else "")
                for at, judged in found
            ]
            parts += [element("h5", words), element("ul", lines, class_="claims")]
    return element("div", parts)


def claim_line(judged: Judged, run: bool, scale: str = "") -> Html:
    """A claim, its verdict and the statistic; of a study not run at all there is none to tell.

    scale: that of the runs in words, where it is not the study's.
    """
    verdict = judged.verdict
    why = verdict.statistic
    if not verdict.measured and (not run or why.count(",") > 3):
        why = "" if not run else "its arms have not all been run"
    if verdict.verdict == INCONCLUSIVE:
        why += f"; {verdict.sensitivity()}"
    return element(
        "li",
        word(verdict.verdict, verdict.word),
        element(
            "div",
            element(
                "p",
                judged.claim.says,
                ".",
                element("span", "primary", class_="primary") if judged.claim.primary else None,
                class_="says",
            ),
            element("p", scale, typeset(why), class_="why") if why else None,
        ),
    )


def choices(one: Material) -> Html | None:
    """Which arm each stand-in is: the best by validation, by how much, and whether at an edge."""
    chosen = one.told.get("chosen", {}) if one.runs else {}
    found = items(
        tables.chosen_line(
            one.study,
            name,
            Chosen(
                Standing(**told["first"]),
                told["second"] and Standing(**told["second"]),
                told["seeds"],
                told["edges"],
            ),
        )
        for name, told in chosen.items()
        if name in one.study.chosen
    )
    return text(element("h5", "Chosen by validation"), found) if found else None


def effects(one: Material) -> Html | None:
    """Main effects and interactions of a design."""
    found = [
        Effect(tuple(told["of"]), told["metric"], Difference(**told["found"]), told["runs"])
        for told in (one.told.get("effects", []) if one.runs else [])
    ]
    lines = items(typeset(tables.effect_line(effect)) for effect in found)
    return text(element("h5", "Effects"), lines) if lines else None


def ways(one: Material) -> Html | None:
    """How likely each published number is under each way it may have been run."""
    lines = items(tables.reading_lines(one.study, one.numbers, one.logs)) if one.runs else None
    return text(element("h5", "Which reading?"), lines) if lines else None


def settings(one: Material) -> Html | None:
    """What was trained, in words; of a study that trains nothing, nothing."""
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
    return element("div", element("h5", "Settings"), parts) if parts else None


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
                "{} against {}".format(*rate["groups"]),
                f"{rate['nominal']:.0%}",
            ],
        )
        for rate in one.told["calibration"]
    ]
    head = ["the judge says", "of", "false alarms", "95 % interval", "seeds", "allowed"]
    return table("The judge’s false alarms", head, rows, class_="figures")
