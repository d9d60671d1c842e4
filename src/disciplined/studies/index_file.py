"""The index as it is kept, `conf/study/index.json`: what every study's runs are.

Lists, plans and pictures of what is on disk read it instead of composing every arm; a part whose
study or choices of conf/ have changed since counts as absent.
"""

import json
from functools import cache
from typing import Any

from disciplined.studies.registration import blob
from disciplined.studies.study_file import CONF

INDEX = CONF / "study" / "index.json"


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


def keys(arm: dict[str, Any], seeds: int | None = None) -> list[str]:
    """The records' names of an arm's first `seeds` runs, all that the index has where None."""
    return [f"{arm['name']}-{digest}" for digest in arm["keys"].split()[:seeds]]
