"""The random states that a pass over the data moves, remembered and put back."""

import random
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

Back = Callable[[], Any]  # puts a value back as it was and returns it

DEEP = 5  # attributes of attributes: loader, dataset, its dataset, transforms, one of them
MANY = 1000  # things looked at, at most: a dataset may hold a list of a million paths
OWN = random.Random | np.random.Generator | np.random.RandomState | torch.Generator


def of_process() -> Iterator[Back]:
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


def of_loader(loader: Any) -> Iterator[Back]:
    """A data loader's generators, its samplers' epochs, and generators that its data keep; workers
    that stay are sent home."""
    for part in parts(loader):
        if isinstance(epoch := getattr(part, "epoch", None), int):
            yield lambda part=part, epoch=epoch: setattr(part, "epoch", epoch)
    yield from map(of_generator, generators(loader))
    if getattr(loader, "persistent_workers", False) and getattr(loader, "_iterator", 0) is None:
        yield lambda: setattr(loader, "_iterator", None)  # else they keep the trial's seeds


def parts(loader: Any) -> list[Any]:
    """A loader and what decides its order: its samplers, each once."""
    batch_sampler = getattr(loader, "batch_sampler", None)
    samplers = (getattr(loader, "sampler", None), getattr(batch_sampler, "sampler", None))
    found = {id(one): one for one in (loader, batch_sampler, *samplers) if one is not None}
    return list(found.values())


def of_generator(one: OWN) -> Back:
    """A generator's state."""
    if isinstance(one, random.Random):
        python = one.getstate()
        return lambda: one.setstate(python)
    if isinstance(one, np.random.Generator):
        bits = one.bit_generator.state
        return lambda: setattr(one.bit_generator, "state", bits)
    state: Any = one.get_state()
    return lambda: one.set_state(state)


def generators(start: Any) -> list[OWN]:
    """The generators that a loader, its dataset and their transforms hold in their attributes.

    Not within tensors, arrays, modules and what is not there to be looked into (`__slots__`).
    """
    found: dict[int, OWN] = {}
    seen: set[int] = set()
    level = [start]
    for _ in range(DEEP):
        below: list[Any] = []
        for one in level:
            if id(one) in seen or len(seen) > MANY:
                continue
            seen.add(id(one))
            if isinstance(one, OWN):
                found[id(one)] = one
            else:
                below += inside(one)
        level = below
    return list(found.values())


def inside(one: Any) -> list[Any]:
    """What something holds that may hold a generator."""
    if isinstance(one, torch.Tensor | np.ndarray | nn.Module | type | str | bytes):
        return []
    if isinstance(one, Mapping):
        return list(one.values())[:MANY]
    if isinstance(one, list | tuple):
        return list(one[:MANY])
    return list(vars(one).values()) if hasattr(one, "__dict__") else []
