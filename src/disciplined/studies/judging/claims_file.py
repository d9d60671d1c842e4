"""The third paper's advice, `conf/claims.yaml`: single claims whose verdicts follow from studies'.

And `conf/headline.yaml`, the claims of studies that the page begins with.
A study's claim is named `study#claim`. What is derived here adds no statistics of its own: advice
holds where every claim that bears on it was reproduced, and fails where any was contradicted.
"""

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from disciplined.checks import build, one_of, suggestion
from disciplined.mistakes import Mistake
from disciplined.studies.judging.evidence import CONTRADICTED, INCONCLUSIVE, NOT_RUN, REPRODUCED
from disciplined.studies.study_file import CONF, ids
from disciplined.studies.study_file import load as load_study

FILE = CONF / "claims.yaml"
HEADLINE = CONF / "headline.yaml"
KNOBS = ("learning rate", "total batch size", "momentum", "weight decay")
EFFECTS = ("regularisation", "speed", "stability")
# What a claim may be of: every one has some.
OF = (
    *(f"remark {number}" for number in range(1, 7)),
    *(f"checklist {number}, {knob}" for number, knob in enumerate(KNOBS, 1)),
    *(f"{knob}: {effect}" for knob, effect in itertools.product(KNOBS, EFFECTS)),
)


@dataclass(frozen=True)
class Advice:
    """A claim of the text. `of` is one of OF; `studies` are the `study#claim` that bear on it.

    left_out: those that did until they had been run, and why they do no more.
    """

    id: str
    of: str
    says: str
    source: str
    studies: list[str]
    left_out: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Derived:
    """What came of a piece of advice: a verdict, and from how many claims of studies."""

    advice: Advice
    verdict: str
    words: str


def load() -> list[Advice]:
    """The advice of the repository, checked. Raises Mistake."""
    return read(FILE)


def read(file: Path) -> list[Advice]:
    """The advice in `file`, every claim it names checked to exist. Raises Mistake."""
    from omegaconf import OmegaConf  # not above: as in study_file

    told: Any = OmegaConf.to_container(OmegaConf.load(file))
    if not isinstance(told, list):
        raise Mistake(f"{file.name}: expected a list of claims, each with id, of, says, source")
    found: list[Advice] = []
    there: dict[str, list[str]] = {}
    for number, one in enumerate(told, 1):
        name = one.get("id", number) if isinstance(one, dict) else number
        where = f"{file.name}: {name}"
        advice: Advice = build(Advice, one, where)
        one_of(advice.of, OF, f"{where}: of")
        if advice.id in [known.id for known in found]:
            raise Mistake(f"{where}: two claims have this id")
        if not isinstance(advice.studies, list) or not advice.studies:
            raise Mistake(f"{where}: studies={advice.studies}: expected a list of study#claim")
        for bearing in (*advice.studies, *advice.left_out):
            check(bearing, f"{where}: studies", there)
        found.append(advice)
    if lacking := [of for of in OF if of not in {advice.of for advice in found}]:
        raise Mistake(f"{file.name}: no claim of {lacking[0]}")
    return found


def headline(file: Path = HEADLINE) -> list[str]:
    """The claims the papers stand or fall by, as `study#claim`, in order. Raises Mistake."""
    from omegaconf import OmegaConf

    told: Any = OmegaConf.to_container(OmegaConf.load(file))
    if not isinstance(told, list) or len(set(told)) < len(told):
        raise Mistake(f"{file.name}: expected a list of study#claim, each once")
    there: dict[str, list[str]] = {}
    for claim in told:
        check(claim, file.name, there)
    return told


def check(bearing: str, where: str, there: dict[str, list[str]]) -> None:
    """Raises Mistake where there is no such `study#claim`. there: known claims by study, kept."""
    study, hash_, claim = str(bearing).partition("#")
    if not hash_:
        raise Mistake(f"{where}={bearing}: expected study#claim")
    if study not in there:
        if study not in ids():
            raise Mistake(f"{where}={bearing}: no such study; {suggestion(study, ids())}")
        there[study] = [c.id for c in load_study(study).claims]
    if claim not in there[study]:
        raise Mistake(f"{where}={bearing}: no such claim; {suggestion(claim, there[study])}")


def derive(advice: Advice, verdicts: Mapping[str, str]) -> Derived:
    """What follows for a piece of advice. verdicts: by `study#claim`; one not there is not run."""
    counts = Counter(verdicts.get(bearing, NOT_RUN) for bearing in advice.studies)
    order = (CONTRADICTED, REPRODUCED, INCONCLUSIVE, NOT_RUN)
    told = ", ".join(f"{counts[verdict]} {verdict}" for verdict in order if counts[verdict])
    if counts[CONTRADICTED]:
        verdict = CONTRADICTED
    elif len(counts) == 1:
        (verdict,) = counts
    else:
        verdict = INCONCLUSIVE
    return Derived(advice, verdict, f"of {len(advice.studies)}: {told}")


def derived(advices: Sequence[Advice], verdicts: Mapping[str, str]) -> list[Derived]:
    """What follows for every piece of advice, in the file's order."""
    return [derive(advice, verdicts) for advice in advices]
