"""What only whole runs can answer: at a tenth of the iterations some claims ask something else.

A level of accuracy or loss, the place where one is passed and the author's curve are those of whole
runs. And where one arm is trained for longer than another, in iterations and in images, a claim is
about how much training is enough, of which a tenth says nothing. Such claims are not judged at a
shorter scale, true or false, as published numbers are not (`numbers`); what was measured is
told. A claim says by itself which kind it is, no record does, so that no outcome is held back for
what it is.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from disciplined.studies.judging.evidence import NOT_RUN, Evidence, Verdict
from disciplined.studies.judging.predicates import PREDICATES
from disciplined.studies.study import Claim

ALIKE = 0.02  # of a length: batches of another size end elsewhere in the last epoch
LEVELS = {"below", "above"}  # of a run that fails by them


@dataclass(frozen=True)
class Length:
    """How long an arm is trained, in both ways of counting."""

    iterations: int
    images: int

    def exceeds(self, other: "Length") -> bool:
        """Whether it is longer in both: a larger batch for fewer iterations is not."""
        return self.iterations > other.iterations * (1 + ALIKE) and self.images > other.images * (
            1 + ALIKE
        )


def why(claim: Claim, reads: Sequence[str], lengths: Mapping[str, Length]) -> str:
    """Why only whole runs can answer a claim; nothing where a tenth of the iterations can.

    reads: the arms whose runs settle it. lengths: by arm, of those that were run or are to be.
    """
    if claim.predicate == "shape":
        return "the author's log is of one"
    if claim.predicate == "crosses" or LEVELS & claim.arguments.keys():
        return "its level is of such"
    told = [lengths[arm] for arm in reads if arm in lengths]
    longer = any(one.exceeds(other) for one, other in itertools.permutations(told, 2))
    return "its arms differ in length" if longer else ""


def shorter(claim: Claim, reads: Sequence[str], evidence: Evidence, alpha: float) -> Verdict:
    """The verdict of runs that are not whole: held back where only whole ones can answer."""
    judged = PREDICATES[claim.predicate](evidence, claim.arguments, alpha)
    lengths = {
        arm: Length(found[0].run.plan.iterations, found[0].run.plan.images)
        for arm, found in evidence.arms.items()
    }
    reason = why(claim, reads, lengths)
    if not reason or judged.verdict == NOT_RUN:
        return judged
    words = f"asks for whole runs ({reason}); shorter ones: {judged.statistic}"
    return Verdict(NOT_RUN, words, of=judged.of, held=True)
