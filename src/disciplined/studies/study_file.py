"""A study file read and checked, `conf/study/<paper>/<figure>.yaml`.

Everything that can be wrong in one fails here with one line, before anything trains; only whether
an arm's overrides compose is left to `disciplined.studies.expansion`, since it takes Hydra.
"""

from pathlib import Path
from typing import Any

from disciplined.checks import (
    arm_name,
    build,
    mapping,
    named,
    one_of,
    only,
    suggestion,
)
from disciplined.mistakes import Mistake
from disciplined.schedules.lengths import Length
from disciplined.studies.arms import expand_arms
from disciplined.studies.study import (
    AXES,
    DERIVED,
    METRICS,
    PREDICATES,
    QUESTIONS,
    READINGS,
    SCALES,
    SCHEDULED,
    Architecture,
    Calibration,
    Choice,
    Claim,
    Panel,
    Published,
    Study,
    on_axis,
    told_factors,
)
from disciplined.training import estimates

CONF = Path(__file__).parents[3] / "conf"
KEYS = {
    *("source", "title", "recipe", "fixed", "vary", "arms", "templates", "labels", "primary"),
    *("seeds", "panels", "published", "author", "readings", "missing", "chosen", "factors"),
    *("claims", "contradictions", "notes", "calibrate", "sketch", "planted", "architecture"),
}
DRAWN_ONLY = ("source", "title", "architecture", "contradictions", "notes")  # of an architecture


def ids() -> list[str]:
    """The ids of all studies, `<paper>/<figure>`."""
    folder = CONF / "study"
    return sorted(p.relative_to(folder).with_suffix("").as_posix() for p in folder.rglob("*.yaml"))


def load(study: str) -> Study:
    """The study with this id. Raises Mistake for an unknown id and whatever is wrong in it."""
    file = CONF / "study" / f"{study}.yaml"
    if study not in ids():
        raise Mistake(f"figure={study}: no such study; {suggestion(study, ids())}")
    return read(file, study)


def read(file: Path, study: str) -> Study:
    """The study in `file`, checked. Raises Mistake."""
    from omegaconf import OmegaConf  # not above: a list of studies does without it
    from omegaconf.errors import OmegaConfBaseException

    try:
        found: Any = OmegaConf.to_container(OmegaConf.load(file), resolve=True)
    except (OmegaConfBaseException, ValueError, OSError) as error:
        raise Mistake(f"{study}: cannot be read: {' '.join(str(error).split())}") from error
    except Exception as error:  # PyYAML's errors have no base class that OmegaConf exports
        if type(error).__module__.partition(".")[0] != "yaml":
            raise
        raise Mistake(f"{study}: not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(found, dict):
        raise Mistake(f"{study}: expected a mapping with source, title, arms or vary")
    only(found, KEYS, study)
    outlined = "architecture" in found
    if outlined:
        only(found, set(DRAWN_ONLY), f"{study}: a table of an architecture")
        found |= {"seeds": dict.fromkeys(SCALES, 1), "panels": {}}
    for key in ("source", "title", *(() if outlined else ("seeds", "panels"))):
        if not found.get(key):
            raise Mistake(f"{study}: {key} is missing")
    arms = {} if outlined else expand_arms(found, study)
    missing = named(found, "missing")
    logs = named(found, "author")
    result = Study(
        id=study,
        file=file,
        source=found["source"],
        title=found["title"],
        arms=arms,
        seeds=seeds(found["seeds"], study),
        panels={
            str(name): build(Panel, told, f"{study}: panel {name}")
            for name, told in found["panels"].items()
        },
        labels=named(found, "labels"),
        primary=[arm_name(a) for a in found.get("primary", list(arms))],
        published={
            arm: [
                build(Published, one, f"{study}: published {arm}")
                for one in (told if isinstance(told, list) else [told])
            ]
            for arm, told in named(found, "published").items()
        },
        author=logs,
        readings=named(found, "readings"),
        missing=missing,
        chosen={
            name: build(Choice, told, f"{study}: chosen {name}")
            for name, told in named(found, "chosen").items()
        },
        factors=mapping(found.get("factors"), f"{study}: factors"),
        claims=[claim(told, study) for told in found.get("claims", [])],
        contradictions=found.get("contradictions", []),
        notes=found.get("notes", []),
        calibrate=build(Calibration, found["calibrate"], f"{study}: calibrate")
        if "calibrate" in found
        else None,
        sketch=bool(found.get("sketch", False)),
        planted=bool(found.get("planted", False)),
        architecture=[
            build(Architecture, told, f"{study}: architecture") for told in listed(found)
        ],
    )
    check(result)
    return result


def listed(found: dict[str, Any]) -> list[Any]:
    """The networks of a table of architectures; [] for any other study."""
    told = found.get("architecture", [])
    return told if isinstance(told, list) else [told]


def check(study: Study) -> None:
    """Every reference to an arm, metric or axis is to one that exists."""
    rows = study.rows()
    groups: dict[str, list[str]] = {
        "labels": list(study.labels),
        "published": list(study.published),
        "author": list(study.author),
        "readings": [*study.readings, *study.readings.values()],
        "primary": study.primary,
        **{f"panel {name}": panel.named() for name, panel in study.panels.items()},
        **{
            f"claim {c.id}": [*c.arms(), *map(str, [c.arguments.get("of")])]
            for c in study.claims
            if c.predicate != "effect"
        },
        **{f"factor {name}": arms for name, arms in study.factors.items()},
    }
    if study.calibrate:
        groups["calibrate"] = [study.calibrate.arm]
    for where, named_arms in groups.items():
        for arm in named_arms:
            if arm not in rows and arm != "None":
                raise Mistake(f"{study.id}: {where} names the arm {arm}; {suggestion(arm, rows)}")
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
    if study.author:
        from disciplined.studies import author  # OmegaConf, as above

        for arm, log in study.author.items():
            one_of(log, tuple(author.index()), f"{study.id}: author {arm}")
    for name, panel in study.panels.items():
        check_panel(study, panel, f"{study.id}: panel {name}")
    if study.factors and len(study.arms) != 2 ** len(study.factors):
        raise Mistake(
            f"{study.id}: {len(study.factors)} factors of two levels need "
            f"{2 ** len(study.factors)} arms; there are {len(study.arms)}"
        )
    if len({study.levels(arm) for arm in study.arms}) < len(study.arms) and study.factors:
        raise Mistake(f"{study.id}: factors: two arms have the same levels")
    for arm, numbers in study.published.items():
        for number in numbers:
            one_of(number.metric, METRICS, f"{study.id}: published {arm}: metric")
            one_of(number.at, READINGS, f"{study.id}: published {arm}: at")
    seen = [c.id for c in study.claims]
    for one in study.claims:
        if seen.count(one.id) > 1:
            raise Mistake(f"{study.id}: two claims are called {one.id}")
        where = f"{study.id}: claim {one.id}"
        one_of(one.question, QUESTIONS, f"{where}: question")
        one_of(one.arguments.get("metric", METRICS[0]), (*METRICS, *DERIVED), f"{where}: metric")
        unranked = one.arguments.get("metric") in (*DERIVED, *estimates.METRICS)
        if unranked and one.arguments.get("at") == "best":
            raise Mistake(
                f"{where}: at=best: {one.arguments['metric']} has no best value; expected final "
                "or mean"
            )
        if one.predicate == "effect":
            for factor in told_factors(one.arguments["of"]):
                one_of(factor, tuple(study.factors), f"{where}: of")
        one_of(one.arguments.get("at", READINGS[0]), READINGS, f"{where}: at")
        if one.predicate == "crosses":
            one_of(one.arguments["x"], AXES, f"{where}: x")
            one_of(one.arguments.get("direction", "up"), ("up", "down"), f"{where}: direction")
        if one.predicate == "diverges" and {"below", "above"} <= one.arguments.keys():
            raise Mistake(f"{where}: below and above exclude each other")
        if (
            one.predicate == "shape"
            and one.arguments.get("of", one.arguments["arm"]) not in study.author
        ):
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


def claim(told: object, study: str) -> Claim:
    """A claim with exactly one predicate of the closed list."""
    if not isinstance(told, dict) or "id" not in told or "says" not in told:
        raise Mistake(f"{study}: claim {told}: expected id, says and one predicate")
    rest = {k: v for k, v in told.items() if k not in ("id", "says", "primary", "question")}
    where = f"{study}: claim {told['id']}"
    if len(rest) != 1:
        raise Mistake(f"{where}: expected one predicate of {', '.join(PREDICATES)}")
    ((predicate, arguments),) = rest.items()
    one_of(predicate, tuple(PREDICATES), f"{where}: predicate")
    arguments = mapping(arguments, f"{where}: {predicate}")
    needed, allowed = PREDICATES[predicate]
    only(arguments, needed | allowed, f"{where}: {predicate}")
    for key in sorted(needed - arguments.keys()):
        raise Mistake(f"{where}: {predicate} needs {key}")
    for key in ("arm", "than", *(("of",) if predicate != "effect" else ())):
        if key in arguments:
            arguments[key] = arm_name(arguments[key])
    for key in ("arms", "order", "among"):
        if key in arguments:
            arguments[key] = [arm_name(a) for a in arguments[key]]
    if predicate == "equivalent" and len(arguments["arms"]) != 2:
        raise Mistake(f"{where}: equivalent compares two arms, not {len(arguments['arms'])}")
    return Claim(
        id=str(told["id"]),
        predicate=predicate,
        arguments=arguments,
        says=str(told["says"]),
        primary=bool(told.get("primary", False)),
        question=str(told.get("question", "as_published")),
    )


def seeds(found: object, study: str) -> dict[str, int]:
    """Runs per arm at each scale."""
    counts = mapping(found, f"{study}: seeds")
    only(counts, set(SCALES), f"{study}: seeds")
    for scale in SCALES:
        if not isinstance(counts.get(scale), int) or counts[scale] < 1:
            raise Mistake(
                f"{study}: seeds.{scale}={counts.get(scale)}: expected a number from 1 on"
            )
    return counts
