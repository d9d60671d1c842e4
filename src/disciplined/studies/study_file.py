"""A study file read and checked, `conf/study/<paper>/<figure>.yaml`.

Everything that can be wrong in one fails here with one line, before anything trains: what is told
in a wrong way here, what it refers to in `study_checks`. Only whether an arm's overrides compose is
left to `disciplined.studies.expansion`, since it takes Hydra.
"""

from pathlib import Path
from typing import Any

from disciplined.checks import arm_name, build, mapping, named, one_of, only, suggestion
from disciplined.mistakes import Mistake
from disciplined.studies.arms import expand_arms
from disciplined.studies.study import (
    PREDICATES,
    SCALES,
    Architecture,
    Calibration,
    Choice,
    Claim,
    Panel,
    Published,
    Study,
)
from disciplined.studies.study_checks import check

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
