"""Everything that a trial training changes, remembered and put back: byte for byte, in place.

Weights, buffers and gradients, training flags, what modules keep in plain attributes (numbers,
words, tensors, lists and dictionaries of such), the optimiser's state and settings, the random
states of Python, numpy and torch, the generators and epochs of data loaders, and whatever else has
a state (a gradient scaler, an average of the weights). Tensors keep their identity, so a captured
or compiled step stays valid.
"""

import copy
from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from disciplined.mistakes import Mistake
from disciplined.tuning.trial.randomness import Back, of_loader, of_process

OWN = frozenset(vars(nn.Module()))  # what torch keeps in a module, looked at by its own means


class Kept:
    """A trial's surroundings as they are now.

    Objects of other classes that a module keeps are not seen, nor is the place of a stream that
    cannot be begun anew. Keeps a second copy of the weights where they are. Raises Mistake for a
    model whose weights are not there yet (lazy layers).

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
        modules = [model, *(one for one in others if isinstance(one, nn.Module))]
        for module in modules:
            self.backs += of_module(module)
        seen = {id(weight) for module in modules for weight in module.parameters()}
        for weight in (w for group in optimizer.param_groups for w in group["params"]):
            if id(weight) not in seen:  # of another model, a learned loss
                self.backs += [remembered(weight), of_gradient(weight)]
        for one in (one for one in others if not isinstance(one, nn.Module)):
            self.backs.append(of_state(one))
        self.backs.append(remembered(optimizer.state))
        for group in optimizer.param_groups:
            self.backs.append(of_group(group))
        for loader in loaders:
            self.backs += of_loader(loader)
        self.backs += of_process()

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
    """Weights, gradients, buffers, training flags and plain attributes."""
    for name, weight in module.named_parameters():
        if is_lazy(weight):
            raise Mistake(f"{name}: has no weights yet; give the model a batch first (lazy layer)")
        yield remembered(weight)
        yield of_gradient(weight)
    for part in module.modules():
        for name, buffer in part._buffers.items():  # those that are None yet, too
            yield of_entry(part._buffers, name, remembered(buffer))
        yield of_attribute(part, "training", remembered(part.training))
        yield of_names(part._buffers)
        for name, value in vars(part).items():
            if name not in OWN and plain(value):
                yield of_entry(vars(part), name, remembered(value))
        yield of_names(vars(part))


def plain(value: Any) -> bool:
    """Whether something is a number, a word, a tensor, or a list or dictionary of such."""
    if isinstance(value, list):
        return all(map(plain, value))
    if isinstance(value, dict):
        return all(map(plain, value.values()))
    if isinstance(value, tuple | set):
        return all(plain(one) and not isinstance(one, Tensor) for one in value)
    return value is None or isinstance(value, int | float | complex | str | bytes | Tensor)


def of_names(owner: dict[str, Any]) -> Back:
    """What takes plain entries away that have come since."""
    names = frozenset(owner)

    def back() -> None:
        for name in [n for n, value in owner.items() if n not in names and plain(value)]:
            del owner[name]

    return back


def of_entry(owner: dict[str, Any], name: str, back: Back) -> Back:
    """What sets an entry to what `back` gives."""
    return lambda: owner.__setitem__(name, back())


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
