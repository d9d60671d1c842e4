"""The floor counts a known network's arithmetic and bytes."""

from pathlib import Path

import pytest
import torch
from torch import nn

from disciplined.benchmark import cases, floors
from disciplined.benchmark.floors import Rates, Traffic


def test_bytes_of_a_product_and_of_nothing_else():
    a, b = torch.zeros(4, 6), torch.zeros(6, 5)
    with Traffic() as traffic:
        (a @ b).relu()
    assert traffic.bytes == 4 * (4 * 6 + 6 * 5 + 4 * 5)


def test_bytes_of_a_convolution_both_ways():
    layer, x = nn.Conv2d(2, 3, 3, padding=1, bias=False), torch.zeros(1, 2, 8, 8)
    with Traffic() as traffic:
        layer(x).sum().backward()
    image, weight, map_ = 4 * 2 * 64, 4 * 3 * 2 * 9, 4 * 3 * 64
    forward = image + weight + map_
    backward = map_ + image + weight + weight  # the gradient of the image is not asked for
    assert traffic.bytes == forward + backward


def test_the_floor_of_the_3_layer_network(tmp_path: Path):
    case = cases.Case("three_layer", 64, "digits")
    setting = cases.Setting("cpu", 1, "data", tmp_path, compile=False)
    parts = cases.parts(case, setting)
    found = floors.floor(case, parts, Rates(1e9, 1e15), torch.device("cpu"))
    # 8x8 images: three 5x5 convolutions on maps of 8, 4 and 2 pixels a side, and 64 x 1 x 1 to 10
    layers = [64 * 25 * 32, 16 * 32 * 25 * 32, 4 * 32 * 25 * 64, 64 * 10]
    forward = 2 * sum(layers)
    means = 2 * 2 * 9 * 32 * (4 * 4 + 2 * 2)  # of both LRNs, forwards and backwards
    assert found.operations == 3 * forward - 2 * layers[0] + means  # no gradient of pixels
    assert found.bound == "arithmetic"
    assert found.images_per_second == pytest.approx(1e9 / found.operations)
    assert floors.floor(case, parts, Rates(1e20, 1e6), torch.device("cpu")).bound == "bytes"


def test_rates_are_measured():
    found = floors.rates(torch.device("cpu"), torch.float32)
    assert 1e8 < found.matrix < 1e14 and 1e8 < found.bandwidth < 1e13
