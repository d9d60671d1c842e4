"""Everything that a trial training changes, remembered and put back: byte for byte, in place.

Weights, buffers and gradients, training flags, the optimiser's state and settings, the random
states of Python, numpy and torch, the generators and epochs of data loaders, and whatever else has
a state (a gradient scaler, an average of the weights). Tensors keep their identity, so a captured
or compiled step stays valid.
"""

import copy
import random
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from disciplined.mistakes import Mistake

Back = Callable[[], Any]  # puts a value back as it was and returns it


class Kept:
    """A trial's surroundings as they are now.

    What is neither tensor nor state, such as a counter that a module keeps in a plain attribute, is
    not seen. Keeps a second copy of the weights where they are. Raises Mistake for a model whose
    weights are not there yet (lazy layers).

    Args:
        model: trained by the trial.
        optimizer: of its weights.
        loaders: what gives batches, whose generators a pass over the data moves.
        others: further objects that the trial changes: modules, or with `state_dict` and
            `load_state_dict`.
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        loaders: Iterable[Any] = (),
        others: Iterable[Any] = (),
    ):
        self.backs: list[Back] = []
        others = list(others)
        for module in (model, *(one for one in others if isinstance(one, nn.Module))):
            self.backs += of_module(module)
        for one in (one for one in others if not isinstance(one, nn.Module)):
            self.backs.append(of_state(one))
        self.backs.append(remembered(optimizer.state))
        for group in optimizer.param_groups:
            self.backs.append(of_group(group))
        for loader in loaders:
            self.backs += of_loader(loader)
        self.backs += of_random()

    def put_back(self) -> None:
        """Everything as it was; may be called again and again."""
        with torch.no_grad():
            for back in self.backs:
                back()


def remembered(value: Any) -> Back:
    """What puts a value back, the same object with the same content where it can change."""
    if isinstance(value, Tensor):
        content = value.detach().clone()

        def tensor() -> Tensor:
            value.detach().copy_(content)
            return value

        return tensor
    if isinstance(value, dict):
        items = {key: remembered(one) for key, one in value.items()}

        def mapping() -> dict[Any, Any]:
            there = {key: back() for key, back in items.items()}
            value.clear()
            value.update(there)
            return value

        return mapping
    if isinstance(value, list):
        parts = [remembered(one) for one in value]

        def sequence() -> list[Any]:
            value[:] = [back() for back in parts]
            return value

        return sequence
    kept = copy.deepcopy(value)
    return lambda: copy.deepcopy(kept)


def of_module(module: nn.Module) -> Iterator[Back]:
    """Weights, gradients, buffers and training flags."""
    for name, weight in module.named_parameters():
        if is_lazy(weight):
            raise Mistake(f"{name}: has no weights yet; give the model a batch first (lazy layer)")
        yield remembered(weight)
        yield of_gradient(weight)
    for part in module.modules():
        for name, buffer in part.named_buffers(recurse=False):
            yield of_attribute(part, name, remembered(buffer))
        yield of_attribute(part, "training", remembered(part.training))


def of_gradient(weight: nn.Parameter) -> Back:
    """What puts a weight's gradient back, none where there was none."""
    back: Back = (lambda: None) if weight.grad is None else remembered(weight.grad)
    return of_attribute(weight, "grad", back)


def of_attribute(owner: Any, name: str, back: Back) -> Back:
    """What sets an attribute to what `back` gives."""
    return lambda: setattr(owner, name, back())


def of_group(group: dict[str, Any]) -> Back:
    """An optimiser's group, all but the list of its weights."""
    weights = group["params"]
    others = remembered_items({k: v for k, v in group.items() if k != "params"})

    def back() -> None:
        there = {key: one() for key, one in others.items()}
        group.clear()
        group.update({"params": weights} | there)

    return back


def remembered_items(mapping: dict[str, Any]) -> dict[str, Back]:
    """What puts each value of a mapping back."""
    return {key: remembered(value) for key, value in mapping.items()}


def of_state(one: Any) -> Back:
    """An object with a state of its own. Raises Mistake where it has none."""
    if not (hasattr(one, "state_dict") and hasattr(one, "load_state_dict")):
        raise Mistake(f"others: {type(one).__name__} has no state_dict and load_state_dict")
    state = copy.deepcopy(one.state_dict())
    return lambda: one.load_state_dict(copy.deepcopy(state))


def of_loader(loader: Any) -> Iterator[Back]:
    """A data loader's generators and its samplers' epochs; workers that stay are sent home."""
    for part in parts(loader):
        generator = getattr(part, "generator", None)
        if isinstance(generator, torch.Generator):
            yield of_generator(generator)
        if isinstance(getattr(part, "epoch", None), int):
            yield of_attribute(part, "epoch", remembered(part.epoch))  # type: ignore[union-attr]
    if getattr(loader, "persistent_workers", False) and getattr(loader, "_iterator", 0) is None:
        yield of_attribute(loader, "_iterator", lambda: None)  # else they keep the trial's seeds


def parts(loader: Any) -> list[Any]:
    """A loader and what decides its order: its samplers, each once."""
    batch_sampler = getattr(loader, "batch_sampler", None)
    samplers = (getattr(loader, "sampler", None), getattr(batch_sampler, "sampler", None))
    found = {id(one): one for one in (loader, batch_sampler, *samplers) if one is not None}
    return list(found.values())


def of_generator(generator: torch.Generator) -> Back:
    """A torch generator's state."""
    state = generator.get_state()
    return lambda: generator.set_state(state)


def of_random() -> Iterator[Back]:
    """The random states of this process: Python's, numpy's, torch's on every device."""
    python, numpys, torchs = random.getstate(), np.random.get_state(), torch.get_rng_state()
    yield lambda: random.setstate(python)
    yield lambda: np.random.set_state(numpys)
    yield lambda: torch.set_rng_state(torchs)
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        cards = torch.cuda.get_rng_state_all()
        yield lambda: torch.cuda.set_rng_state_all(cards)
    if torch.backends.mps.is_available():
        apple = torch.mps.get_rng_state()
        yield lambda: torch.mps.set_rng_state(apple)
