"""Generated: what every study's runs are and which settings were published, for those in a hurry.

Composing every arm takes seconds; `conf/study/index.json` keeps what came of it, so that lists,
plans and pictures of what is on disk need no Hydra, and `conf/published.yaml` lets `train.py` say
what was published for the run it has done. A test holds both current: the keys of what is published
never change by accident.
"""

import json
import sys
from functools import cache
from pathlib import Path
from typing import Any

from disciplined.studies.registration import blob
from disciplined.studies.study import SCALES, Study
from disciplined.studies.study_file import CONF, ids, load
from disciplined.training.record import write

INDEX = CONF / "study" / "index.json"
PUBLISHED = CONF / "published.yaml"


def entry(study: Study) -> dict[str, Any]:
    """One study's part of the index: its arms' settings, lengths and keys at every scale.

    An arm has a key for each of its seeds, and for as many as decide something; a claim has the
    arms that it reads, null where one of them cannot be run yet.
    """
    from disciplined.studies.evidence import ENOUGH
    from disciplined.studies.expansion import at_any_precision, expand_arm  # Hydra: slow

    data, models = [], []
    models += [told.model for told in study.architecture]
    trained: dict[str, str] = {}
    scales: dict[str, Any] = {scale: {} for scale in SCALES}
    for arm in [] if study.sketch else study.arms:
        for scale in SCALES:
            runs = expand_arm(study, arm, scale, max(study.seeds[scale], ENOUGH))
            plan = runs[0].plan
            if scale == "paper":
                trained[arm] = plan.trained
            scales[scale][arm] = {
                "name": plan.name,
                "setting": plan.setting,
                "iterations": plan.iterations,
                "images": plan.images,
                "train_images": plan.train_images,
                "keys": " ".join(run.key.rpartition("-")[2] for run in runs),
            }
            model, dataset, _ = plan.name.split("-", 2)
            models.append(model)
            data.append(dataset)
    return {
        "blob": blob(study.file),
        "title": study.title,
        "data": list(dict.fromkeys(data)),
        "models": list(dict.fromkeys(models)),
        "seeds": study.seeds,
        "primary": study.primary,
        "claims": {one.id: study.reads(one) for one in study.claims},
        "scales": scales,
        # What each number was published for: in fp32, and as a bare `train.py` asks for it.
        "published": {
            arm: [trained[arm], at_any_precision(study, arm).trained]
            for arm in study.published
            if arm in study.arms
        },
    }


def kept(study: str) -> dict[str, Any] | None:
    """A study's part of the index as it is kept; None where what it was made of has changed since:
    the study's file, or a choice of conf/ that its arms may have."""
    there = stored().get(study)
    file = CONF / "study" / f"{study}.yaml"
    if not there or there["blob"] != blob(file):
        return None
    return None if any(concerns(name, there) for name in changed()) else there


def concerns(file: str, told: dict[str, Any]) -> bool:
    """Whether a study may have composed this file of conf/: not another network, nor other data."""
    group, _, choice = file.removesuffix(".yaml").rpartition("/")
    named = {"model": told["models"], "dataset": told["data"]}.get(group)
    return named is None or choice in named


@cache
def changed() -> list[str]:
    """The files of conf/ that are not as they were when the index was made; new ones do no harm."""
    now = choices()
    return [name for name, was in made()["choices"].items() if now.get(name) != was]


def choices() -> dict[str, str]:
    """What arms are composed of: every other file of conf/, with its git blob."""
    files = [CONF / "train.yaml", *CONF.glob("*/*.yaml")]
    found = {file.relative_to(CONF).as_posix(): blob(file) for file in sorted(files)}
    return {name: at for name, at in found.items() if not name.startswith(("study/", "author/"))}


@cache
def made() -> dict[str, Any]:
    """The file as it is kept: `choices` it was made of, `studies` by id."""
    empty: dict[str, Any] = {"choices": {}, "studies": {}}
    return json.loads(INDEX.read_text()) if INDEX.is_file() else empty


def stored() -> dict[str, dict[str, Any]]:
    """Every study's part as it is kept."""
    return made()["studies"]


def current() -> dict[str, dict[str, Any]]:
    """The index of every study, composing only those whose part is no longer current, said."""
    found = {study: kept(study) for study in ids()}
    stale = [study for study, told in found.items() if told is None]
    if stale:
        print(
            f"{len(stale)} of {len(found)} studies changed since conf/study/index.json was made "
            f"({', '.join(changed() or stale)}): composing them anew; reproduce.py keys keeps that",
            file=sys.stderr,
        )
    return {study: told or entry(load(study)) for study, told in found.items()}


def index_text() -> str:
    """`conf/study/index.json`, from nothing."""
    studies = {study: entry(load(study)) for study in ids()}
    return laid_out({"choices": choices(), "studies": studies}, 5) + "\n"


def laid_out(value: Any, levels: int, indent: str = "") -> str:
    """JSON whose outer `levels` of mappings have a line each key: an arm that changes is a line."""
    if not levels or not value or not isinstance(value, dict):
        return json.dumps(value)
    inner = indent + " "
    lines = [f"{inner}{json.dumps(k)}: {laid_out(v, levels - 1, inner)}" for k, v in value.items()]
    return "{\n" + ",\n".join(lines) + f"\n{indent}}}"


def published_text(index: dict[str, dict[str, Any]]) -> str:
    """`conf/published.yaml`: what was published for a training (a key without its seed
    and how often it is measured)."""
    lines = [
        "# Generated by `python scripts/reproduce.py keys`: what was published for which training",
        "# (a record's key without seed and evaluations). These keys must not change by accident.",
    ]
    found: dict[str, list[str]] = {}
    for name, told in index.items():
        study = load(name)
        for arm, numbers in study.published.items():
            if arm not in study.arms:
                continue
            number = numbers[0]
            entry = {
                "study": name,
                "arm": arm,
                **{key: getattr(number, key) for key in ("metric", "at", "value", "std")},
                "source": study.source,
            }
            text = ", ".join(f"{k}: {json.dumps(v, ensure_ascii=False)}" for k, v in entry.items())
            for trained in dict.fromkeys(told["published"][arm]):
                found.setdefault(trained, []).append(f"{{{text}}}")
    lines += [f'"{trained}": [{", ".join(entries)}]' for trained, entries in found.items()]
    return "\n".join(lines) + "\n"


def generate() -> list[Path]:
    """Write both files anew."""
    text = index_text()
    write(INDEX, text)
    made.cache_clear()
    changed.cache_clear()
    write(PUBLISHED, published_text(stored()))
    return [INDEX, PUBLISHED]


def keys(arm: dict[str, Any], seeds: int | None = None) -> list[str]:
    """The records' names of an arm's first `seeds` runs, all that the index has where None."""
    return [f"{arm['name']}-{digest}" for digest in arm["keys"].split()[:seeds]]
