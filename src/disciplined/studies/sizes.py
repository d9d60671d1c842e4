"""How many images a study's test set has: a published number may be of a part of them."""

from functools import cache
from typing import Any

from disciplined.studies.study import Study
from disciplined.studies.study_file import CONF


def test_images(study: Study, arm: str) -> int | None:
    """The images of an arm's test set; None where nobody knows yet (a folder, an arm to come)."""
    dataset = study.setting(arm, "dataset")
    if not dataset and (recipe := study.setting(arm, "recipe")):
        dataset = chosen_by(recipe)
    return images(dataset) if dataset else None


@cache
def chosen_by(recipe: str) -> str | None:
    """The data set that a recipe chooses."""
    told: Any = loaded("recipe", recipe).get("defaults", [])
    return next((one["override /dataset"] for one in told if "override /dataset" in one), None)


@cache
def images(dataset: str) -> int | None:
    """The test images of a data set, as its file says."""
    return loaded("dataset", dataset).get("test_images")


def loaded(group: str, choice: str) -> dict[str, Any]:
    """A file of a config group."""
    from omegaconf import OmegaConf  # not above: as in study_file

    told = OmegaConf.load(CONF / group / f"{choice}.yaml")
    found: Any = OmegaConf.to_container(told, resolve=False)
    return found
