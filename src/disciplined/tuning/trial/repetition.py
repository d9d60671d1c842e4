"""One repetition of a range test: the loop that trains, measures and stops."""

import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from disciplined.mistakes import Mistake
from disciplined.schedules.segments import Schedule
from disciplined.tuning.driven import Driven
from disciplined.tuning.trial.averages import Averages
from disciplined.tuning.trial.batches import Measured, averaged, gathered
from disciplined.tuning.trial.losses import kind, scalar
from disciplined.tuning.trial.randomness import parts

EPOCHS = 1000  # of a repetition, by which samplers are told apart

Loss = Callable[[Any, Any], Tensor]
Measure = Callable[[Any, Any], Mapping[str, Any]]


@dataclass
class Repetition:
    """What every repetition has in common; `run` is one."""

    model: nn.Module
    step: Callable[[Any], Any]
    batches: Iterable[Any]
    validation: Iterable[Any] | None
    measure: Measure
    driven: list[tuple[Driven, Schedule]]
    rows: np.ndarray
    stop: float | None
    move: Callable[[Any], Any]

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return next(self.model.parameters()).device

    def run(self, seed: int) -> dict[str, Any]:
        """Train to the end or to divergence: `train_loss` [T], `val_loss` and `val_accuracy` [P],
        NaN where there is none; `stopped`, the update whose loss ended it, or None; `measured`, the
        last measurement."""
        iterations, done = int(self.rows[-1]), 0
        found: dict[str, Any] = {
            "seed": seed,
            "train_loss": np.full(iterations, np.nan),
            "val_loss": np.full(len(self.rows), np.nan),
            "val_accuracy": np.full(len(self.rows), np.nan),
            "stopped": None,
            "measured": None,
        }
        stream = self.stream(seed)
        if not self.model.training:  # else as its parts are: some may be held in evaluation
            self.model.train()
        averages = Averages(self.model)  # used only where there is validation
        means: list[float] = []
        for row, end in enumerate(self.rows):
            if self.validation is not None:
                averages.begin()
            losses = []
            for t in range(done, end):
                for one, schedule in self.driven:
                    one.set(schedule.value(int(t)))
                losses.append(self.loss_of(next(stream)))
            read = gathered(torch.stack(losses))
            found["train_loss"][done:end] = read
            if not np.isfinite(read).all():
                bad = int(np.argmin(np.isfinite(read)))
                found["train_loss"][done + bad : end] = np.nan
                found["stopped"] = int(done + bad)
                return found
            means.append(float(read.mean()))
            if self.validation is not None:
                averages.settle()
                found["measured"] = told = self.validated(self.validation)
                found["val_loss"][row] = told.loss
                found["val_accuracy"][row] = np.nan if told.accuracy is None else told.accuracy
            done = end
            if self.stop is not None and grown(means, self.stop):
                found["stopped"] = int(end) - 1
                return found
        return found

    def loss_of(self, batch: Any) -> Tensor:
        """The loss of one update, float32 on the model's device."""
        told = self.step(batch)
        if isinstance(told, int | float | np.number):
            return torch.tensor(float(told), device=self.device)
        if not isinstance(told, Tensor):
            raise Mistake(f"step: gave {kind(told)}; expected the loss of the batch")
        return scalar(told.detach(), "step").float().to(self.device)

    def stream(self, seed: int) -> Iterator[Any]:
        """The batches for ever, as the loader orders every pass; a list's order is its own."""
        epoch = first = EPOCHS * seed
        while True:
            for part in parts(self.batches):
                if hasattr(part, "set_epoch"):  # DistributedSampler knows no other seed
                    part.set_epoch(epoch)
            empty = True
            for batch in self.batches:
                empty = False
                yield self.move(batch)
            if empty:
                again = "" if epoch == first else " when it is passed over again"
                raise Mistake(f"batches: is empty{again}; give a loader or a list")
            epoch += 1

    def validated(self, validation: Iterable[Any]) -> Measured:
        """The means over the validation batches of all processes, each batch by its size."""
        inner = getattr(self.model, "_orig_mod", self.model)  # of a compiled one
        # DDP's own forward talks to the other processes, whose batches may be fewer
        model = inner.module if isinstance(inner, DistributedDataParallel) else self.model
        training = {part: part.training for part in model.modules()}
        model.eval()
        try:
            with torch.no_grad():
                batches = map(self.move, validation)
                return averaged(((self.measure(model, b), b) for b in batches), self.device)
        finally:
            for part, was in training.items():
                part.training = was


def grown(means: list[float], times: float) -> bool:
    """Whether the last mean loss is far above the first: `times` as large, where losses are
    positive; else by so many times as the loss is large, or has fallen."""
    first = means[0]
    scale = max(abs(first), first - min(means))
    return means[-1] > first + (times - 1) * scale > first


def plain_step(
    model: nn.Module, optimizer: torch.optim.Optimizer, loss: Loss, batch: Any
) -> Tensor:
    """An ordinary update; of an optimiser that asks for the loss again and again, its first."""
    if isinstance(optimizer, torch.optim.LBFGS):
        asked: list[Tensor] = []

        def closure() -> Tensor:
            optimizer.zero_grad()
            asked.append(scalar(loss(model, batch), "loss"))
            asked[-1].backward()
            return asked[-1]

        optimizer.step(closure)
        return asked[0]
    optimizer.zero_grad()
    found = scalar(loss(model, batch), "loss")
    found.backward()
    optimizer.step()
    return found


def seeded(seed: int, batches: Any) -> None:
    """A repetition's random state, the same on every run of the test."""
    random.seed(seed)
    np.random.seed(seed)
    torch.default_generator.manual_seed(seed)
    if torch.cuda.is_initialized():  # else the seed would wait for whoever comes first
        torch.cuda.manual_seed_all(seed)
    if torch.backends.mps.is_available():
        torch.mps.manual_seed(seed)
    for part in parts(batches):
        if isinstance(generator := getattr(part, "generator", None), torch.Generator):
            generator.manual_seed(seed)
