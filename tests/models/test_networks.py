"""The networks are the papers': parameters, shapes, initial values, multipliers, what fits."""

import shutil

import pytest
import torch
import torch.nn.functional as F
from networks import ALL, CIFAR, DIGITS, MNIST, NORMALISED, build, multipliers, shapes
from torch import nn

from disciplined.mistakes import Mistake
from disciplined.models.batch_norm import CaffeBatchNorm
from disciplined.models.disciplined_resnet import DisciplinedResNet
from disciplined.models.superconv_resnet import SuperconvResNet
from disciplined.models.three_layer import ThreeLayer


@pytest.mark.parametrize(
    ("name", "image_shape", "parameters"),
    [
        ("three_layer", CIFAR, 89_578),
        ("lenet", MNIST, 431_080),
        ("resnet56", CIFAR, 860_874),
        ("superconv_resnet20", CIFAR, 224_042),
        ("superconv_resnet56", CIFAR, 808_682),
        ("superconv_resnet110", CIFAR, 1_685_642),
    ],
)
def test_parameter_counts(name, image_shape, parameters):
    assert sum(p.numel() for p in build(name, image_shape).parameters()) == parameters


def test_three_layer_shapes():
    network = build("three_layer")
    assert [n for n, _ in network.named_parameters()] == [
        f"{layer}.{kind}"
        for layer in ("conv1", "conv2", "conv3", "ip1")
        for kind in ("weight", "bias")
    ]
    assert shapes(network) == [(32, 32, 32), (32, 16, 16), (64, 8, 8), (10,)]
    assert network.ip1.weight.shape == (10, 1024)


def test_lenet_shapes():
    network = build("lenet", MNIST)
    assert shapes(network, MNIST) == [(20, 24, 24), (50, 8, 8), (500,), (10,)]
    assert network.ip1.weight.shape == (500, 800)


def test_resnet56_shapes():
    stage1, stage2, stage3 = (16, 32, 32), (32, 16, 16), (64, 8, 8)
    halving = [stage2, stage2, stage2]  # conv0, conv1, projection
    assert shapes(build("resnet56")) == [
        *[stage1] * 17,  # stem, 8 blocks of 2
        *halving,
        *[stage2] * 16,
        *[stage3] * 3,
        *[stage3] * 16,
        (10,),
    ]
    convolutions = [m for m in build("resnet56").modules() if isinstance(m, nn.Conv2d)]
    assert len(convolutions) == 55
    projections = [m for m in convolutions if m.kernel_size == (2, 2)]
    assert [(m.in_channels, m.out_channels, m.stride, m.padding) for m in projections] == [
        (16, 32, (2, 2), (0, 0)),
        (32, 64, (2, 2), (0, 0)),
    ]


@pytest.mark.parametrize(
    ("depth", "blocks"), [(20, (3, 2, 2)), (56, (9, 8, 8)), (110, (18, 17, 17))]
)
def test_superconv_resnet_shapes(depth, blocks):
    stage1, stage2, stage3 = (16, 32, 32), (32, 16, 16), (64, 8, 8)
    assert shapes(build(f"superconv_resnet{depth}")) == [
        *[stage1] * (1 + 2 * blocks[0]),
        *[(16, 16, 16)] * 2,  # halved before the zeros double the channels
        *[stage2] * (2 * blocks[1]),
        *[(32, 8, 8)] * 2,
        *[stage3] * (2 * blocks[2]),
        (10,),
    ]


def test_disciplined_block_has_no_relu_after_the_sum():
    block = build("resnet56").blocks[0]
    x = torch.randn(4, 16, 8, 8)
    expected = x + block.conv1(F.relu(block.conv0(x)))
    assert expected.min() < -1
    torch.testing.assert_close(block(x.clone()), expected)


def test_disciplined_halving_block_projects():
    block = build("resnet56").blocks[8]
    x = torch.randn(4, 16, 8, 8)
    expected = block.conv1(F.relu(block.conv0(x))) + block.proj(x)
    torch.testing.assert_close(block(x.clone()), expected)


def test_superconv_blocks_end_in_relu_and_pad_with_zeros():
    blocks = build("superconv_resnet20").blocks
    x = torch.randn(4, 16, 8, 8)

    def residual(block: nn.Module) -> torch.Tensor:
        return block.norm2(block.conv2(F.relu(block.norm1(block.conv1(x)))))

    torch.testing.assert_close(blocks[0](x.clone()), F.relu(residual(blocks[0]) + x))
    halving = blocks[3]
    shortcut = F.avg_pool2d(x, 3, 2, ceil_mode=True, count_include_pad=False)
    y = halving(x.clone())
    torch.testing.assert_close(y[:, :16], F.relu(residual(halving) + shortcut))
    assert torch.equal(y[:, 16:], torch.zeros(4, 16, 4, 4))


def test_three_layer_forward_written_out():
    network = build("three_layer")
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.normal_(0, 0.05)
    x = torch.randn(2, *CIFAR) * 60

    def lrn(x: torch.Tensor) -> torch.Tensor:
        return x * (1 + 5e-5 * F.avg_pool2d(x * x, 3, 1, 1)) ** -0.75

    def average(x: torch.Tensor) -> torch.Tensor:
        return F.avg_pool2d(x, 3, 2, ceil_mode=True, count_include_pad=False)

    y = F.conv2d(x, network.conv1.weight, network.conv1.bias, padding=2)
    y = lrn(F.relu(F.max_pool2d(y, 3, 2, ceil_mode=True)))
    y = F.conv2d(y, network.conv2.weight, network.conv2.bias, padding=2)
    y = lrn(average(F.relu(y)))
    y = average(F.relu(F.conv2d(y, network.conv3.weight, network.conv3.bias, padding=2)))
    expected = y.flatten(1) @ network.ip1.weight.T + network.ip1.bias
    torch.testing.assert_close(network(x), expected, rtol=1e-4, atol=1e-4)


def test_lenet_forward_written_out():
    network = build("lenet", MNIST)
    x = torch.rand(2, *MNIST)
    y = F.max_pool2d(F.conv2d(x, network.conv1.weight, network.conv1.bias), 2)
    y = F.max_pool2d(F.conv2d(y, network.conv2.weight, network.conv2.bias), 2)
    expected = network.ip2(F.relu(network.ip1(y)))
    torch.testing.assert_close(network(x), expected)


def test_three_layer_initial_values():
    network = build("three_layer")
    for layer, std in (("conv1", 1e-4), ("conv2", 0.01), ("conv3", 0.01), ("ip1", 0.01)):
        weight = getattr(network, layer).weight
        # conv1 has 2,400 values: 1.4 % of error, one sigma.
        assert weight.std().item() == pytest.approx(std, rel=0.06), layer


@pytest.mark.parametrize(
    ("name", "settings", "convolutions", "last"),
    [
        ("resnet56", {}, 2.0, 2.0),
        ("resnet56", {"filler": "xavier"}, 1.0, 1.0),
        ("superconv_resnet56", {}, 2.0, 1.0),
        ("lenet", {"image_shape": MNIST}, 1.0, 1.0),
    ],
)
def test_initial_variances_times_fan_in(name, settings, convolutions, last):
    """2 for msra, 1 for xavier: over all convolutions together, and the last layer by itself."""
    network = build(name, **settings)

    def scaled(kind) -> torch.Tensor:
        weights = [m.weight for m in network.modules() if isinstance(m, kind)]
        return torch.cat([(w * (w.numel() // w.shape[0]) ** 0.5).flatten() for w in weights])

    assert scaled(nn.Conv2d).var().item() == pytest.approx(convolutions, rel=0.04)
    # 640 values in a ResNet's last layer: 5.6 % of error, one sigma.
    assert scaled(nn.Linear).var().item() == pytest.approx(last, rel=0.25)


@pytest.mark.parametrize("name", [n for n in ALL if n != "table4_stochastic_depth"])
def test_biases_start_at_zero_and_scales_at_one(name):
    network = build(name)
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear | CaffeBatchNorm) and module.bias is not None:
            assert not module.bias.any()
        if isinstance(module, CaffeBatchNorm):
            assert torch.equal(module.weight, torch.ones_like(module.weight))


@pytest.mark.parametrize("name", ["three_layer", "resnet56"])
def test_the_seed_decides_the_weights(name):
    first, same, other = (build(name, seed=seed) for seed in (1, 1, 2))
    assert all(map(torch.equal, first.state_dict().values(), same.state_dict().values()))
    assert not torch.equal(next(first.parameters()), next(other.parameters()))


def test_three_layer_multipliers():
    assert multipliers(build("three_layer")) == {
        "conv1.weight": (1, 1),
        "conv1.bias": (2, 1),
        "conv2.weight": (1, 1),
        "conv2.bias": (2, 1),
        "conv3.weight": (1, 1),
        "conv3.bias": (1, 1),
        "ip1.weight": (1, 250),
        "ip1.bias": (2, 0),
    }


def test_lenet_multipliers():
    for name, pair in multipliers(build("lenet", MNIST)).items():
        assert pair == ((2, 1) if name.endswith("bias") else (1, 1)), name


def test_resnet56_multipliers():
    for name, pair in multipliers(build("resnet56")).items():
        assert pair == ((2, 0) if name == "post_fc.bias" else (1, 1)), name


@pytest.mark.parametrize("depth", [20, 56, 110])
def test_superconv_resnet_multipliers(depth):
    network = build(f"superconv_resnet{depth}")
    convolutions = {n for n, m in network.named_modules() if isinstance(m, nn.Conv2d)}
    assert len(convolutions) == depth - 1
    for name, pair in multipliers(network).items():
        layer, kind = name.rsplit(".", 1)
        expected = (1, 1)
        if kind == "bias" and layer in convolutions:
            expected = (2, 0)
        elif name == "post_fc.bias":
            expected = (2, 1)
        assert pair == expected, name


@pytest.mark.parametrize(
    ("name", "image_shape"),
    [
        (name, image_shape)
        for name in ALL
        for image_shape in (CIFAR, MNIST, DIGITS, (1, 12, 16))
        if name != "lenet" or image_shape[1] >= 14  # below, a Mistake: see the last test
    ],
)
def test_networks_train_and_test_on_what_fits(name, image_shape):
    network = build(name, image_shape, classes=7)
    x = torch.randn(4, *image_shape)
    loss = F.cross_entropy(network(x), torch.tensor([0, 1, 2, 6]))
    loss.backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())
    assert network.eval()(x).shape == (4, 7)


@pytest.mark.parametrize(
    "name",
    [
        *("three_layer", "lenet", "resnet56", "superconv_resnet20", "cifar10_quick"),
        *("three_layer_sigmoid_bn", "superconv_bottleneck56", "superconv_resnext56"),
        *("wide_resnet32", "densenet40", "table4_resnet"),
    ],
)
def test_both_memory_formats_agree_and_are_kept(name):
    """Same logits and gradients; every map and every map's gradient stays channels_last."""
    image_shape = (3, 16, 16)
    settings = {"dropout": 0.0} if name == "densenet40" else {}
    plain = build(name, image_shape, **settings).double()
    fast = build(name, image_shape, **settings).double().to(memory_format=torch.channels_last)
    strayed = []

    def check(tensor: torch.Tensor, what: str) -> None:
        # a concatenation's gradients are slices of a channels_last map, not one by themselves
        kept = tensor.stride(1) == 1 and name == "densenet40"
        if not kept and not tensor.is_contiguous(memory_format=torch.channels_last):
            strayed.append(what)

    def hook(layer: str):
        def hooked(_module, _inputs, y) -> None:
            if isinstance(y, torch.Tensor) and y.dim() == 4:
                check(y, layer)
                y.register_hook(lambda gradient: check(gradient, f"gradient of {layer}"))

        return hooked

    for layer, module in fast.named_modules():
        module.register_forward_hook(hook(layer))
    x = torch.randn(4, *image_shape, dtype=torch.float64) * 20
    y = plain(x)
    z = fast(x.contiguous(memory_format=torch.channels_last))
    torch.testing.assert_close(z, y)
    for logits in (y, z):
        F.cross_entropy(logits, torch.arange(4)).backward()
    for (parameter, p), q in zip(plain.named_parameters(), fast.parameters(), strict=True):
        torch.testing.assert_close(q.grad, p.grad, rtol=1e-6, atol=1e-9, msg=parameter)
    assert not strayed


@pytest.mark.parametrize("name", ["densenet40", "superconv_resnet56_dropout", "wide_resnet32"])
def test_groups_step_too(name):
    """Groups write into one tensor on a CPU: what follows in place must not harm them."""
    function, settings = NORMALISED[name]
    norm = {"maf": 0.9, "groups": 2, "evaluate": "running"}
    network = function(image_shape=(3, 8, 8), classes=5, batch_norm=norm, **settings)
    F.cross_entropy(network(torch.randn(4, 3, 8, 8)), torch.arange(4)).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


def test_groups_reach_every_batch_norm():
    network = SuperconvResNet(20, CIFAR, 10, {"maf": 0.95, "groups": 8, "evaluate": "batch"})
    norms = [m for m in network.modules() if isinstance(m, CaffeBatchNorm)]
    assert len(norms) == 19
    assert {(m.maf, m.groups, m.evaluate) for m in norms} == {(0.95, 8, "batch")}


@pytest.mark.parametrize(
    ("name", "settings", "named"),
    [
        ("lenet", {"image_shape": DIGITS}, "model=lenet: images of 8×8 pixels"),
        ("lenet", {"image_shape": (1, 28, 12)}, "model=lenet: images of 28×12 pixels"),
        ("three_layer", {"image_shape": (1, 2, 2)}, "model=three_layer: images of 2×2 pixels"),
        ("resnet56", {"image_shape": (3, 30, 32)}, "model.network: images"),
        (
            "resnet56",
            {"blocks": [8, 8]},
            "model.network.blocks=[8, 8]: expected a whole",
        ),
        ("resnet56", {"blocks": 8.5}, "model.network.blocks=8.5: expected a whole number"),
        ("lenet", {"image_shape": (34,)}, "model=lenet: takes images of channels × height × width"),
        ("three_layer", {"image_shape": (2,)}, "model=three_layer: takes images"),
        ("superconv_resnet20", {"dropout": 1.5}, "model.network.dropout=1.5: expected a fraction"),
        ("resnet56", {"filler": "gaussian"}, "model.network.filler=gaussian"),
        ("superconv_resnet56", {"image_shape": (3, 32, 6)}, "model=superconv_resnet56: images of"),
        ("superconv_resnet32", {}, "model.network.depth=32: expected 20, 56 or 110"),
    ],
)
def test_mistakes_are_one_line_that_names_the_setting(name, settings, named):
    with pytest.raises(Mistake) as found:
        build(name, **settings)
    assert str(found.value).startswith(named)
    assert "\n" not in str(found.value)


@pytest.mark.slow
@pytest.mark.usefixtures("compiler")
@pytest.mark.skipif(not shutil.which("g++"), reason="inductor needs a C++ compiler")
@pytest.mark.parametrize("name", ["three_layer", "resnet56"])
def test_compiled_equals_eager(name):
    """The whole network by inductor, forward and backward, in one graph that is never rebuilt."""
    settings = {"groups": 2, "maf": 0.9}
    networks = []
    for _ in range(2):
        torch.manual_seed(0)
        if name == "three_layer":
            networks.append(ThreeLayer((3, 8, 8), 10))
        else:
            networks.append(DisciplinedResNet(1, (3, 8, 8), 10, settings))
    eager, inside = (n.to(memory_format=torch.channels_last) for n in networks)
    counter = torch._dynamo.testing.CompileCounterWithBackend("inductor")
    compiled = torch.compile(inside, fullgraph=True, backend=counter)
    for _ in range(2):
        x = (torch.randn(8, 3, 8, 8) * 60).contiguous(memory_format=torch.channels_last)
        for network in (eager, compiled):
            F.cross_entropy(network(x), torch.arange(8)).backward()
    for (parameter, p), q in zip(eager.named_parameters(), inside.parameters(), strict=True):
        torch.testing.assert_close(q.grad, p.grad, rtol=1e-3, atol=1e-4, msg=parameter)
    for (buffer, b), c in zip(eager.named_buffers(), inside.buffers(), strict=True):
        torch.testing.assert_close(c, b, rtol=1e-4, atol=1e-4, msg=buffer)
    assert counter.frame_count == 1, "recompiled"
