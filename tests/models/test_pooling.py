"""Pooling equals Caffe's: rounded-up sizes, averages over the pixels a border window holds."""

import math

import numpy as np
import pytest
import torch

from disciplined.models.pooling import average_pool, global_average, max_pool, pooled


def caffe_pool(x: np.ndarray, kernel: int, stride: int, method: str) -> np.ndarray:
    """Caffe's pooling_layer.cpp without padding, written out in loops."""
    height, width = x.shape[2:]
    pooled_height = math.ceil((height - kernel) / stride) + 1
    pooled_width = math.ceil((width - kernel) / stride) + 1
    out = np.empty((*x.shape[:2], pooled_height, pooled_width))
    for n, c, ph, pw in np.ndindex(out.shape):
        hstart, wstart = ph * stride, pw * stride
        hend, wend = min(hstart + kernel, height), min(wstart + kernel, width)
        window = x[n, c, hstart:hend, wstart:wend]
        pool_size = (hend - hstart) * (wend - wstart)
        out[n, c, ph, pw] = window.max() if method == "MAX" else window.sum() / pool_size
    return out


@pytest.mark.parametrize("size", [(32, 32), (28, 28), (16, 8), (7, 5), (4, 4), (2, 2)])
@pytest.mark.parametrize(("kernel", "stride"), [(3, 2), (2, 2)])
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_equals_caffes_loops(size, kernel, stride, memory_format):
    x = np.random.default_rng(0).normal(size=(2, 3, *size))
    tensor = torch.from_numpy(x).contiguous(memory_format=memory_format)
    for pool, method in ((max_pool, "MAX"), (average_pool, "AVE")):
        expected = caffe_pool(x, kernel, stride, method)
        np.testing.assert_allclose(pool(tensor, kernel, stride).numpy(), expected, rtol=1e-12)
        assert expected.shape[2:] == tuple(pooled(side, kernel, stride) for side in size)


def test_the_three_layer_networks_maps():
    x, sizes = torch.randn(1, 1, 32, 32), []
    for pool in (max_pool, average_pool, average_pool):
        x = pool(x, 3, 2)
        sizes.append(tuple(x.shape[2:]))
    assert sizes == [(16, 16), (8, 8), (4, 4)]


def test_the_first_of_equal_maxima_gets_the_gradient():
    # Caffe compares with >, so the first in reading order wins.
    x = torch.ones(1, 1, 3, 3, requires_grad=True)
    max_pool(x, 3, 2).sum().backward()
    assert x.grad.flatten().tolist() == [1, 0, 0, 0, 0, 0, 0, 0, 0]


def test_global_average():
    x = torch.randn(2, 16, 4, 4).contiguous(memory_format=torch.channels_last).requires_grad_()
    y = global_average(x)
    torch.testing.assert_close(y, x.mean((2, 3), keepdim=True))
    y.sum().backward()
    assert x.grad.is_contiguous(memory_format=torch.channels_last)
