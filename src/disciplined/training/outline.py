"""A network's layers in the order in which an image passes them, from the network itself.

One image is sent through; what modules and functions make of it is written down. Blocks (modules
with modules in them) are one layer each, equal ones behind each other counted.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from disciplined.mistakes import Mistake
from disciplined.models.batch_norm import CaffeBatchNorm
from disciplined.training.config import compose
from disciplined.training.planning import plan
from disciplined.training.targets import arguments, located

MODULES: dict[type[nn.Module], str] = {
    nn.Conv2d: "convolution",
    nn.Linear: "fully connected",
    CaffeBatchNorm: "batch norm",
    nn.BatchNorm2d: "batch norm",
}
FUNCTIONS = {
    "relu": "ReLU",
    "sigmoid": "sigmoid",
    "add": "sum",
    "avg_pool2d": "average pooling",
    "max_pool2d": "maximum pooling",
    "pad": "zeros",
    "cat": "concatenation",
    "dropout": "dropout",
}


@dataclass(frozen=True)
class Layer:
    """One layer, or `times` equal ones behind each other.

    kind: of `MODULES` or `FUNCTIONS`, or a class's name in words. output: of one image, [C, H, W]
    or [N]. facts: kernel, stride and padding where it has them. inside: a block's own layers.
    """

    kind: str
    output: tuple[int, ...]
    parameters: int = 0
    kernel: int | None = None
    stride: int | None = None
    padding: int | None = None
    inside: tuple["Layer", ...] = ()
    times: int = 1

    def words(self) -> str:
        """The layer in a table, without its shape."""
        text = self.kind
        if self.kernel is not None:
            text += f" {self.kernel}×{self.kernel}"
        if self.stride is not None and self.stride != 1:
            text += f", stride {self.stride}"
        if self.inside:
            text += f" ({'; '.join(layer.words() for layer in self.inside)})"
        return f"{self.times} × {text}" if self.times > 1 else text

    def every(self) -> Iterator["Layer"]:
        """The layers that are no blocks, each as often as it is there."""
        for _ in range(self.times):
            if not self.inside:
                yield self
            for layer in self.inside:
                yield from layer.every()


@dataclass(frozen=True)
class Seen:
    """A layer and the modules it is in, from the network's own on."""

    path: tuple[str, ...]
    layer: Layer


def outline(overrides: list[str], part: str | None = None) -> list[Layer]:
    """The layers of the network that `train.py` would train, or of a `part` of it (`blocks.0`).

    Raises `Mistake` for overrides that do not compose, and for a part that is not there.
    """
    cfg = compose(overrides)
    node = dict(plan(cfg).asked["network"])
    target = located(node.pop("_target_"), "model.network._target_")
    network = target(**arguments(target, node, "model.network"))
    assert isinstance(network, nn.Module)
    if part is not None and part not in dict(network.named_modules()):
        raise Mistake(f"part={part}: {cfg.model.name} has no module of this name")
    seen = passed(network, torch.zeros(1, *cfg.dataset.image_shape))
    if part is not None:
        seen = [
            replace(one, path=one.path[one.path.index(part) + 1 :])
            for one in seen
            if part in one.path
        ]
    return blocks(network, seen)


def passed(network: nn.Module, image: Tensor) -> list[Seen]:
    """What one image, [1, C, H, W], passes."""
    seen: list[Seen] = []
    within: list[str] = []

    def add(layer: Layer) -> None:
        seen.append(Seen(tuple(within), layer))

    with watched(network, within, add), torch.no_grad(), Functions(within, add):
        network.eval()(image)
    return seen


@contextmanager
def watched(network: nn.Module, within: list[str], add: Callable[[Layer], None]) -> Iterator[None]:
    """While it lasts, `within` names the modules being passed, `LEAF` last where it is one."""
    hooks = []
    for name, module in network.named_modules():
        if module is network:
            continue
        leaf = not any(True for _ in module.children())

        def enter(module: nn.Module, _inputs: Any, name: str = name, leaf: bool = leaf) -> None:
            within.append(LEAF if leaf else name)

        def leave(module: nn.Module, _inputs: Any, y: Tensor, leaf: bool = leaf) -> None:
            within.pop()
            if leaf:
                add(of_module(module, y))

        hooks += [module.register_forward_pre_hook(enter), module.register_forward_hook(leave)]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


LEAF = "."


class Functions(TorchFunctionMode):
    """Writes down the functions that are called outside modules without modules in them."""

    def __init__(self, within: list[str], add: Callable[[Layer], None]):
        super().__init__()
        self.within, self.add = within, add

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Call it, and write it down."""
        y = func(*args, **(kwargs or {}))
        name = getattr(func, "__name__", "").strip("_")
        if name in FUNCTIONS and LEAF not in self.within:
            sizes: dict[str, Any] = {}
            if name.endswith("pool2d"):
                kernel = args[1]
                stride = args[2] if len(args) > 2 else (kwargs or {}).get("stride")
                sizes = {"kernel": side(kernel), "stride": side(stride or kernel)}
                if set(y.shape[2:]) == {1}:  # the whole map: it moves nowhere
                    sizes["stride"] = 1
            self.add(Layer(FUNCTIONS[name], tuple(y.shape[1:]), **sizes))
        return y


def of_module(module: nn.Module, y: Tensor) -> Layer:
    """A module without modules in it."""
    kinds = (words for kind, words in MODULES.items() if isinstance(module, kind))
    sizes: dict[str, Any] = {}
    if isinstance(module, nn.Conv2d):
        sizes = {name: side(getattr(module, name)) for name in ("stride", "padding")}
        sizes["kernel"] = side(module.kernel_size)
    return Layer(
        next(kinds, in_words(module)),
        tuple(y.shape[1:]),
        sum(p.numel() for p in module.parameters()),
        **sizes,
    )


def blocks(network: nn.Module, seen: list[Seen]) -> list[Layer]:
    """The layers, those of a block as one, equal ones counted."""
    modules = dict(network.named_modules())

    def block(one: Seen) -> str:
        holds = (nn.Sequential, nn.ModuleList)
        return next((name for name in one.path if not isinstance(modules[name], holds)), "")

    found: list[Layer] = []
    for name, group in groupby(seen, block):
        layers = [one.layer for one in group]
        if name:
            total = sum(layer.parameters for layer in layers)
            kind = in_words(modules[name])
            layers = [Layer(kind, layers[-1].output, total, inside=tuple(layers))]
        found += layers
    counted = [(layer, len(list(group))) for layer, group in groupby(found)]
    return [replace(layer, times=times) for layer, times in counted]


def in_words(module: nn.Module) -> str:
    """`HalvingBlock` as `halving block`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(module).__name__).lower()


def side(size: Any) -> int:
    """Of a square."""
    sides = set(size) if isinstance(size, tuple | list) else {size}
    assert len(sides) == 1, f"{size} is no square"
    return int(sides.pop())
