"""The third paper's advice on the page: what its studies, as far as they were run, say to each."""

from collections import Counter
from collections.abc import Sequence

from disciplined.studies.judging import claims_file
from disciplined.studies.judging.claims_file import Derived
from disciplined.studies.judging.evidence import NOT_RUN
from disciplined.studies.page.elements import Html, element, link, text
from disciplined.studies.page.material import Material
from disciplined.studies.page.verdicts import counted, word

GROUPS = {
    "Remarks": "remark",
    "Checklist": "checklist",
    "What each knob does": "",  # the rest: `knob: effect`
}


def section(materials: Sequence[Material]) -> Html:
    """Every claim of `conf/claims.yaml` with the verdict that follows from those of studies."""
    verdicts = {
        f"{one.study.id}#{judged.claim.id}": judged.verdict.verdict
        for one in materials
        for _, judged in one.settled
    }
    there = {one.study.id for one in materials}
    found = [
        one
        for one in claims_file.derived(claims_file.load(), verdicts)
        if any(bearing.partition("#")[0] in there for bearing in one.advice.studies)
    ]
    run = sum(one.verdict != NOT_RUN for one in found)
    return element(
        "section",
        element("h2", "Does the advice hold?"),
        element(
            "p",
            f"The third paper’s remarks, checklist and knobs as {len(found)} single claims, in our "
            "words; the numbers of sections and remarks are given from memory. A piece of advice "
            "holds where every claim that bears on it is reproduced and fails where any is "
            f"contradicted, at whatever scale that was run. {run} {'has' if run == 1 else 'have'} "
            "been begun.",
        ),
        [folded(name, prefix, found) for name, prefix in GROUPS.items()],
        id="advice",
    )


def folded(name: str, prefix: str, found: Sequence[Derived]) -> Html | None:
    """One group of advice, folded away."""
    others = tuple(p for p in GROUPS.values() if p)
    these = [
        one
        for one in found
        if (one.advice.of.startswith(prefix) if prefix else not one.advice.of.startswith(others))
    ]
    if not these:
        return None
    counts = Counter(one.verdict for one in these)
    return element(
        "details",
        element("summary", f"{name} ", counted(counts)),
        element("ul", [line(one) for one in these], class_="claims"),
        class_="fold",
    )


def line(found: Derived) -> Html:
    """One piece of advice."""
    bearing = [
        text(", " if number else "", to(name)) for number, name in enumerate(found.advice.studies)
    ]
    left_out = [
        text("; left out: ", to(name), f" ({why})") for name, why in found.advice.left_out.items()
    ]
    return element(
        "li",
        word(found.verdict),
        element(
            "div",
            element("p", found.advice.says, class_="says"),
            element("p", f"{found.advice.of}; {found.words} · ", bearing, left_out, class_="why"),
        ),
    )


def to(claim: str) -> Html:
    """A link to the study of a `study#claim`."""
    return link(f"#{claim.partition('#')[0]}", claim.replace("#", ": "))
