"""clr/table4's networks from Torch: its ResNet counted, stochastic depth block by block."""

import pytest
import torch
import torch.nn.functional as F
from networks import build, parameters, shapes
from torch import nn

from disciplined.mistakes import Mistake
from disciplined.models.torch_resnet import StochasticDepth


def test_parameters_counted_by_hand():
    """No biases but the last; stochastic depth has one for each output of its 109 convolutions."""
    weights = 3 * 9 * 16 + 36 * 9 * 16 * 16
    weights += 9 * 16 * 32 + 35 * 9 * 32 * 32 + 9 * 32 * 64 + 35 * 9 * 64 * 64
    outputs = 16 + 36 * (16 + 32 + 64)
    assert parameters(build("table4_resnet")) == weights + 2 * outputs + 650 == 1_727_962
    expected = weights + 3 * outputs + 650
    assert parameters(build("table4_stochastic_depth")) == expected == 1_732_010
    # 0.27 million, as He et al. give for 20 layers
    assert parameters(build("table4_resnet", depth=20)) == 269_722


@pytest.mark.parametrize("name", ["table4_resnet", "table4_stochastic_depth"])
def test_shapes(name):
    torch.manual_seed(0)
    network = build(name, depth=20).eval()
    assert shapes(network) == [
        *[(16, 32, 32)] * 7,
        *[(32, 16, 16)] * 6,
        *[(64, 8, 8)] * 6,
        (10,),
    ]
    assert network.blocks[3].conv1.stride == (2, 2)


def test_initial_values_are_torchs():
    resnet, stochastic = build("table4_resnet"), build("table4_stochastic_depth")

    def variance(network: nn.Module, fan: int) -> float:
        weights = [m.weight for m in network.modules() if isinstance(m, nn.Conv2d)]
        scaled = [(w * (w.numel() // w.shape[fan]) ** 0.5).flatten() for w in weights]
        return torch.cat(scaled).var().item()

    assert variance(resnet, 1) == pytest.approx(2.0, rel=0.01)  # fan-out
    assert variance(stochastic, 0) == pytest.approx(2.0, rel=0.01)  # fan-in
    assert all(m.weight.eq(1).all() for m in resnet.modules() if isinstance(m, nn.BatchNorm2d))
    scales = [m.weight for m in stochastic.modules() if isinstance(m, nn.BatchNorm2d)]
    scales = torch.cat(scales)
    assert scales.min() >= 0 and scales.max() < 1
    assert scales.mean().item() == pytest.approx(0.5, abs=0.02)
    for network in (resnet, stochastic):
        assert network.fc.weight.abs().max() <= 1 / 8 < network.fc.weight.abs().max() * 1.05
    assert not resnet.fc.bias.any() and stochastic.fc.bias.any()
    assert not hasattr(resnet, "multipliers")


@pytest.mark.parametrize(("name", "size"), [("table4_resnet", 1), ("table4_stochastic_depth", 2)])
def test_blocks_written_out(name, size):
    network = build(name, depth=20)

    def residual(block: nn.Module, x: torch.Tensor) -> torch.Tensor:
        return block.norm2(block.conv2(F.relu(block.norm1(block.conv1(x)))))

    x = torch.randn(4, 16, 8, 8)
    plain, halving = network.blocks[0], network.blocks[3]
    torch.testing.assert_close(plain(x.clone()), F.relu(x + residual(plain, x)))
    pooled = x[:, :, ::2, ::2] if size == 1 else F.avg_pool2d(x, 2)
    shortcut = torch.cat((pooled, torch.zeros_like(pooled)), 1)
    torch.testing.assert_close(halving(x.clone()), F.relu(shortcut + residual(halving, x)))


def test_survival_falls_linearly_to_a_half():
    network = build("table4_stochastic_depth")
    assert network.survivals[0] == pytest.approx(1 - 1 / 108)
    assert network.survivals[26] == pytest.approx(0.75)
    assert network.survivals[-1] == 0.5
    assert len(network.survivals) == 54


def test_each_block_draws_once_a_batch_and_survives_as_often_as_it_should():
    network = StochasticDepth((3, 8, 8), 10, depth=20)
    ran = [0] * 9
    for index, block in enumerate(network.blocks):
        block.register_forward_hook(lambda *_, i=index: ran.__setitem__(i, ran[i] + 1))
    x = torch.randn(4, 3, 8, 8)
    torch.manual_seed(0)
    with torch.no_grad():
        for _ in range(400):
            network(x)
    torch.manual_seed(0)
    expected = sum(torch.rand(9) < torch.tensor(network.survivals) for _ in range(400))
    assert ran == expected.tolist()
    assert ran[-1] / 400 == pytest.approx(0.5, abs=0.08)


def test_a_block_left_out_is_its_shortcut_and_gets_gradients_of_zero(monkeypatch):
    """Its batch norm sees nothing; its parameters coast, as in Torch's flat gradient."""
    network = StochasticDepth((3, 8, 8), 10, depth=8)  # 3 blocks: 16, 16 to 32, 32 to 64
    monkeypatch.setattr(torch, "rand", lambda *_, **__: torch.tensor([0.0, 0.999, 0.0]))
    x = torch.randn(4, 3, 8, 8, requires_grad=True)
    y = network(x)
    F.cross_entropy(y, torch.arange(4)).backward()
    left_out = network.blocks[1]
    assert left_out.norm1.num_batches_tracked == 0 == left_out.norm2.num_batches_tracked
    assert all(p.grad is not None and not p.grad.any() for p in left_out.parameters())
    for block in (network.blocks[0], network.blocks[2]):
        assert block.norm2.num_batches_tracked == 1
        assert block.conv1.weight.grad.any()

    first, _, last = network.blocks
    z = first(F.relu(network.norm(network.conv(x))))
    z = torch.cat((F.avg_pool2d(z, 2), torch.zeros(4, 16, 4, 4)), 1)
    z = last(F.relu(z)).mean((2, 3)) @ network.fc.weight.T + network.fc.bias
    torch.testing.assert_close(y, z)
    found = torch.autograd.grad(F.cross_entropy(z, torch.arange(4)), x)[0]
    torch.testing.assert_close(x.grad, found)


def test_tests_take_the_expectation():
    network = build("table4_stochastic_depth", (3, 8, 8), depth=8).eval()
    x = torch.randn(4, 3, 8, 8)
    y = F.relu(network.norm(network.conv(x)))
    for block, survival in zip(network.blocks, network.survivals, strict=True):
        residual = block.norm2(block.conv2(F.relu(block.norm1(block.conv1(y)))))
        y = F.relu(block.shortcut(y) + survival * residual)
    expected = y.mean((2, 3)) @ network.fc.weight.T + network.fc.bias
    state = torch.get_rng_state()
    torch.testing.assert_close(network(x), expected)
    assert torch.equal(torch.get_rng_state(), state)  # nothing drawn


@pytest.mark.usefixtures("compiler")
def test_stochastic_depth_compiles_by_blocks():
    """A graph for every draw would be one of 512; its blocks are compiled, and few."""
    counter = torch._dynamo.testing.CompileCounter()
    network = StochasticDepth((3, 8, 8), 10, depth=20)
    compiled = torch.compile(network, backend=counter)
    x = torch.randn(4, 3, 8, 8)
    for _ in range(6):
        compiled(x).sum().backward()
    assert 0 < counter.frame_count < 12


@pytest.mark.parametrize(
    ("name", "settings", "named"),
    [
        ("table4_resnet", {"depth": 100}, "model.network.depth=100: expected 6n + 2"),
        ("table4_resnet", {"depth": 2}, "model.network.depth=2"),
        ("table4_stochastic_depth", {"survival": 0.0}, "model.network.survival=0.0"),
        (
            "table4_stochastic_depth",
            {"image_shape": (3, 9, 8)},
            "model=table4_stochastic_depth",
        ),
    ],
)
def test_mistakes(name, settings, named):
    with pytest.raises(Mistake) as found:
        build(name, **settings)
    assert str(found.value).startswith(named)
