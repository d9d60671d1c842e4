"""The ends of a cycle, from what the rules read off a range test. numpy only."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from disciplined.tuning.reading.over_seeds import Reading
from disciplined.tuning.reading.rules import UNSURE
from disciplined.tuning.reading.scores import FEWEST, LOSSES

LIMITS = ("ragged", "falls", "rises")  # rules that say how high is too high


@dataclass(frozen=True)
class Suggested:
    """The ends of a cycle, None where nothing could be read, and why these. high: where a test that
    diverged too soon to be read is to end next, None for all others."""

    base_lr: float | None
    max_lr: float | None
    why: str
    high: float | None = None

    def __str__(self) -> str:
        if self.max_lr is None or self.base_lr is None:
            return f"no suggestion: {self.why}"
        return f"{self.base_lr:.2g} to {self.max_lr:.2g}; {self.why}"


def suggested(read: Sequence[Reading]) -> Suggested:
    """The ends of a cycle from what was read, as the papers choose them.

    Maximum: where the curve turns ragged or falls (1506.01186 section 3.3), or its loss rises
    (1803.09820, which reads the loss), whichever is first, if half of the seeds show it. Without
    any, half of where training diverged (1803.09820 trains at 0.005 what diverges at 0.008 in its
    figure 4a); else the highest rate tested, as 1708.07120 does where its curves stay flat. Either
    gives way to a lower rate at which the curve is best, if what follows is mostly worse and too
    noisy to say from where. Minimum:
    where accuracy starts to rise, between a third of the maximum (1506.01186) and a tenth of it
    (1803.09820); a tenth where the start is not seen.
    """
    by = {one.rule: one for one in read}
    starts, ended = by["starts"], by["diverges"]
    lowest, highest = starts.tested
    limits = [by[rule] for rule in LIMITS if rule in by and by[rule].shared]
    if starts.value is None and starts.points < FEWEST and ended.shared:
        return too_soon(starts, ended)
    if starts.value is None and starts.reason.endswith(UNSURE):
        more = "give it more updates, or more images held out"
        return Suggested(None, None, f"{starts.reason}; {more}")
    if limits:
        limit = min(limits, key=lambda one: one.value or 0.0)
        max_lr, why = limit.value or 0.0, limit.reason
        # A test may begin with weights that are good already; a loss that only rises is no such.
        if starts.value is None and (limit.metric in LOSSES or max_lr <= 3 * lowest):
            return Suggested(None, None, f"{starts.reason}; test lower rates")
    elif starts.value is None:
        return Suggested(None, None, starts.reason)
    else:
        max_lr = highest
        why = "the highest tested, neither ragged nor falling in most seeds; higher ones may do too"
        if ended.shared and ended.value is not None:
            max_lr, why = ended.value / 2, f"half of {ended.value:.3g}, where training diverged"
        lost = no_plateau(by)
        if lost is not None and lost[0] < max_lr:
            max_lr, why = lost
    measured = (limits or [starts])[0].metric
    base_lr, because = base(starts, max_lr)
    said = [f"max {max_lr:.3g}: {why}", because]
    if measured == "train_loss":
        said.append("read by training loss, since nothing held out says more")
    return Suggested(base_lr, max_lr, "; ".join(said))


def no_plateau(by: dict[str, Reading]) -> tuple[float, str] | None:
    """The median over the seeds whose curve ends much worse than its best, where half of them do:
    of where it falls or, if noise hides that, of where it is best. And why."""
    best = by.get("best")
    if best is None or best.value is None:
        return None
    rates = [fell if b is None else b for b, fell in zip(best.each, by["falls"].each, strict=True)]
    found = [rate for rate in rates if rate is not None]
    if 2 * len(found) < len(rates):
        return None
    if len(found) == len(best.found):  # none of them by a fall
        return statistics.median(found), best.reason
    many = f"in {len(found)} of {len(rates)} seeds"
    return statistics.median(found), f"{many} the curve is mostly worse beyond about here"


def too_soon(starts: Reading, ended: Reading) -> Suggested:
    """What to do about a test that diverged before there were points enough."""
    end = ended.value or 0.0
    few = f"training diverged at {end:.2g} after {starts.points} points, {FEWEST} are needed"
    if end <= starts.tested[0]:  # before the first point was through
        return Suggested(None, None, f"{few}; test again from a lower rate on")
    return Suggested(None, None, f"{few}; test again with high={end:.2g}", float(f"{end:.2g}"))


def base(starts: Reading, max_lr: float) -> tuple[float, str]:
    """The minimum for a maximum, and why."""
    if starts.value is None or starts.value < max_lr / 10:
        why = "it starts to learn below" if starts.value is not None else "no start is seen"
        return max_lr / 10, f"base {max_lr / 10:.3g}: a tenth of it, {why}"
    if starts.value > max_lr / 3:
        return max_lr / 3, f"base {max_lr / 3:.3g}: a third of it, less than the start"
    return starts.value, f"base {starts.value:.3g}: {starts.reason}"
