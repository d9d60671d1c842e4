"""The commands that a step leads to, with what the step has found set. No torch."""

import shlex

from disciplined.tuning.steps import given, key

SHORT = ("duration", "evaluate_every", "evaluation.images", "force")  # of the short runs alone


def tune(step: str, overrides: list[str], *settings: str) -> str:
    """`tune.py` for another step."""
    return f"python scripts/tune.py {shlex.join([f'step={step}', *carried(overrides, settings)])}"


def train(overrides: list[str], *settings: str) -> str:
    """`train.py` with the settings found; the length is again the model's."""
    return f"python train.py {shlex.join(carried(overrides, settings))}"


def carried(overrides: list[str], settings: tuple[str, ...]) -> list[str]:
    """What the command said of everything else, and then the settings.

    A group that is chosen anew takes nothing over of the choice before it.
    """
    anew = {key(s) for s in settings}
    kept = [
        o
        for o in overrides
        if key(o) not in anew
        and key(o) not in SHORT
        and not any(key(o).startswith(f"{group}.") for group in anew)
    ]
    return [*kept, *settings]


def cycle(overrides: list[str], low: float | None = None, high: float | None = None) -> list[str]:
    """1cycle between these rates, or the command's own."""
    bounds = {
        "schedule.base_lr": given(overrides, "schedule.base_lr") if low is None else f"{low:.3g}",
        "schedule.max_lr": given(overrides, "schedule.max_lr") if high is None else f"{high:.3g}",
    }
    return ["schedule=onecycle", *(f"{k}={v}" for k, v in bounds.items() if v is not None)]


def swing(best: float) -> list[str]:
    """Cyclical momentum: from the best constant one down to 0.85 (or 0.8: 1803.09820 section 5)."""
    low = 0.85 if best > 0.85 else max(0.0, round(best - 0.1, 2))
    return ["momentum=cyclical", f"momentum.at_base_lr={best:g}", f"momentum.at_max_lr={low:g}"]
