"""The top of the page: what came back, on what, and the primary claims."""

from collections import Counter
from collections.abc import Sequence

from disciplined.studies.judging import claims_file
from disciplined.studies.judging.evidence import NOT_RUN, REPRODUCED
from disciplined.studies.judging.judge import Judged
from disciplined.studies.page.elements import Html, element, link, table, text
from disciplined.studies.page.material import (
    DRAWN,
    QUESTIONS,
    VERDICTS,
    Material,
    counting,
    made,
    total,
)
from disciplined.studies.page.verdicts import bar, legend, typeset, word
from disciplined.studies.published import SHORT

# Where a study comes from: how it is called, and where it is.
PAPERS = {
    "clr": ("Cyclical Learning Rates", "arXiv 1506.01186", "https://arxiv.org/abs/1506.01186"),
    "superconv": ("Super-Convergence", "arXiv 1708.07120", "https://arxiv.org/abs/1708.07120"),
    "disciplined": (
        "A disciplined approach to neural network hyper-parameters",
        "arXiv 1803.09820",
        "https://arxiv.org/abs/1803.09820",
    ),
    "tutorials": ("Four tutorials on learning rates", "", ""),
    "calibration": ("Calibration of the judge", "", ""),
}
SCALES = {
    "paper": "whole runs",
    "short": "a tenth of the iterations",
    "smoke": "smoke",
    DRAWN: "drawn, nothing to run",
}
ASKED = {
    "number": "The published number comes back",
    "as_published": "The claim holds as published",
    "fair": "The claim holds made fair",
    "open": "This project’s own questions",
}


def papers(materials: Sequence[Material]) -> list[str]:
    """The papers that have studies, in their own order, others behind."""
    there = list(dict.fromkeys(one.paper for one in materials))
    return [p for p in PAPERS if p in there] + [p for p in there if p not in PAPERS]


def paper_title(paper: str) -> str:
    """What a paper is called."""
    return PAPERS.get(paper, (paper.replace("_", " ").capitalize(),))[0]


def claims_by_verdict(materials: Sequence[Material]) -> Counter[str]:
    """All claims, whatever they ask."""
    counts: Counter[str] = Counter()
    for (_, question, verdict), n in total(materials).items():
        if question != "number":
            counts[verdict] += n
    return counts


def summary_line(materials: Sequence[Material]) -> str:
    """What came back, in one line."""
    claims = claims_by_verdict(materials)
    numbers: Counter[str] = Counter()
    for (_, question, verdict), n in total(materials).items():
        if question == "number":
            numbers[verdict] += n
    records = made(materials)
    days = sorted(day for _, _, day in records)
    counted = counting(materials)
    run = sum(1 for one in counted if one.runs)
    when = f", {spanned(days[0], days[-1])}" if days else ""
    return (
        f"{claims.total()} claims: {listed(claims)}; "
        f"{numbers.total()} published numbers: {listed(numbers)}; "
        f"{records.total():,} records of {run} of {len(counted)} studies{when}"
    )


def listed(counts: Counter[str]) -> str:
    """Counts by verdict in words."""
    return ", ".join(f"{counts[v]} {v}" for v in VERDICTS)


def spanned(first: str, last: str) -> str:
    """A day or two days."""
    return first if first == last else f"{first} to {last}"


def came_back(materials: Sequence[Material]) -> Html:
    """The section of counts."""
    claims = claims_by_verdict(materials)
    counted = counting(materials)
    run = sum(1 for one in counted if one.runs)
    decided = claims.total() - claims[NOT_RUN]
    return element(
        "section",
        element("h2", "What came back"),
        element(
            "p",
            f"Of {claims.total()} claims in {len(counted)} studies, {decided} have been judged: "
            f"{claims[REPRODUCED]} of them are reproduced. Records exist for {run} studies; "
            "the others say so and show what the author published.",
            class_="lead",
        ),
        planted(materials),
        bar(claims),
        legend(claims),
        questions_table(total(materials)),
        machines(materials),
        id="came-back",
    )


def planted(materials: Sequence[Material]) -> Html | None:
    """Where the judge itself is tried, on what is known to be false or true."""
    found = [one.study for one in materials if one.study.planted and one.runs]
    links = [
        text(", " * bool(number), link(f"#{study.id}", study.title))
        for number, study in enumerate(found)
    ]
    return element("p", "Counted nowhere: ", links, ".") if links else None


def questions_table(counts: Counter[tuple[str, str, str]]) -> Html:
    """Verdicts by question and scale."""
    rows: list[tuple[str, list]] = []
    for question in QUESTIONS:
        scales = [s for s in SCALES if any(counts[s, question, v] for v in VERDICTS)]
        not_run = counts[NOT_RUN, question, NOT_RUN]
        if not scales and not not_run:
            continue
        for position, scale in enumerate(scales or [""]):
            found = [counts[scale, question, v] for v in VERDICTS[:-1]]
            rows.append(
                (
                    "" if position == 0 else "more",
                    [
                        ASKED[question] if position == 0 else "",
                        SCALES.get(scale, "—"),
                        *(str(n) for n in found),
                        str(not_run) if position == 0 else "",
                    ],
                )
            )
    head = ["question", "scale", *VERDICTS]
    caption = "Verdicts by question and scale; a number that several studies print counts once"
    return table(caption, head, rows, class_="figures by-question")


def machines(materials: Sequence[Material]) -> Html | None:
    """What the records were made on, and when."""
    found: dict[tuple[str, str], list[tuple[str, int]]] = {}
    for (on, precision, day), n in made(materials).items():
        found.setdefault((on, precision), []).append((day, n))
    if not found:
        return None
    rows = []
    for (on, precision), days in sorted(found.items(), key=lambda e: -sum(n for _, n in e[1])):
        when = sorted(day for day, _ in days)
        count = f"{sum(n for _, n in days):,}"
        rows.append(("", [on, precision_words(precision), count, spanned(when[0], when[-1])]))
    head = ["hardware", "precision", "records", "dates"]
    return table("What the records were made on", head, rows, class_="machines")


def precision_words(precision: str) -> str:
    """Lightning's name of a precision in words."""
    return {"32-true": "fp32", "bf16-mixed": "bf16 (mixed)", "bf16-true": "bf16"}.get(
        precision, precision
    )


def primary_claims(materials: Sequence[Material]) -> Html:
    """The claims the papers stand or fall by; the studies' other primary ones are folded away."""
    every = {f"{m.study.id}#{j.claim.id}": (m, j) for one in materials for m, j in one.settled}
    first = [every.pop(name) for name in claims_file.headline() if name in every]
    others = [one for one in every.values() if one[1].claim.primary]
    order = papers(materials)
    others.sort(key=lambda one: (one[1].verdict.verdict == NOT_RUN, order.index(one[0].paper)))
    counted = Counter(judged.verdict.verdict for _, judged in others)
    return element(
        "section",
        element("h2", "The primary claims"),
        element(
            "p",
            "What the papers stand or fall by. A study’s primary claims are corrected for their "
            "number (Holm), at each scale by itself.",
        ),
        claims_list(first),
        element(
            "details",
            element(
                "summary",
                f"{len(others)} further claims that are primary in their study’s file: "
                + ", ".join(f"{counted[v]} {v}" for v in VERDICTS if counted[v]),
            ),
            claims_list(others),
            class_="fold",
        )
        if others
        else None,
        id="primary",
    )


def scale_words(one: Material) -> str:
    """The scale before a statistic, where it is not that of whole runs."""
    return f"{SCALES[one.scale]}; " if one.scale == SHORT else ""


def says(material: Material, judged: Judged) -> Html:
    """What a claim says, and a tag where less than whole runs were asked."""
    short = judged.verdict.measured and material.scale == SHORT
    tag = element("span", SCALES[SHORT], class_="scale") if short else None
    return element("p", judged.claim.says, ".", tag, class_="says")


def claims_list(found: Sequence[tuple[Material, Judged]]) -> Html:
    """Claims with their verdict, study and statistic."""
    lines = []
    for material, judged in found:
        verdict = judged.verdict
        lines.append(
            element(
                "li",
                word(verdict.verdict, verdict.word),
                element(
                    "div",
                    says(material, judged),
                    element(
                        "p",
                        link(f"#{material.study.id}", material.study.title),
                        text(" · ", typeset(verdict.statistic)) if verdict.measured else None,
                        class_="why",
                    ),
                ),
            )
        )
    return element("ul", lines, class_="claims")
