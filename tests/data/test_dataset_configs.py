"""Every conf/dataset file says of its set what its loader gives."""

import importlib
import inspect
from pathlib import Path

import pytest
from omegaconf import OmegaConf

CONFIGS = sorted((Path(__file__).parents[2] / "conf" / "dataset").glob("*.yaml"))
KEYS = {
    "name", "load", "image_shape", "classes", "train_images", "test_images", "validation", "mirror",
}  # fmt: skip


def loader(config) -> tuple:
    module, _, name = config.load["_target_"].rpartition(".")
    given = {key: value for key, value in config.load.items() if key != "_target_"}
    return getattr(importlib.import_module(module), name), given


def read(path: Path, data_dir: Path = Path("data")):
    config = OmegaConf.load(path)
    return OmegaConf.merge(config, {"data_dir": str(data_dir)})


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_a_config_has_its_keys_and_a_loader_that_takes_them(path: Path):
    config = OmegaConf.load(path)
    assert path.read_text().startswith("# ")
    assert set(config) in (KEYS, KEYS | {"count"})
    assert path.stem == "torchvision" or config.name == path.stem
    assert config.validation == 0
    function, given = loader(read(path))
    inspect.signature(function).bind(**given)
    if "count" in config:
        count, _ = loader(OmegaConf.merge(config, {"load": config.count, "data_dir": ""}))
        assert set(inspect.signature(count).parameters) <= set(given)


def test_the_sets_of_this_project_are_there():
    published = {"digits", "mnist", "cifar10", "cifar100", "blobs", "ionosphere", "imagenet"}
    own = {"folder", "large_folder", "table", "torchvision"}
    assert {path.stem for path in CONFIGS} >= published | own


def assert_agrees(path: Path, data_dir: Path) -> None:
    config = read(path, data_dir)
    function, given = loader(config)
    images = function(**given)
    shape = tuple(config.image_shape)
    assert images.train_images.shape == (config.train_images, *shape)
    assert images.test_images.shape == (config.test_images, *shape)
    for labels in (images.train_labels, images.test_labels):
        assert labels.unique().tolist() == list(range(config.classes))


@pytest.mark.parametrize("name", ["digits", "blobs"])
def test_a_set_without_files_is_as_described(name: str, tmp_path: Path):
    assert_agrees(next(path for path in CONFIGS if path.stem == name), tmp_path)


@pytest.mark.data
@pytest.mark.parametrize("name", ["mnist", "cifar10", "cifar100", "ionosphere"])
def test_a_real_set_is_as_described(name: str, data_dir: Path):
    assert_agrees(next(path for path in CONFIGS if path.stem == name), data_dir)
