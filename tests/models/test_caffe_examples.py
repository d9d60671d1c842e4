"""Caffe's other examples are Caffe's: cifar10_quick, the sigmoid variant, AlexNet, GoogLeNet."""

import pytest
import torch
import torch.nn.functional as F
from networks import CIFAR, NORM, build, multipliers, parameters, shapes
from torch import nn

from disciplined.mistakes import Mistake
from disciplined.models.alexnet import AlexNet
from disciplined.models.googlenet import GoogLeNet
from disciplined.models.three_layer import ThreeLayer


def average(x: torch.Tensor) -> torch.Tensor:
    return F.avg_pool2d(x, 3, 2, ceil_mode=True, count_include_pad=False)


def test_quick_is_three_layer_with_another_head():
    network = build("cifar10_quick")
    assert parameters(network) == 145_578
    assert shapes(network) == [(32, 32, 32), (32, 16, 16), (64, 8, 8), (64,), (10,)]
    for name, pair in multipliers(network).items():
        assert pair == ((2, 1) if name.endswith("bias") else (1, 1)), name
    stds = {name: p.std().item() for name, p in network.named_parameters()}
    for layer, std in {"conv1": 1e-4, "conv2": 0.01, "conv3": 0.01, "ip1": 0.1, "ip2": 0.1}.items():
        assert stds[f"{layer}.weight"] == pytest.approx(std, rel=0.1), layer
    # the convolutions are drawn in the same order, so one seed gives both the same
    torch.manual_seed(0)
    other = ThreeLayer(CIFAR, 10)
    assert torch.equal(network.conv3.weight, other.conv3.weight)


def test_quick_forward_written_out():
    network = build("cifar10_quick")
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.normal_(0, 0.05)
    x = torch.randn(2, *CIFAR) * 20
    y = F.relu(F.max_pool2d(network.conv1(x), 3, 2, ceil_mode=True))
    y = average(F.relu(network.conv2(y)))
    y = average(F.relu(network.conv3(y))).flatten(1)
    expected = (y @ network.ip1.weight.T + network.ip1.bias) @ network.ip2.weight.T
    torch.testing.assert_close(network(x), expected + network.ip2.bias, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("form", "count"), [("merged", 89_450), ("proposed", 89_834)])
def test_sigmoid_batch_norm_forms(form, count):
    network = build("three_layer_sigmoid_bn", form=form)
    # 89,578 less the 128 biases; or with them and three scales and shifts of 128 together
    assert parameters(network) == count == 89_578 - 128 + (3 * 128 if form == "proposed" else 0)
    found = multipliers(network)
    if form == "merged":
        assert set(found) == {*(f"conv{i}.weight" for i in (1, 2, 3)), "ip1.weight", "ip1.bias"}
        assert {n: p for n, p in found.items() if p != (1, 1)} == {"ip1.bias": (1, 0)}
    else:
        norms = [f"norm{i}.{kind}" for i in (1, 2, 3) for kind in ("weight", "bias")]
        assert {n: p for n, p in found.items() if p != (1, 1)} == {
            "conv1.bias": (2, 1),
            "conv2.bias": (2, 1),
            **dict.fromkeys(norms, (1.00001, 0)),
            "ip1.weight": (1, 250),
            "ip1.bias": (0.2, 0),
        }
        assert all(network.get_parameter(f"norm{i}.bias").eq(0.001).all() for i in (1, 2, 3))


@pytest.mark.parametrize("form", ["merged", "proposed"])
def test_sigmoid_batch_norm_forward_written_out(form):
    network = build("three_layer_sigmoid_bn", form=form)
    x = torch.randn(4, *CIFAR) * 60

    def norm(x: torch.Tensor) -> torch.Tensor:
        mean, var = x.mean((0, 2, 3), keepdim=True), x.var((0, 2, 3), correction=0, keepdim=True)
        return (x - mean) / (var + 1e-5).sqrt() + (0.001 if form == "proposed" else 0)

    y = norm(F.max_pool2d(network.conv1(x), 3, 2, ceil_mode=True)).sigmoid()
    y = average(norm(network.conv2(y)).sigmoid())
    y = average(norm(network.conv3(y)).sigmoid())
    expected = y.flatten(1) @ network.ip1.weight.T
    torch.testing.assert_close(network(x), expected, rtol=1e-4, atol=1e-4)


def test_alexnet_is_caffes():
    network = AlexNet((3, 227, 227), 1000)
    assert parameters(network) == 60_965_224
    assert network.fc6.in_features == 9216  # 256 × 6 × 6
    for name, pair in multipliers(network).items():
        assert pair == ((2, 0) if name.endswith("bias") else (1, 1)), name
    for layer, groups, bias in (
        ("conv1", 1, 0.0),
        ("conv2", 2, 0.1),
        ("conv3", 1, 0.0),
        ("conv4", 2, 0.1),
        ("conv5", 2, 0.1),
    ):
        convolution = getattr(network, layer)
        assert convolution.groups == groups and convolution.bias.eq(bias).all(), layer
        assert convolution.weight.std().item() == pytest.approx(0.01, rel=0.02), layer
    assert network.fc6.weight.std().item() == pytest.approx(0.005, rel=0.01)
    assert network.fc7.bias.eq(0.1).all() and not network.fc8.bias.any()


def test_alexnet_maps():
    network = AlexNet((3, 67, 67), 7).eval()
    small = shapes(network, (3, 67, 67))
    assert small == [
        *((96, 15, 15), (256, 7, 7), (384, 3, 3), (384, 3, 3), (256, 3, 3)),
        *((4096,), (4096,), (7,)),
    ]


def test_lrn_across_channels_is_caffes():
    from disciplined.models.alexnet import across_channels

    x = torch.randn(2, 7, 3, 3, dtype=torch.float64) * 100
    padded = F.pad(x * x, (0, 0, 0, 0, 2, 2))
    sums = sum(padded[:, i : i + 7] for i in range(5))
    torch.testing.assert_close(across_channels(x), x * (1 + 1e-4 / 5 * sums) ** -0.75)


def test_googlenet_is_caffes_without_its_side_branches():
    network = GoogLeNet((3, 224, 224), 1000)
    assert parameters(network) == 6_998_552
    for name, pair in multipliers(network).items():
        assert pair == ((2, 0) if name.endswith("bias") else (1, 1)), name
    convolutions = [m for m in network.modules() if isinstance(m, nn.Conv2d)]
    assert len(convolutions) == 3 + 9 * 6
    assert all(m.bias.eq(0.2).all() for m in convolutions)
    assert not network.classifier.bias.any()
    scaled = [m.weight.flatten() * (m.weight.numel() / len(m.weight)) ** 0.5 for m in convolutions]
    assert torch.cat(scaled).var().item() == pytest.approx(1.0, rel=0.01)  # xavier


def test_googlenet_maps():
    network = GoogLeNet((3, 64, 64), 5).eval()
    seen = []
    for inception in network.inceptions.values():
        inception.register_forward_hook(lambda _m, _i, y: seen.append(tuple(y.shape[1:])))
    assert network(torch.randn(2, 3, 64, 64)).shape == (2, 5)
    assert seen == [
        *((256, 8, 8), (480, 8, 8), (512, 4, 4), (512, 4, 4), (512, 4, 4), (528, 4, 4)),
        *((832, 4, 4), (832, 2, 2), (1024, 2, 2)),
    ]


@pytest.mark.parametrize("make", [AlexNet, GoogLeNet])
def test_imagenet_networks_step_and_drop_only_in_training(make):
    torch.manual_seed(0)
    network = make((3, 67, 67), 4)
    x = torch.randn(2, 3, 67, 67)
    F.cross_entropy(network(x), torch.tensor([1, 3])).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())
    assert not torch.equal(network(x), network(x))
    assert torch.equal(network.eval()(x), network(x))


def test_mistakes():
    with pytest.raises(Mistake, match=r"^model=alexnet: images of 32×66 pixels are too small"):
        AlexNet((3, 32, 66), 10)
    with pytest.raises(Mistake, match=r"^model.network.form=other: expected merged or proposed"):
        build("three_layer_sigmoid_bn", form="other")
    assert NORM["groups"] == 1  # what the forms above were built with
