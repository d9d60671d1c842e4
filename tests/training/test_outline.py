"""Layers from the network itself: shapes, counts and order, blocks as one."""

import pytest

from disciplined.mistakes import Mistake
from disciplined.training.outline import Layer, outline


def of(model: str, dataset: str = "cifar10", part: str | None = None) -> list[Layer]:
    return outline([f"model={model}", f"dataset={dataset}"], part)


def test_lenet_layer_by_layer():
    assert of("lenet", "mnist") == [
        Layer("convolution", (20, 24, 24), 520, kernel=5, stride=1, padding=0),
        Layer("maximum pooling", (20, 12, 12), kernel=2, stride=2),
        Layer("convolution", (50, 8, 8), 25_050, kernel=5, stride=1, padding=0),
        Layer("maximum pooling", (50, 4, 4), kernel=2, stride=2),
        Layer("fully connected", (500,), 400_500),
        Layer("ReLU", (500,)),
        Layer("fully connected", (10,), 5_010),
    ]


def test_pooling_takes_its_stride_wherever_it_is_said():
    pools = [layer for layer in of("three_layer") if "pooling" in layer.kind]
    assert [(p.kernel, p.stride, p.output[1]) for p in pools] == [(3, 2, 16), (3, 2, 8), (3, 2, 4)]


def test_equal_blocks_are_counted_and_told_apart_from_others():
    layers = of("superconv_resnet20")
    found = [(layer.times, layer.kind, layer.output) for layer in layers if layer.inside]
    assert found == [
        (3, "block", (16, 32, 32)),
        (1, "halving block", (32, 16, 16)),
        (2, "block", (32, 16, 16)),
        (1, "halving block", (64, 8, 8)),
        (2, "block", (64, 8, 8)),
    ]
    single = [layer for block in layers for layer in block.every()]
    assert sum(layer.kind == "convolution" for layer in single) == 19
    assert sum(layer.parameters for layer in single) == 224_042  # reference section 4


def test_a_part_is_its_own_layers():
    halving = of("superconv_resnet20", part="blocks.3")
    assert [layer.words() for layer in halving] == [
        "convolution 3×3, stride 2",
        "batch norm",
        "ReLU",
        "convolution 3×3",
        "batch norm",
        "average pooling 3×3, stride 2",
        "sum",
        "ReLU",
        "zeros",
    ]
    assert halving[-1].output == (32, 16, 16)


def test_a_part_that_is_not_there():
    with pytest.raises(Mistake, match=r"part=blocks\.99: superconv_resnet20 has no module"):
        of("superconv_resnet20", part="blocks.99")
