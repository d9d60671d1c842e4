"""What a recipe says and chooses, read from its file without composing anything."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from disciplined.studies.study import Study
from disciplined.studies.study_file import CONF


def recipe_text(name: str) -> str:
    """A recipe's file; nothing where there is none of that name."""
    file = CONF / "recipe" / f"{name}.yaml"
    return file.read_text() if file.is_file() else ""


@cache
def defaults(name: str) -> dict[str, str]:
    """The choices that a recipe makes: its network, its data, its optimiser."""
    from omegaconf import OmegaConf  # not above: as in study_file

    listed = OmegaConf.select(OmegaConf.create(recipe_text(name)), "defaults", default=[])
    choices = [item for one in listed if isinstance(one, Mapping) for item in one.items()]
    return {str(group).rpartition("/")[2]: str(choice) for group, choice in choices}


def images_tested(study: Study, arm: str) -> int | None:
    """The images of an arm's test set; None where nobody knows yet (a folder, an arm to come)."""
    recipe = str(study.setting(arm, "recipe") or "")
    dataset = study.setting(arm, "dataset") or defaults(recipe).get("dataset")
    return test_set(dataset) if dataset else None


@cache
def test_set(dataset: str) -> int | None:
    """How many test images a data set has, as its file says."""
    from omegaconf import OmegaConf

    told: Any = OmegaConf.load(CONF / "dataset" / f"{dataset}.yaml")
    return told.test_images
