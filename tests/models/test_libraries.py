"""torchvision's and timm's networks by name, and what is said where that cannot be."""

import sys

import pytest
import torch

from disciplined.mistakes import Mistake
from disciplined.models.libraries import timm_network, torchvision_network

MAKE = {"torchvision": torchvision_network, "timm": timm_network}


@pytest.mark.parametrize(
    ("package", "name", "count"),
    [
        ("torchvision", "resnet50", 25_557_032),
        ("torchvision", "googlenet", 6_624_904),  # without its auxiliary classifiers
        ("timm", "resnet18", 11_689_512),
        ("timm", "inception_resnet_v2", 55_843_464),
    ],
)
def test_published_parameter_counts(package, name, count):
    pytest.importorskip(package)
    with torch.device("meta"):
        network = MAKE[package](name, 1000, (3, 230, 230))
    assert sum(p.numel() for p in network.parameters()) == count


@pytest.mark.parametrize(
    ("package", "name", "settings"),
    [
        ("torchvision", "squeezenet1_1", {}),
        ("torchvision", "googlenet", {}),
        ("torchvision", "vit_b_32", {}),
        ("timm", "test_resnet", {}),
        ("timm", "test_vit", {"img_size": 64}),
    ],
)
def test_a_step_in_both_modes(package, name, settings):
    """Logits in training too: no auxiliary outputs, and vision transformers fit the images."""
    pytest.importorskip(package)
    torch.manual_seed(0)
    network = MAKE[package](name, 7, (3, 64, 64), **settings)
    x = torch.randn(2, 3, 64, 64)
    torch.nn.functional.cross_entropy(network(x), torch.tensor([1, 6])).backward()
    assert all(p.grad is not None for p in network.parameters())
    assert network.eval()(x).shape == (2, 7)


def test_the_seed_decides_the_weights():
    pytest.importorskip("timm")
    made = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        network = timm_network("test_resnet", 3, (3, 32, 32))
        made.append(torch.cat([p.flatten() for p in network.parameters()]))
    assert torch.equal(made[0], made[1]) and not torch.equal(made[1], made[2])


def test_timm_takes_greyscale_and_torchvision_says_that_it_does_not():
    pytest.importorskip("timm")
    pytest.importorskip("torchvision")
    network = timm_network("test_resnet", 5, (1, 28, 28))
    assert network(torch.randn(2, 1, 28, 28)).shape == (2, 5)
    with pytest.raises(Mistake, match=r"^model.network.name=resnet18: .* have 1: use model=timm"):
        torchvision_network("resnet18", 5, (1, 28, 28))


@pytest.mark.parametrize(
    ("package", "name", "named"),
    [
        ("torchvision", "resnet51", "model.network.name=resnet51: torchvision has no such class"),
        ("timm", "resnet51", "model.network.name=resnet51: timm has no such classifier; did you"),
        ("torchvision", "fcn_resnet50", "model.network.name=fcn_resnet50: torchvision has no such"),
    ],
)
def test_an_unknown_name_suggests_others(package, name, named):
    pytest.importorskip(package)
    with pytest.raises(Mistake) as found:
        MAKE[package](name, 10, (3, 32, 32))
    assert str(found.value).startswith(named) and "\n" not in str(found.value)
    assert "resnet50" in str(found.value)


@pytest.mark.parametrize("package", ["torchvision", "timm"])
def test_an_unknown_setting_is_a_mistake(package):
    pytest.importorskip(package)
    with pytest.raises(Mistake) as found:
        MAKE[package]("resnet18", 10, (3, 32, 32), widths=3)
    assert str(found.value).startswith("model.network.name=resnet18: cannot be made as asked: ")
    assert "widths" in str(found.value) and "\n" not in str(found.value)


def test_rows_are_no_images():
    pytest.importorskip("timm")
    with pytest.raises(Mistake, match=r"^model.network.name=resnet18: takes images of channels"):
        timm_network("resnet18", 2, (34,))


@pytest.mark.parametrize("package", ["torchvision", "timm"])
def test_a_missing_package_says_what_to_install(package, monkeypatch):
    for module in [m for m in sys.modules if m.split(".")[0] == package]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(Mistake) as found:
        MAKE[package]("resnet18", 10, (3, 32, 32))
    assert str(found.value).startswith(f"model.network: {package} cannot be imported")
    assert str(found.value).endswith("uv sync --extra vision")
