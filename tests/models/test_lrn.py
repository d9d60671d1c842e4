"""The within-channel LRN equals Caffe's, forward and backward."""

import copy

import numpy as np
import pytest
import torch

from disciplined.mistakes import Mistake
from disciplined.models.lrn import WithinChannelLRN


def caffe_lrn(x: np.ndarray, size: int, alpha: float, beta: float) -> np.ndarray:
    """Caffe's lrn_layer.cpp over its pooling_layer.cpp (AVE, stride 1), written out in loops."""
    pad = (size - 1) // 2
    images, channels, height, width = x.shape
    out = np.zeros_like(x)
    for n, c in np.ndindex(images, channels):
        for ph, pw in np.ndindex(height, width):
            hstart, wstart = ph - pad, pw - pad
            hend, wend = min(hstart + size, height + pad), min(wstart + size, width + pad)
            pool_size = (hend - hstart) * (wend - wstart)
            hstart, wstart = max(hstart, 0), max(wstart, 0)
            hend, wend = min(hend, height), min(wend, width)
            total = (x[n, c, hstart:hend, wstart:wend] ** 2).sum()
            out[n, c, ph, pw] = x[n, c, ph, pw] * (1 + alpha * total / pool_size) ** -beta
    return out


SETTINGS = [(3, 5e-5, 0.75), (3, 0.3, 0.75), (5, 0.3, 0.75), (3, 0.3, 0.5)]


@pytest.mark.parametrize(("size", "alpha", "beta"), SETTINGS)
@pytest.mark.parametrize("shape", [(2, 3, 6, 5), (1, 2, 1, 4)])
def test_equals_caffes_loops(size, alpha, beta, shape):
    x = np.random.default_rng(0).normal(0, 60, size=shape)
    expected = caffe_lrn(x, size, alpha, beta)
    layer = WithinChannelLRN(size, alpha, beta)
    np.testing.assert_allclose(layer(torch.from_numpy(x)).numpy(), expected, rtol=1e-12)
    # fp32 to a few of its roundings (6e-8 each).
    single = layer(torch.from_numpy(x).float()).numpy()
    np.testing.assert_allclose(single, expected, rtol=1e-6)


@pytest.mark.parametrize(("size", "alpha", "beta"), SETTINGS[1:])
def test_gradient_is_the_derivative(size, alpha, beta):
    x = torch.randn(2, 2, 4, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(WithinChannelLRN(size, alpha, beta), (x,))


def test_the_border_divides_by_the_whole_window():
    # A lone pixel: the window holds 8 zeros of padding, and the mean divides by 9 all the same.
    y = WithinChannelLRN(3, alpha=9.0, beta=0.75)(torch.tensor([[[[2.0]]]]))
    assert y.item() == pytest.approx(2 * (1 + 4) ** -0.75)


def test_other_devices_path_equals_the_cpus(monkeypatch):
    from disciplined.models import lrn

    x = torch.randn(2, 3, 6, 5, dtype=torch.float64) * 30
    fast = lrn._window_mean(x, 3, 0.3, 1.0)

    class Elsewhere:
        type = "cuda"

    monkeypatch.setattr(torch.Tensor, "device", Elsewhere())
    torch.testing.assert_close(lrn._window_mean(x, 3, 0.3, 1.0), fast)


def test_memory_format_is_kept():
    x = torch.randn(4, 16, 8, 8).contiguous(memory_format=torch.channels_last).requires_grad_()
    y = WithinChannelLRN()(x)
    y.backward(torch.randn_like(y))
    for tensor in (y, x.grad):
        assert tensor.is_contiguous(memory_format=torch.channels_last)


def test_bf16_is_computed_in_fp32():
    x = (torch.randn(2, 4, 8, 8) * 60).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        y = WithinChannelLRN()(x)
    assert y.dtype == torch.bfloat16
    # One final rounding (2^-9 relative) and nothing else.
    torch.testing.assert_close(y.float(), WithinChannelLRN()(x.float()), rtol=2**-8, atol=0)


@pytest.mark.usefixtures("compiler")
def test_compiled_equals_eager_in_one_graph():
    layer = WithinChannelLRN(3, alpha=0.01)
    counter = torch._dynamo.testing.CompileCounterWithBackend("aot_eager")
    compiled = torch.compile(copy.deepcopy(layer), fullgraph=True, backend=counter)
    for seed in range(2):
        torch.manual_seed(seed)
        x = torch.randn(2, 4, 6, 6, requires_grad=True)
        z = x.detach().clone().requires_grad_()
        layer(x).square().sum().backward()
        compiled(z).square().sum().backward()
        torch.testing.assert_close(z.grad, x.grad)
    assert counter.frame_count == 1, "recompiled"


def test_an_even_window_is_a_mistake():
    with pytest.raises(Mistake, match="size=4"):
        WithinChannelLRN(4)
