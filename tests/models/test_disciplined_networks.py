"""The third paper's wide ResNet and DenseNet: what his two files say, counted and written out."""

import pytest
import torch
import torch.nn.functional as F
from networks import build, multipliers, parameters, shapes
from torch import nn

from disciplined.mistakes import Mistake


def test_wide_resnet32_parameters_and_shapes():
    network = build("wide_resnet32")
    assert parameters(network) == 5_903_626
    stage1, stage2, stage3 = (16, 32, 32), (64, 16, 16), (256, 8, 8)
    assert shapes(network) == [
        *[stage1] * 11,  # stem, 5 blocks of 2
        *[stage2] * (3 + 4 * 2),  # conv0, conv1, projection; 4 plain blocks
        *[stage3] * (3 + 4 * 2),
        (10,),
    ]
    assert len(network.blocks) == 15
    projections = [m for m in network.modules() if getattr(m, "kernel_size", None) == (2, 2)]
    assert [(m.in_channels, m.out_channels, m.stride) for m in projections] == [
        (16, 64, (2, 2)),
        (64, 256, (2, 2)),
    ]


def test_wide_resnet32_multipliers():
    for name, pair in multipliers(build("wide_resnet32")).items():
        assert pair == ((2, 0) if name == "post_fc.bias" else (1, 1)), name


def test_densenet40_parameters_counted_by_hand():
    expected, width = 3 * 9 * 16, 16
    for stage in range(3):
        if stage:
            expected += 2 * width + width * width
        for _ in range(12):
            expected += 2 * width + 9 * width * 12
            width += 12
    assert width == 448
    expected += 2 * width + width * 10 + 10
    network = build("densenet40")
    assert parameters(network) == expected == 1_019_722
    convolutions = [m for m in network.modules() if isinstance(m, nn.Conv2d)]
    assert len(convolutions) == 39 and all(m.bias is None for m in convolutions)


def test_densenet40_shapes():
    assert shapes(build("densenet40")) == [
        (16, 32, 32),
        *[(12, 32, 32)] * 12,
        (160, 32, 32),
        *[(12, 16, 16)] * 12,
        (304, 16, 16),
        *[(12, 8, 8)] * 12,
        (10,),
    ]


def test_densenet40_multipliers_and_fillers():
    network = build("densenet40")
    found = multipliers(network)
    assert {n: p for n, p in found.items() if p != (1, 1)} == {"post_fc.bias": (2, 1)}

    def variance(filler: str, fan: int) -> float:
        weights = [
            m.weight
            for m in build("densenet40", filler=filler).modules()
            if isinstance(m, nn.Conv2d)
        ]
        sizes = [w.numel() // w.shape[fan] for w in weights]
        scaled = [(w * size**0.5).flatten() for w, size in zip(weights, sizes, strict=True)]
        return torch.cat(scaled).var().item()

    assert variance("msra", 0) == pytest.approx(2.0, rel=0.02)
    assert variance("xavier", 0) == pytest.approx(1.0, rel=0.02)
    assert variance("msra_fan_out", 1) == pytest.approx(2.0, rel=0.02)
    assert network.post_fc.weight.var().item() == pytest.approx(1 / 448, rel=0.1)


def test_dense_layer_and_transition_written_out():
    """BN-ReLU-conv; the new channels stand before the old; a transition halves the map."""
    network = build("densenet40", dropout=0.0)

    def norm(x: torch.Tensor) -> torch.Tensor:
        return F.batch_norm(x, None, None, training=True, eps=1e-5)

    layer, transition = network.stages[0], network.stages[12]
    x = torch.randn(4, 16, 8, 8)
    expected = torch.cat((layer.conv(F.relu(norm(x))), x), 1)
    torch.testing.assert_close(layer(x.clone()), expected)
    y = torch.randn(4, 160, 8, 8)
    expected = F.avg_pool2d(transition.conv(F.relu(norm(y))), 2)
    torch.testing.assert_close(transition(y.clone()), expected)


def test_densenet_drops_behind_every_convolution_but_the_stem():
    network = build("densenet40", (3, 8, 8))
    calls = []
    dropout = F.dropout

    def counted(x, p, training, inplace):
        calls.append((p, training, x.shape[1]))
        return dropout(x, p, training, inplace)

    x = torch.randn(2, 3, 8, 8)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("torch.nn.functional.dropout", counted)
        network(x)
    stage = [12] * 12
    assert [c[2] for c in calls] == [*stage, 160, *stage, 304, *stage]
    assert {c[:2] for c in calls} == {(0.2, True)}
    assert torch.equal(network.eval()(x), network(x))


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"filler": "he"}, "model.network.filler=he: expected msra, xavier, msra_fan_out"),
        ({"dropout": 1.0}, "model.network.dropout=1.0: expected a fraction below 1"),
        (
            {"image_shape": (3, 6, 8)},
            "model=densenet40: images of 6×8 pixels cannot be",
        ),
        ({"image_shape": (34,)}, "model=densenet40: takes images of channels"),
    ],
)
def test_mistakes(settings, named):
    with pytest.raises(Mistake) as found:
        build("densenet40", **settings)
    assert str(found.value).startswith(named)
