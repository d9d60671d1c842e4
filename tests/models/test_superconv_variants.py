"""The second paper's variants as in his files: dropout behind batch norm, bottleneck, ResNeXt."""

import pytest
import torch
import torch.nn.functional as F
from networks import build, multipliers, parameters, shapes
from torch import nn

from disciplined.mistakes import Mistake
from disciplined.models.batch_norm import CaffeBatchNorm


def test_dropout_adds_no_parameter_and_leaves_the_seeds_weights():
    plain, dropping = build("superconv_resnet56"), build("superconv_resnet56_dropout")
    assert parameters(dropping) == 808_682
    assert all(map(torch.equal, plain.parameters(), dropping.parameters()))


def test_dropout_follows_each_batch_norm_of_the_blocks():
    """Two draws a block, 54 in all, none behind the stem; a fifth dropped, the rest times 1.25."""
    network = build("superconv_resnet56_dropout", (3, 8, 8))
    x = torch.randn(2, 3, 8, 8)
    calls = []
    dropout = F.dropout

    def counted(x, p, training, inplace):
        calls.append((p, training, x.shape[1]))
        return dropout(x, p, training, inplace)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("torch.nn.functional.dropout", counted)
        network(x)
    assert [c[2] for c in calls] == [16] * 20 + [32] * 18 + [64] * 16
    assert {c[:2] for c in calls} == {(0.2, True)}
    assert not torch.equal(network(x), network(x))
    assert torch.equal(network.eval()(x), network(x))
    block, y = network.blocks[0].train(), torch.ones(2, 16, 50, 50)
    kept = block.dropped(y.clone())
    assert sorted(set(kept.flatten().tolist())) == [0.0, 1.25]
    assert (kept == 0).float().mean().item() == pytest.approx(0.2, abs=0.02)


def test_his_dropout_file_decays_the_biases():
    for decay in (0.0, 1.0):
        network = build("superconv_resnet56_dropout", bias_decay=decay)
        found = multipliers(network)
        assert found["pre_conv.bias"] == found["blocks.3.conv2.bias"] == (2.0, decay)
        assert found["post_fc.bias"] == (2.0, 1.0)


@pytest.mark.parametrize(("name", "inner", "groups"), [("bottleneck", 16, 1), ("resnext", 32, 32)])
def test_bottleneck_parameters_counted_by_hand(name, inner, groups):
    """Batch norm has no scale, every convolution a bias: weights and biases are all there is."""

    def block(inputs: int, width: int, outputs: int, shortcut: bool) -> int:
        count = inputs * width + width + 9 * width * width // groups + width
        return count + width * outputs + outputs + (inputs * outputs + outputs) * shortcut

    expected, inputs = 3 * 9 * 16 + 16, 16
    for stage in range(3):
        width, outputs = inner << stage, 64 << stage
        expected += block(inputs, width, outputs, True) + 5 * block(outputs, width, outputs, False)
        inputs = outputs
    expected += 256 * 10 + 10
    network = build(f"superconv_{name}56")
    assert parameters(network) == expected == {16: 586_826, 32: 581_194}[inner]
    assert {m.groups for m in network.modules() if isinstance(m, nn.Conv2d)} == {1, groups}
    norms = [m for m in network.modules() if isinstance(m, CaffeBatchNorm)]
    assert len(norms) == 55 and not any(list(m.parameters()) for m in norms)


def test_bottleneck_shapes():
    network = build("superconv_bottleneck56")
    expected = [(16, 32, 32)]
    for width, outputs, side in ((16, 64, 32), (32, 128, 16), (64, 256, 8)):
        one = [(width, side, side), (width, side, side), (outputs, side, side)]
        expected += [*one, (outputs, side, side), *one * 5]  # the fourth is the shortcut's
    assert shapes(network) == [*expected, (10,)]
    # 56 layers: the shortcuts do not count
    assert len(expected) - 3 + 1 == 56


@pytest.mark.parametrize("name", ["superconv_bottleneck56", "superconv_resnext56"])
def test_bottleneck_multipliers_and_fillers(name):
    network = build(name)
    for parameter, pair in multipliers(network).items():
        expected = (2, 1) if parameter == "post_fc.bias" else (2, 0)
        assert pair == (expected if parameter.endswith("bias") else (1, 1)), parameter
    weights = [m.weight for m in network.modules() if isinstance(m, nn.Conv2d)]
    scaled = torch.cat([(w * (w.numel() // len(w)) ** 0.5).flatten() for w in weights])
    assert scaled.var().item() == pytest.approx(2.0, rel=0.02)  # msra
    assert network.post_fc.weight.var().item() == pytest.approx(1 / 256, rel=0.1)  # xavier


def test_bottleneck_blocks_written_out():
    """Pre-activation, no ReLU after the sum, the shortcut's convolution on the bare input."""
    blocks = build("superconv_bottleneck56").blocks

    def norm(x: torch.Tensor) -> torch.Tensor:
        return F.batch_norm(x, None, None, training=True, eps=1e-5)

    def residual(block: nn.Module, x: torch.Tensor) -> torch.Tensor:
        for i in (1, 2, 3):
            x = getattr(block, f"conv{i}")(F.relu(norm(x)))
        return x

    x = torch.randn(4, 64, 8, 8)
    torch.testing.assert_close(blocks[1](x.clone()), x + residual(blocks[1], x))
    widening = blocks[6]
    assert widening.conv1.stride == widening.shortcut.stride == (2, 2)
    y = widening(x.clone())
    assert y.shape == (4, 128, 4, 4) and y.min() < -1
    torch.testing.assert_close(y, widening.shortcut(x) + residual(widening, x))


def test_cardinality_divides():
    with pytest.raises(Mistake, match=r"^model.network.cardinality=32: expected a divisor of"):
        build("superconv_bottleneck56", cardinality=32)
