"""The commands that a step leads to, with what the step has found set. No torch."""

import shlex
from dataclasses import dataclass, fields

from disciplined.tuning.checklist.options import Options, given, key

SHORT = ("duration", "evaluate_every", "evaluation.images")  # of the short runs alone
KEPT = ("seeds", "jobs")  # of a step's own settings, for the next step


@dataclass(frozen=True)
class After:
    """What comes after a step of which `chosen` and `overrides` were asked."""

    chosen: Options
    overrides: list[str]

    def again(self, *settings: str) -> str:
        """The same step with other settings."""
        anew = {key(s) for s in settings}
        names = [f.name for f in fields(Options) if f.name not in (*anew, "step", "dry_run")]
        return tune(self.chosen.step, [*said(self.chosen, names), *self.overrides, *settings])

    def tune(self, step: str, *settings: str) -> str:
        """Another step; it says itself what the rate does, but for its bounds."""
        kept = [o for o in carried(self.overrides, settings) if not o.startswith("schedule")]
        return tune(step, [*said(self.chosen, KEPT), *kept, *settings])

    def train(self, *settings: str) -> str:
        """`train.py`; the length is again the model's."""
        return f"python train.py {shlex.join([*carried(self.overrides, settings), *settings])}"

    def cycle(self, low: float | None = None, high: float | None = None) -> list[str]:
        """1cycle between these rates, or the bounds that the command has."""
        texts = [None if rate is None else f"{rate:.3g}" for rate in (low, high)]
        return ["schedule=onecycle", *self.bounds(*texts)]

    def bounds(self, low: str | None = None, high: str | None = None) -> list[str]:
        """The rate's bounds, or those that the command has."""
        found = {
            name: text or given(self.overrides, name)
            for name, text in (("schedule.base_lr", low), ("schedule.max_lr", high))
        }
        return [f"{name}={text}" for name, text in found.items() if text is not None]


def tune(step: str, settings: list[str]) -> str:
    """`tune.py`; what would force a run again is of one command only."""
    kept = [s for s in settings if key(s) != "force"]
    return f"python scripts/tune.py {shlex.join([f'step={step}', *kept])}"


def said(chosen: Options, names: list[str] | tuple[str, ...]) -> list[str]:
    """Those of a step's own settings that are not the usual ones, as they are written."""
    found = {name: getattr(chosen, name) for name in names}
    told = {True: "true", False: "false"}
    return [
        f"{name}={told[value] if isinstance(value, bool) else value}"
        for name, value in found.items()
        if value != getattr(Options, name)
    ]


def carried(overrides: list[str], settings: tuple[str, ...]) -> list[str]:
    """What the command said beside the settings.

    A group that is chosen anew takes nothing over of the choice before it.
    """
    anew = {key(s) for s in settings}
    return [
        o
        for o in overrides
        if key(o) not in (*anew, *SHORT, "force")
        and not any(key(o).startswith(f"{group}.") for group in anew)
    ]


def swing(best: float) -> list[str]:
    """Cyclical momentum: from the best constant one down to 0.85 (or 0.8: 1803.09820 section 5)."""
    low = 0.85 if best > 0.85 else max(0.0, round(best - 0.1, 2))
    return ["momentum=cyclical", f"momentum.at_base_lr={best:g}", f"momentum.at_max_lr={low:g}"]
