"""Batch norm is Caffe's: its sums by hand, its groups, what it reads when evaluating."""

import copy

import numpy as np
import pytest
import torch

from disciplined.mistakes import Mistake
from disciplined.models.batch_norm import EPS, CaffeBatchNorm, check_groups


class CaffeByHand:
    """Caffe's batch_norm_layer.cpp (forward) in float64, one device."""

    def __init__(self, channels: int, maf: float) -> None:
        self.maf = maf
        self.mean_sum = np.zeros(channels)
        self.var_sum = np.zeros(channels)
        self.factor = 0.0

    def train(self, x: np.ndarray) -> np.ndarray:
        m = x.size // x.shape[1]
        mean = x.sum(axis=(0, 2, 3)) / m
        centred = x - mean[None, :, None, None]
        var = (centred**2).sum(axis=(0, 2, 3)) / m
        self.factor = self.factor * self.maf + 1
        self.mean_sum = self.maf * self.mean_sum + mean
        self.var_sum = self.maf * self.var_sum + var * m / (m - 1)
        return centred / np.sqrt(var + 1e-5)[None, :, None, None]

    def test(self, x: np.ndarray) -> np.ndarray:
        scale = 0.0 if self.factor == 0 else 1 / self.factor
        mean, var = self.mean_sum * scale, self.var_sum * scale
        return (x - mean[None, :, None, None]) / np.sqrt(var + 1e-5)[None, :, None, None]


def batches(count: int, shape=(8, 3, 4, 5), seed: int = 0) -> list[np.ndarray]:
    """Batches whose mean and spread drift, so that the average's weights show."""
    rng = np.random.default_rng(seed)
    return [rng.normal(3 * t + 1, 1 + t, size=shape) for t in range(count)]


@pytest.mark.parametrize("maf", [0.0, 0.8, 0.95, 0.999])
def test_equals_caffe_over_several_iterations(maf):
    layer, by_hand = CaffeBatchNorm(3, maf=maf).double(), CaffeByHand(3, maf)
    probe = batches(1, seed=9)[0]
    for t, x in enumerate(batches(6)):
        layer.train()
        y = layer(torch.from_numpy(x)).detach().numpy()
        np.testing.assert_allclose(y, by_hand.train(x), atol=1e-12, err_msg=f"iteration {t}")
        layer.eval()
        y = layer(torch.from_numpy(probe)).detach().numpy()
        np.testing.assert_allclose(y, by_hand.test(probe), rtol=1e-9, err_msg=f"test after {t}")


def test_two_iterations_in_numbers():
    # One channel, two values a batch: means 1 and 4, unbiased variances 2 and 8, fraction 1/2.
    # s_mean = 0.5*1 + 4 = 4.5, s_var = 0.5*2 + 8 = 9, f = 1.5: read as 3 and 6.
    layer = CaffeBatchNorm(1, maf=0.5)
    layer(torch.tensor([0.0, 2.0]).view(2, 1, 1, 1))
    layer(torch.tensor([2.0, 6.0]).view(2, 1, 1, 1))
    mean, var = layer.statistics()
    assert (mean.item(), var.item()) == pytest.approx((3.0, 6.0))


def test_first_batch_counts_fully():
    # Torch's average would hold 99.9 % of (0, 1) here.
    layer = CaffeBatchNorm(3, maf=0.999)
    x = torch.randn(64, 3, 8, 8) * 5 + 7
    layer(x)
    mean, var = layer.statistics()
    torch.testing.assert_close(mean, x.mean((0, 2, 3)), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(var, x.var((0, 2, 3)), rtol=1e-4, atol=1e-4)


def test_before_the_first_batch_statistics_are_caffes_zeros():
    layer = CaffeBatchNorm(2, maf=0.9).eval()
    x = torch.ones(1, 2, 2, 2)
    torch.testing.assert_close(layer(x), x / EPS**0.5)


def test_scale_and_shift_follow_the_normalisation():
    layer = CaffeBatchNorm(3, maf=0.9)
    x = torch.randn(8, 3, 4, 4)
    plain = layer(x)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([2.0, 1.0, 0.5]))
        layer.bias.copy_(torch.tensor([0.0, -1.0, 3.0]))
    expected = plain * layer.weight[:, None, None] + layer.bias[:, None, None]
    torch.testing.assert_close(layer(x), expected)


@pytest.mark.parametrize("groups", [2, 4])
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_groups_are_devices(groups, memory_format):
    """Each part is normalised, and its gradient found, as by a device of its own."""
    torch.manual_seed(0)
    grouped = CaffeBatchNorm(16, maf=0.8, groups=groups)
    with torch.no_grad():
        grouped.weight.normal_(1, 0.1)
        grouped.bias.normal_()
    devices = [copy.deepcopy(grouped) for _ in range(groups)]
    for device in devices:
        device.groups = 1
    for t in range(3):
        x = (torch.randn(8, 16, 4, 4) * (t + 1) + t).contiguous(memory_format=memory_format)
        g = torch.randn_like(x)
        x.requires_grad_()
        y = grouped(x)
        y.backward(g)
        assert y.is_contiguous(memory_format=memory_format)
        assert x.grad.is_contiguous(memory_format=memory_format)
        for device, part, out, gradient, dx in zip(
            devices,
            x.chunk(groups),
            y.chunk(groups),
            g.chunk(groups),
            x.grad.chunk(groups),
            strict=True,
        ):
            part = part.detach().requires_grad_()
            expected = device(part)
            expected.backward(gradient)
            torch.testing.assert_close(out, expected, msg=f"iteration {t}")
            torch.testing.assert_close(dx, part.grad, msg=f"iteration {t}")
    for name in ("weight", "bias"):
        total = sum(getattr(device, name).grad for device in devices)
        torch.testing.assert_close(getattr(grouped, name).grad, total)
    # The first device's statistics are the ones tested with, and no other's.
    for ours, first, second in zip(
        grouped.statistics(), devices[0].statistics(), devices[1].statistics(), strict=True
    ):
        torch.testing.assert_close(ours, first)
        assert (ours - second).abs().max() > 1e-3


def test_the_cut_and_joined_path_equals_the_fast_one(monkeypatch):
    """Compiled code and other devices cut, normalise and join; eager CPU code writes in place."""
    fast, joined = (CaffeBatchNorm(8, maf=0.9, groups=4) for _ in range(2))
    x, y = (torch.randn(8, 8, 3, 3, generator=torch.Generator().manual_seed(1)) for _ in range(2))
    fast(x.requires_grad_()).square().sum().backward()
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    joined(y.requires_grad_()).square().sum().backward()
    torch.testing.assert_close(x.grad, y.grad)
    torch.testing.assert_close(fast.weight.grad, joined.weight.grad)
    torch.testing.assert_close(fast.statistics(), joined.statistics())


def test_evaluation_by_batch_uses_the_whole_batch_and_keeps_the_sums():
    layer = CaffeBatchNorm(3, maf=0.9, groups=2, evaluate="batch")
    layer(torch.randn(8, 3, 4, 4) * 9)
    before = [b.clone() for b in layer.buffers()]
    x = torch.randn(7, 3, 4, 4) * 3 + 2  # 7: no need to divide into groups
    y = layer.eval()(x)
    torch.testing.assert_close(y.mean((0, 2, 3)), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(y.var((0, 2, 3), correction=0), torch.ones(3), atol=1e-4, rtol=0)
    for old, new in zip(before, layer.buffers(), strict=True):
        assert torch.equal(old, new)


def test_evaluation_by_running_statistics_is_per_image():
    layer = CaffeBatchNorm(3, maf=0.9)
    layer(torch.randn(8, 3, 4, 4) * 3 + 1)
    layer.eval()
    x = torch.randn(5, 3, 4, 4)
    torch.testing.assert_close(layer(x)[2:3], layer(x[2:3]))


@pytest.mark.parametrize("groups", [1, 2])
def test_bf16_autocast_keeps_statistics_in_fp32(groups):
    torch.manual_seed(0)
    half, full = (CaffeBatchNorm(4, maf=0.9, groups=groups) for _ in range(2))
    x = (torch.randn(64, 4, 8, 8) * 3 + 40).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        y = half(x.requires_grad_())
    y.float().square().sum().backward()
    full(x.detach().float())
    assert y.dtype == x.grad.dtype == torch.bfloat16
    assert {b.dtype for b in half.buffers()} == {torch.float32}
    # bf16 accumulation would be off by whole units here.
    for ours, exact in zip(half.statistics(), full.statistics(), strict=True):
        torch.testing.assert_close(ours, exact, rtol=1e-4, atol=1e-4)


def test_state_survives_saving():
    layer, other = CaffeBatchNorm(3, maf=0.9), CaffeBatchNorm(3, maf=0.9)
    layer(torch.randn(8, 3, 4, 4))
    assert set(layer.state_dict()) == {"weight", "bias", "s_mean", "s_var", "f"}
    other.load_state_dict(layer.state_dict())
    torch.testing.assert_close(other.statistics(), layer.statistics(), rtol=0, atol=0)


@pytest.mark.usefixtures("compiler")
@pytest.mark.parametrize("groups", [1, 2])
def test_compiled_equals_eager_in_one_graph(groups):
    torch.manual_seed(0)
    eager = CaffeBatchNorm(4, maf=0.9, groups=groups)
    layer = copy.deepcopy(eager)
    counter = torch._dynamo.testing.CompileCounterWithBackend("aot_eager")
    compiled = torch.compile(layer, fullgraph=True, backend=counter)
    for _ in range(3):
        x = torch.randn(8, 4, 4, 4).contiguous(memory_format=torch.channels_last)
        z = x.clone().requires_grad_()
        x.requires_grad_()
        eager(x).square().sum().backward()
        compiled(z).square().sum().backward()
        torch.testing.assert_close(z.grad, x.grad)
    torch.testing.assert_close(layer.statistics(), eager.statistics())
    assert counter.frame_count == 1, "recompiled"


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"maf": 1.0}, "batch_norm.maf=1.0"),
        ({"maf": -0.1}, "batch_norm.maf=-0.1"),
        ({"maf": 0.9, "groups": 0}, "batch_norm.groups=0"),
        ({"maf": 0.9, "evaluate": "global"}, "batch_norm.evaluate=global"),
    ],
)
def test_mistakes_name_the_setting(settings, named):
    with pytest.raises(Mistake, match="^" + named) as found:
        CaffeBatchNorm(3, **settings)
    assert "\n" not in str(found.value)


def test_a_batch_that_does_not_divide_is_a_mistake():
    check_groups(512, 4)
    with pytest.raises(Mistake, match=r"^total_batch_size=510 .*batch_norm\.groups=4.*=512"):
        check_groups(510, 4)
    with pytest.raises(Mistake, match="total_batch_size=7 "):
        CaffeBatchNorm(3, maf=0.9, groups=2)(torch.randn(7, 3, 4, 4))


@pytest.mark.parametrize("groups", [1, 2])
def test_without_a_scale_it_only_normalises(groups):
    """Caffe's `BatchNorm` alone: no parameters, nothing more in the state, the same statistics."""
    bare = CaffeBatchNorm(3, maf=0.9, groups=groups, scale=False)
    scaled = CaffeBatchNorm(3, maf=0.9, groups=groups)
    assert not list(bare.parameters())
    assert set(bare.state_dict()) == {"s_mean", "s_var", "f"}
    x = torch.randn(8, 3, 4, 5, requires_grad=True)
    found, expected = (torch.autograd.grad(n(x).square().sum(), x)[0] for n in (bare, scaled))
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(bare.statistics(), scaled.statistics())
    assert torch.equal(bare.eval()(x), scaled.eval()(x))
