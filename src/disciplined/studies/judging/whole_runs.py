"""What only whole runs can answer: at a tenth of the iterations some claims ask something else.

A level of accuracy or loss, the place where one is passed and the author's curve are those of whole
runs. And where its arms differ in length, a claim is about how much training is enough, of which a
tenth says nothing. Such claims are not judged at a shorter scale, true or false, as published
numbers are not (`judge.number`); what was measured is told.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from disciplined.studies.judging.evidence import (
    CONTRADICTED,
    NOT_RUN,
    REPRODUCED,
    WHOLE_ONLY,
    Evidence,
    Verdict,
)
from disciplined.studies.judging.predicates import PREDICATES, diverges
from disciplined.studies.study import Claim

ALIKE = 0.02  # of a length: batches of another size end elsewhere in the last epoch
LEVELS = {"below", "above"}
A_LEVEL = "its level is one of theirs"


@dataclass(frozen=True)
class Length:
    """How long an arm is trained, in both ways of counting."""

    iterations: int
    images: int


def why(claim: Claim, reads: Sequence[str], lengths: Mapping[str, Length]) -> str:
    """Why only whole runs can answer a claim; nothing where a tenth of the iterations can.

    reads: the arms whose runs settle it. lengths: by arm, of those that were run or are to be.
    """
    if claim.predicate == "shape":
        return "the author's log is one of theirs"
    if claim.predicate == "crosses":
        return A_LEVEL
    told = [lengths[arm] for arm in reads if arm in lengths]
    counted = ([one.iterations for one in told], [one.images for one in told])
    return "its arms differ in length" if all(map(differ, counted)) else ""


def differ(amounts: Sequence[int]) -> bool:
    """Whether some are more than a little above others."""
    return bool(amounts) and max(amounts) > min(amounts) * (1 + ALIKE)


def shorter(claim: Claim, reads: Sequence[str], evidence: Evidence, alpha: float) -> Verdict:
    """The verdict of runs that are not whole: held back where only whole ones can answer."""
    judged = PREDICATES[claim.predicate](evidence, claim.arguments, alpha)
    lengths = {
        arm: Length(found[0].run.plan.iterations, found[0].run.plan.images)
        for arm, found in evidence.arms.items()
    }
    reason = why(claim, reads, lengths)
    if (
        not reason
        and claim.predicate == "diverges"
        and judged.verdict in (REPRODUCED, CONTRADICTED)
    ):
        # An arm that no level fails has trained; one that only its level fails may lack the time.
        told = {name: value for name, value in claim.arguments.items() if name not in LEVELS}
        if diverges(evidence, told, alpha).verdict != judged.verdict:
            reason = A_LEVEL
    if not reason or judged.verdict == NOT_RUN:
        return judged
    words = f"{WHOLE_ONLY} ({reason}); here {judged.statistic}"
    return Verdict(NOT_RUN, words, of=judged.of)
