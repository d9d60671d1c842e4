"""Three questions asked of a study's records, kept apart.

Does the number come back (`numbers`); does the claim hold as published; does it hold made fair? A
fourth heap holds this project's own questions to the paper. Scale `smoke` never gives a verdict;
published numbers are only held against whole runs, and so are some claims (`whole_runs`).
"""

from dataclasses import asdict, dataclass
from typing import Any

from disciplined.studies import author, registration
from disciplined.studies.judging import whole_runs
from disciplined.studies.judging.choosing import Chosen, with_chosen
from disciplined.studies.judging.effects import Effect, effects
from disciplined.studies.judging.evidence import (
    CONTRADICTED,
    NOT_RUN,
    REPRODUCED,
    Evidence,
    Verdict,
)
from disciplined.studies.judging.numbers import Number, numbers
from disciplined.studies.judging.predicates import PREDICATES
from disciplined.studies.judging.statistics import ALPHA, holm
from disciplined.studies.ledger import Result
from disciplined.studies.study import Claim, Study
from disciplined.training.machine import fingerprint

TESTED = (
    "greater",
    "equivalent",
    "best",
    "ranks",
    "shape",
    "effect",
)  # predicates that decide by a p


@dataclass(frozen=True)
class Judged:
    """A claim and what came of it."""

    claim: Claim
    verdict: Verdict


@dataclass(frozen=True)
class Judgement:
    """Everything that is said of a study at a scale."""

    study: str
    scale: str
    numbers: list[Number]
    claims: list[Judged]
    registered: str
    code: dict[str, int]  # records by fingerprint of the code that computed them
    current: str
    chosen: dict[str, Chosen]  # the best by validation, by the name that stands for it
    effects: list[Effect]

    def of(self, question: str) -> list[Judged]:
        """The claims that ask this question."""
        return [j for j in self.claims if j.claim.question == question]

    def warnings(self) -> list[str]:
        """What a reader of the verdicts must know."""
        found = []
        if len(self.code) > 1:
            found.append(
                "records of different versions of the code are judged together: "
                + ", ".join(f"{n} of {name}" for name, n in sorted(self.code.items()))
            )
        elif self.code and self.current not in self.code:
            found.append(
                f"all records are of another version of the code ({next(iter(self.code))})"
            )
        return found

    def as_dict(self) -> dict[str, Any]:
        """For verdicts.json."""
        told = asdict(self)
        del told["current"]  # what a record is made of does not change with the checkout
        for optional in ("chosen", "effects"):  # most studies have none
            if not told[optional]:
                del told[optional]
        for row in told["numbers"]:
            if not row["without"]:
                del row["without"]
        for row in (*told["numbers"], *told["claims"]):
            if not row["verdict"]["held"]:
                del row["verdict"]["held"]
        return told | {
            "questions": {
                "number": [[n.arm, n.metric, n.verdict.verdict] for n in self.numbers],
                **{
                    q: [[j.claim.id, j.verdict.verdict] for j in self.of(q)] or NOT_RUN
                    for q in ("as_published", "fair", "open")
                },
            },
        }


def judge(study: Study, scale: str, results: dict[str, list[Result]]) -> Judgement:
    """Everything the records of one scale say about the study. results: by arm as they were run."""
    logs = {arm: author.log(name) for arm, name in study.author.items()}
    with_them, chosen = with_chosen(study, results)
    every = [r for found in results.values() for r in found]
    code: dict[str, int] = {}
    for r in every:
        made = r.summary.get("machine", {})
        name = "+".join(made.get("fingerprints") or [str(made.get("fingerprint"))])
        code[name] = code.get(name, 0) + 1
    return Judgement(
        study=study.id,
        scale=scale,
        numbers=numbers(study, scale, with_them, logs),
        claims=claims(study, scale, with_them, logs),
        registered=registration.verdict(
            study.id, study.file, [r.summary.get("registered") for r in every]
        ),
        code=code,
        current=fingerprint(),
        chosen=chosen,
        effects=[] if scale == "smoke" else effects(study, results, study.metric),
    )


def claims(
    study: Study, scale: str, results: dict[str, list[Result]], logs: dict[str, author.Log]
) -> list[Judged]:
    """Every claim's verdict; the primary ones that are asked of such runs are corrected for their
    number by Holm's method."""
    spreads: dict[str, float] = {}
    for told in [p for ps in study.published.values() for p in ps if p.std is not None]:
        spreads[told.metric] = max(spreads.get(told.metric, 0.0), told.std or 0.0)
    evidence = Evidence(results, logs, spreads, study)
    found: dict[str, Verdict] = {}
    for claim in study.claims:
        if scale == "smoke":
            found[claim.id] = Verdict(NOT_RUN, "smoke proves plumbing, never gives a verdict")
        elif scale == "paper":
            found[claim.id] = PREDICATES[claim.predicate](evidence, claim.arguments, ALPHA)
        else:
            reads = study.reads(claim) or claim.arms()
            found[claim.id] = whole_runs.shorter(claim, reads, evidence, ALPHA)
    primary = {
        c.id for c in study.claims if c.primary and c.predicate in TESTED and not found[c.id].held
    }
    decided = {
        id: p
        for id in primary
        if found[id].verdict in (REPRODUCED, CONTRADICTED) and (p := found[id].p) is not None
    }
    kept = holm(decided, len(primary))
    for id in decided.keys() - kept:
        found[id] = found[id].not_decided(f"not after Holm's correction for {len(primary)} claims")
    return [Judged(claim, found[claim.id]) for claim in study.claims]
