"""What a data set's settings leave to its files: numbers of images, their shape, the classes.

The published sets say so themselves. Of a reader's own the choice names a function beside its
loader that counts; it is given the loader's settings and imports no torch where it can be helped.
"""

import inspect

from omegaconf import DictConfig, OmegaConf

from disciplined.mistakes import Mistake
from disciplined.training.targets import arguments, located

KEYS = ("image_shape", "classes", "train_images", "test_images")


def fill(cfg: DictConfig) -> None:
    """Fill in the null keys of `cfg.dataset` by its `count` node, and what tells its data apart.

    What the user gives stands, to be held against the data when they are loaded. Raises `Mistake`
    for keys that nobody knows, and what counting finds wrong.
    """
    dataset = cfg.dataset
    unknown = [key for key in KEYS if dataset[key] is None]
    if not unknown:
        return
    if not isinstance(dataset.count, DictConfig):
        raise Mistake(
            f"dataset.{unknown[0]}=null: expected a value; dataset.count names no function"
        )
    function = located(dataset.count._target_, "dataset.count._target_")
    node = OmegaConf.to_container(dataset.load, resolve=True)
    assert isinstance(node, dict)
    asked = inspect.signature(function).parameters
    known = {str(k): v for k, v in node.items() if k in asked}
    found = function(**arguments(function, known, "dataset.load"))
    for key in unknown:
        dataset[key] = found[key]
    dataset.digest = found.get("digest")
