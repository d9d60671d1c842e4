"""A step told: one line that says what was found and how sure, and the next commands."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from disciplined.columns import shown
from disciplined.tuning.checklist.commands import After, swing
from disciplined.tuning.checklist.conclusions import Arm, Choice, Size, bisected, flat, worthwhile
from disciplined.tuning.checklist.tables import NAMES, seeds_said
from disciplined.tuning.reading import Reading, Suggested
from disciplined.tuning.reading.suggestion import LIMITS


@dataclass(frozen=True)
class Told:
    """What the user reads: the line, warnings behind it, and commands by what they are for."""

    line: str
    warnings: tuple[str, ...] = ()
    commands: tuple[tuple[str, str], ...] = ()


def found(step: str, arms: Sequence[Arm], choice: Choice | None) -> str:
    """The line: the value, its loss, and what it is told from."""
    name = NAMES[step]
    if choice is None:
        lost = any(arm.diverged for arm in arms)
        why = "every value diverged; try smaller rates" if lost else "no run of it is done"
        return f"{name}: nothing can be said, {why}"
    best, metric = choice.best, next(iter(choice.best.scores))
    loss = shown(best.mean, metric, statistics.stdev(best.deciding) if choice.seeds > 1 else None)
    what = f"{metric.partition('_')[0]} validation loss {loss}"
    gone = listed([arm for arm in arms if arm.diverged])
    diverged = f"; {gone} diverged" if gone else ""
    if choice.seeds < 2:
        return (
            f"{name} {best.value:g}: {what}{diverged}; one seed, so how sure cannot be said "
            "(seeds=3)"
        )
    seeds = f"over {choice.seeds} seeds"
    unseen = f"less than {choice.unseen or 0:.0%} higher would not have been seen"
    if choice.all_level:
        all_ = listed(sorted([best, *choice.level], key=lambda arm: arm.value))
        return (
            f"{name}: no difference beyond the noise between {all_} {seeds}; lowest at "
            f"{best.value:g}, {what}{diverged}; {unseen}"
        )
    better = f"beyond the noise better than {listed(choice.worse)}" if choice.worse else ""
    level = f"not than {listed(choice.level)} ({unseen})" if choice.level else ""
    told = ", ".join(filter(None, (better, level)))
    return f"{name} {best.value:g}: {what} {seeds}" + (f", {told}" if told else "") + diverged


def listed(arms: Sequence[Arm]) -> str:
    """Their values in words."""
    texts = [f"{arm.value:g}" for arm in arms]
    return " and ".join(filter(None, (", ".join(texts[:-1]), *texts[-1:])))


def edge(step: str, choice: Choice, after: After) -> tuple[str, ...]:
    """The warning where the best is the first or the last value tried, with those beyond it."""
    best = choice.best.value
    if not choice.edge:
        return ()
    if step == "momentum":
        down = [round(max(0.0, best - d), 3) for d in (0.1, 0.05)]
        more = [*down, best] if choice.edge == "lowest" else [best, round((1 + best) / 2, 4)]
    else:
        more = [best / 100, best / 10, best] if choice.edge == "lowest" else [best, 10 * best]
    values = ",".join(f"{v:g}" for v in more)
    again = after.again(f"values={values}")
    return (
        f"warning: {best:g} is the {choice.edge} value tried, a better one may lie beyond: {again}",
    )


def rates(read: Sequence[Reading], suggestion: Suggested, after: After) -> Told:
    """Step lr."""
    base, top, seeds = suggestion.base_lr, suggestion.max_lr, len(read[0].each)
    if base is None or top is None:
        high = suggestion.high
        next_ = (("next", after.again(f"high={high:g}")),) if high is not None else ()
        return Told(f"learning rate: nothing can be said, {suggestion.why}", commands=next_)
    by = {one.rule: one for one in read}
    limits = [by[rule] for rule in LIMITS if rule in by and by[rule].value == top]
    limits += [one for one in (by["diverges"],) if one.value == 2 * top]
    if seeds == 1:
        sure = "one seed, so how sure cannot be said (seeds=3)"
    elif limits:
        sure = f"{limits[0].rule} over the seeds at {seeds_said(limits[0])}"
    else:
        sure = f"{seeds} seeds"
    warnings, unlimited = (), ()
    if not limits and top == by["starts"].tested[1]:
        again = after.again(f"high={10 * top:.3g}")
        unlimited = (("what each rate does when held", after.tune("sensitivity")),)
        warnings = (
            f"warning: nothing says that {top:.3g}, the highest rate tried, is too high, and "
            f"nothing that it is not: {again}",
        )
    cycle = after.cycle(base, top)
    return Told(
        f"learning rate: cycle from {base:.3g} to {top:.3g}; {sure}; {suggestion.why}",
        warnings,
        (
            *unlimited,
            ("next", after.tune("momentum", *cycle[1:])),
            ("train", after.train(*cycle)),
        ),
    )


def unmeasured(ended: Sequence[float | None], after: After) -> Told:
    """Step lr, where nothing was measured: known is at most at which rates training diverged."""
    said, found = "learning rate: nothing can be said", [end for end in ended if end]
    if not found:
        return Told(f"{said}, nothing was measured before the end")
    high = f"high={min(found):.2g}"
    return Told(
        f"{said}, training diverged at {min(found):.2g}, before anything was measured; test again "
        f"with {high}",
        commands=(("next", after.again(high)),),
    )


def momentum(arms: Sequence[Arm], choice: Choice | None, after: After) -> Told:
    """Step momentum."""
    line = found("momentum", arms, choice)
    if choice is None:
        return Told(line)
    best = choice.best.value
    rates = after.cycle()
    held = ["momentum=constant", f"momentum.value={best:g}"]
    return Told(
        line,
        edge("momentum", choice, after),
        (
            ("next", after.tune("weight_decay", *after.bounds(), *held)),
            (
                "cyclical, down to 0.85 or 0.8 (the paper's advice)",
                after.train(*rates, *swing(best)),
            ),
            ("held", after.train(*rates, *held)),
        ),
    )


def sensitivity(
    arms: Sequence[Arm], choice: Choice | None, after: After, classes: int
) -> tuple[Told, list[float]]:
    """Step sensitivity, and the rates that do as well as the best."""
    line = found("sensitivity", arms, choice)
    if choice is None:
        return Told(line), []
    level = [arm.value for arm in flat(arms, choice, classes)]
    if len(level) > 1:
        line += f"; flat from {level[0]:g} to {level[-1]:g}"
    high = level[-1]
    return Told(
        line,
        edge("sensitivity", choice, after),
        (
            ("next", after.tune("momentum", f"schedule.max_lr={high:g}")),
            (
                "constant",
                after.train("schedule=constant", f"schedule.lr={choice.best.value:g}"),
            ),
            (
                "1cycle up to the end of the flat part",
                after.train(*after.cycle(high / 10, high)),
            ),
        ),
    ), level


def weight_decay(arms: Sequence[Arm], choice: Choice | None, after: After) -> Told:
    """Step weight_decay."""
    line = found("weight_decay", arms, choice)
    if choice is None:
        return Told(line)
    best = choice.best.value
    decay = f"weight_decay.value={best:g}"
    again = ",".join(f"{v:g}" for v in bisected([arm.value for arm in arms], best))
    cycle = after.cycle()
    finer = after.again(f"values={again}")
    return Told(
        line,
        edge("weight_decay", choice, after),
        (
            *((("the exponent bisected", finer),) if best else ()),
            ("train", after.train(*cycle, decay)),
        ),
    )


def batch(sizes: Sequence[Size], after: After) -> Told:
    """Step batch."""
    measured = [size for size in sizes if size.speeds]
    if not measured:
        return Told("total batch size: nothing can be said, no size was trained")
    top, first, enough = measured[-1], measured[0], worthwhile(sizes)
    beyond = next((size for size in sizes if not size.fits), None)
    why = f"{beyond.size} runs out of memory" if beyond else "the largest tried"
    runs = min(len(size.speeds) for size in measured)
    spread = max(max(s.speeds) / min(s.speeds) - 1 for s in measured)
    sure = (
        f"spread over {runs} runs {spread:.0%}"
        if runs > 1
        else "one run each, so how sure cannot be said (seeds=3)"
    )
    gains = "" if enough is top else f"; from {enough.size} on hardly more"
    line = (
        f"total batch size {top.size} fits ({why}), {top.speed / first.speed:.2g} times as many "
        f"images a second as {first.size}{gains}; {sure}"
    )
    warnings = ()
    if beyond is None:
        more = f"values={2 * top.size},{4 * top.size}"
        warnings = (f"warning: {top.size} is the largest size tried and fits: {after.again(more)}",)
    size = f"total_batch_size={top.size}"
    return Told(
        line,
        warnings,
        (
            (
                "the paper's advice: as large as fits, with the larger rate that it bears",
                after.tune("lr", size),
            ),
            *(
                (("as fast", after.tune("lr", f"total_batch_size={enough.size}")),)
                if enough is not top
                else ()
            ),
        ),
    )
