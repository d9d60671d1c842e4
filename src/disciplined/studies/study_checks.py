"""Whether a study says what can be done: arms, metrics, axes and logs that exist.

One line for the first thing that is wrong, before anything trains.
"""

from disciplined.checks import one_of, suggestion
from disciplined.mistakes import Mistake
from disciplined.schedules.lengths import Length
from disciplined.studies.study import (
    AXES,
    DERIVED,
    METRICS,
    QUESTIONS,
    READINGS,
    SCHEDULED,
    Claim,
    Panel,
    Study,
    on_axis,
    told_factors,
)
from disciplined.training import estimates


def check(study: Study) -> None:
    """Every reference to an arm, metric or axis is to one that exists. Raises Mistake."""
    check_names(study)
    check_choices(study)
    if study.author:
        from disciplined.studies import author  # OmegaConf: a list of studies does without it

        for arm, log in study.author.items():
            one_of(log, tuple(author.index()), f"{study.id}: author {arm}")
    for name, panel in study.panels.items():
        check_panel(study, panel, f"{study.id}: panel {name}")
    check_factors(study)
    for arm, numbers in study.published.items():
        for number in numbers:
            one_of(number.metric, METRICS, f"{study.id}: published {arm}: metric")
            one_of(number.at, READINGS, f"{study.id}: published {arm}: at")
    seen = [c.id for c in study.claims]
    for one in study.claims:
        if seen.count(one.id) > 1:
            raise Mistake(f"{study.id}: two claims are called {one.id}")
        check_claim(study, one, f"{study.id}: claim {one.id}")


def check_names(study: Study) -> None:
    """Every arm that is named is one."""
    rows = study.rows()
    groups: dict[str, list[str]] = {
        "labels": list(study.labels),
        "published": list(study.published),
        "author": list(study.author),
        "readings": [*study.readings, *study.readings.values()],
        "primary": study.primary,
        **{f"panel {name}": panel.named() for name, panel in study.panels.items()},
        **{
            f"claim {c.id}": [*c.arms(), *([c.arguments["of"]] if "of" in c.arguments else [])]
            for c in study.claims
            if c.predicate != "effect"  # whose `of` is a factor
        },
        **{f"factor {name}": arms for name, arms in study.factors.items()},
    }
    if study.calibrate:
        groups["calibrate"] = [study.calibrate.arm]
    for where, named_arms in groups.items():
        for arm in named_arms:
            if arm not in rows:
                raise Mistake(f"{study.id}: {where} names the arm {arm}; {suggestion(arm, rows)}")


def check_choices(study: Study) -> None:
    """A chosen arm is chosen among arms that hold out something to choose by."""
    for name, choice in study.chosen.items():
        where = f"{study.id}: chosen {name}"
        for arm in choice.among or [""]:
            if arm not in study.arms:
                raise Mistake(f"{where} names the arm {arm}; {suggestion(arm, list(study.arms))}")
        one_of(choice.by, ("val_accuracy", "val_loss"), f"{where}: by")
        for arm in choice.among:
            # Every data set holds out none unless it is told to, and no recipe tells it.
            if not study.setting(arm, "dataset.validation"):
                raise Mistake(
                    f"{where}: by={choice.by}: the arm {arm} holds no images out to choose by; "
                    "set dataset.validation (5000, say) for it"
                )


def check_factors(study: Study) -> None:
    """Factors of two levels have an arm for every combination of them."""
    if study.factors and len(study.arms) != 2 ** len(study.factors):
        raise Mistake(
            f"{study.id}: {len(study.factors)} factors of two levels need "
            f"{2 ** len(study.factors)} arms; there are {len(study.arms)}"
        )
    if len({study.levels(arm) for arm in study.arms}) < len(study.arms) and study.factors:
        raise Mistake(f"{study.id}: factors: two arms have the same levels")


def check_claim(study: Study, one: Claim, where: str) -> None:
    """What a claim's predicate is told is there to be read."""
    told = one.arguments
    one_of(one.question, QUESTIONS, f"{where}: question")
    one_of(told.get("metric", METRICS[0]), (*METRICS, *DERIVED), f"{where}: metric")
    unranked = told.get("metric") in (*DERIVED, *estimates.METRICS)
    if unranked and told.get("at") == "best":
        raise Mistake(
            f"{where}: at=best: {told['metric']} has no best value; expected final or mean"
        )
    if one.predicate == "effect":
        for factor in told_factors(told["of"]):
            one_of(factor, tuple(study.factors), f"{where}: of")
    one_of(told.get("at", READINGS[0]), READINGS, f"{where}: at")
    if one.predicate == "crosses":
        one_of(told["x"], AXES, f"{where}: x")
        one_of(told.get("direction", "up"), ("up", "down"), f"{where}: direction")
    if one.predicate == "diverges" and {"below", "above"} <= told.keys():
        raise Mistake(f"{where}: below and above exclude each other")
    if one.predicate == "shape" and told.get("of", told["arm"]) not in study.author:
        raise Mistake(f"{where}: there is no author's log to follow; name one under author")


def check_panel(study: Study, panel: Panel, where: str) -> None:
    """What a panel draws is there to be drawn."""
    if panel.over_a_setting:
        arms = panel.named() or list(study.arms)
        settings = [study.arms[arm] for arm in arms if arm in study.arms]
        common = sorted(set.intersection(*(set(map(str, told)) for told in settings or [{}])))
        if settings:
            one_of(panel.x, (*AXES, *common), f"{where}: x")
        for arm in arms:
            if arm in study.chosen and study.setting(arm, panel.x) is None:
                among = [study.setting(one, panel.x) for one in study.chosen[arm].among]
                raise Mistake(
                    f"{where}: x={panel.x}: {arm} is chosen among arms that do not share it "
                    f"({', '.join(dict.fromkeys(map(str, among)))}); expected a setting "
                    "that all of them have in common"
                )
            on_axis(study.setting(arm, panel.x), f"{where}: x: {panel.x} of {arm}")
        units = {unit(study.setting(arm, panel.x)): arm for arm in arms}
        if len(units) > 1:
            told = ", ".join(f"{arm} in {name or 'no unit'}" for name, arm in units.items())
            raise Mistake(f"{where}: x={panel.x}: {told}: expected one unit of all arms on an axis")
    scheduled = () if panel.over_a_setting else SCHEDULED
    if not 1 <= len(panel.ys) <= 2:
        raise Mistake(f"{where}: y={panel.y}: expected one metric or two")
    for y in panel.ys:
        known = SCHEDULED if study.sketch else (*METRICS, *DERIVED, *scheduled)
        one_of(y, known, f"{where}: y")
    one_of(panel.at, READINGS, f"{where}: at")
    for arm in panel.dashes:
        one_of(arm, tuple(panel.arms), f"{where}: dashes")
    if panel.dashes and len(panel.ys) > 1:
        raise Mistake(f"{where}: dashes: of two metrics the second is dashed already")
    for axis in ("xscale", "yscale"):
        one_of(getattr(panel, axis), ("linear", "log"), f"{where}: {axis}")


def unit(value: object) -> str:
    """A length's unit; a number has none."""
    return Length.parse(value).unit if isinstance(value, str) else ""
