"""The networks as tests build them, and what tests read off a network."""

import torch
from torch import nn

from disciplined.models.densenet import DenseNet
from disciplined.models.disciplined_resnet import DisciplinedResNet
from disciplined.models.lenet import LeNet
from disciplined.models.superconv_bottleneck import BottleneckResNet
from disciplined.models.superconv_resnet import SuperconvResNet
from disciplined.models.three_layer import Quick, SigmoidBatchNorm, ThreeLayer
from disciplined.models.torch_resnet import StochasticDepth, TorchResNet

CIFAR, MNIST, DIGITS = (3, 32, 32), (1, 28, 28), (1, 8, 8)
NORM = {"maf": 0.9, "groups": 1, "evaluate": "running"}


def build(name: str, image_shape=CIFAR, classes: int = 10, **settings) -> nn.Module:
    """The network that `conf/model/<name>.yaml` names, from a seed (0 unless given)."""
    torch.manual_seed(settings.pop("seed", 0))
    given = {"image_shape": image_shape, "classes": classes, **settings}
    if name in PLAIN:
        return PLAIN[name](**given)
    given["batch_norm"] = NORM
    if name in NORMALISED:
        function, defaults = NORMALISED[name]
        return function(**{**defaults, **given})
    return SuperconvResNet(int(name.removeprefix("superconv_resnet")), **given)


PLAIN = {
    "three_layer": ThreeLayer,
    "lenet": LeNet,
    "cifar10_quick": Quick,
    "table4_resnet": TorchResNet,
    "table4_stochastic_depth": StochasticDepth,
}
NORMALISED = {
    "resnet56": (DisciplinedResNet, {"blocks": 8}),
    "wide_resnet32": (DisciplinedResNet, {"blocks": (5, 4, 4), "widths": (16, 64, 256)}),
    "densenet40": (DenseNet, {}),
    "three_layer_sigmoid_bn": (SigmoidBatchNorm, {}),
    "superconv_resnet56_dropout": (SuperconvResNet, {"depth": 56, "dropout": 0.2}),
    "superconv_bottleneck56": (BottleneckResNet, {"inner": 16, "cardinality": 1}),
    "superconv_resnext56": (BottleneckResNet, {"inner": 32, "cardinality": 32}),
}
FIRST = ["three_layer", "lenet", "resnet56", *(f"superconv_resnet{d}" for d in (20, 56, 110))]
ALL = [*dict.fromkeys([*FIRST, *PLAIN, *NORMALISED])]


def shapes(network: nn.Module, image_shape=CIFAR) -> list[tuple[int, ...]]:
    """Shapes (without the batch) that the convolutions and linear layers put out, in order."""
    seen = []
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            module.register_forward_hook(lambda _m, _i, y: seen.append(tuple(y.shape[1:])))
    network(torch.randn(2, *image_shape))
    return seen


def multipliers(network: nn.Module) -> dict[str, tuple[float, float]]:
    """Every parameter's (rate, decay), having checked that none is named that does not exist."""
    names = [name for name, _ in network.named_parameters()]
    assert set(network.multipliers) <= set(names)
    return {name: network.multipliers.get(name, (1.0, 1.0)) for name in names}


def parameters(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())
