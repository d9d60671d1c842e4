"""The papers' range test around anybody's training loop: the rate rises once, and validation tells.

    found = range_test(model, optimizer, loader, validation=held_out, high=3.0, iterations=500)
    print(found)                       # the rates to use, by each rule, and why
    found.figure("range_test.png")

The model, its optimiser, the loaders and all random states are put back as they were: training
afterwards is what it would have been without. Source: 1506.01186, section 3.3; 1803.09820, section
4.1 (validation loss and accuracy, not the training loss alone).
"""

import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from disciplined.mistakes import Mistake
from disciplined.schedules import range_tests
from disciplined.schedules.lengths import Iterations
from disciplined.schedules.segments import Schedule, Segment
from disciplined.tuning.curve import Shape
from disciplined.tuning.driven import Driven
from disciplined.tuning.kept import Kept, parts
from disciplined.tuning.measured import RangeTest
from disciplined.tuning.measures import classified, gathered, mean_of, moved

EPOCHS = 1000  # of a repetition, by which samplers are told apart

Loss = Callable[[Any, Any], Tensor]
Measure = Callable[[Any, Any], Mapping[str, Any]]


def range_test(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    batches: Iterable[Any],
    *,
    high: float,
    low: float = 0.0,
    iterations: int = 200,
    shape: Shape = "linear",
    over: str = "lr",
    beside: Mapping[str, tuple[float, float]] | None = None,
    validation: Iterable[Any] | None = None,
    loss: Loss | None = None,
    measure: Measure | None = None,
    step: Callable[[Any], Any] | None = None,
    move: Callable[[Any], Any] | None = None,
    points: int = 40,
    seeds: int = 1,
    fresh: Callable[[nn.Module], Any] | None = None,
    stop: float | None = 4.0,
    others: Iterable[Any] = (),
) -> RangeTest:
    """Train while a hyper-parameter rises from `low` to `high`; measure; put everything back.

    Args:
        model: on its device, as it is to be trained (DDP-wrapped or compiled if you like).
        optimizer: of its weights; groups keep their proportions, the largest takes the value.
        batches: a loader or a list, passed over again where it ends: (images, labels), or whatever
            `loss` and `step` understand.
        high, low: the ends of the test; `low` above 0 for an exponential one.
        iterations: updates of the test.
        shape: `linear` (Smith) or `exponential` (Howard).
        over: `lr`, `momentum` or `weight_decay`.
        beside: other hyper-parameters that go in a straight line meanwhile, from and to, for
            example {"momentum": (0.95, 0.8)}.
        validation: batches held out of training; None to read the training loss alone.
        loss: mean loss of a batch, (model, batch) -> scalar; cross-entropy of (images, labels).
        measure: of a validation batch, (model, batch) -> {"loss": mean, "accuracy": share}, the
            latter if there is one; by default with `loss`, and the share of largest outputs right.
        step: your own update of a batch, which returns its loss (mixed precision, accumulation);
            by default zero_grad, loss, backward, step.
        move: puts a batch where the model is; by default every tensor in it.
        points: how many times validation is measured along the way.
        seeds: how many times the test is repeated, each with its own random state.
        fresh: called with the model before each repetition, to draw new weights; without it each
            starts from the weights as they are.
        stop: end where the mean training loss since the last point exceeds this many times that of
            the first; None to go on, as with a loss that begins at 0 or below. A loss that is not
            finite always ends it.
        others: further objects that `step` changes (gradient scaler, averaged weights).

    Under torch.distributed losses are averaged over the processes, so that all read and stop alike.
    Nothing is written. Raises Mistake for settings that cannot be meant.
    """
    schedule = rising(shape, low, high, iterations)
    for name, one in (("batches", batches), ("validation", validation)):
        if isinstance(one, Iterator):  # asking a loader for one would draw a seed
            raise Mistake(f"{name}: can be passed over only once; give a loader or a list")
    if not isinstance(seeds, int) or seeds < 1 or points < 1:
        raise Mistake(f"seeds={seeds}, points={points}: expected whole numbers from 1 on")
    driven = [(Driven(optimizer, over), schedule)]
    for name, (start, end) in (beside or {}).items():
        line = Schedule((Segment.linear(start, end, iterations),))
        driven.append((Driven(optimizer, name), line))
    trial = Trial(
        model,
        step or (lambda batch: plain_step(model, optimizer, loss or classified, batch)),
        batches,
        validation,
        measure or (lambda net, batch: measured(net, batch, loss)),
        driven,
        rows=row_ends(iterations, points),
        stop=stop,
        move=move or (lambda batch: moved(batch, trial.device)),
    )
    loaders = [one for one in (batches, validation) if one is not None]
    kept = Kept(model, optimizer, loaders, others)
    found = []
    try:
        for seed in range(seeds):
            kept.put_back()
            seeded(seed, batches)
            if fresh is not None:
                fresh(model)
            found.append(trial.run(seed))
    finally:
        kept.put_back()
    values = schedule.values(np.arange(iterations))
    return RangeTest.of(over, shape, values, trial.rows, found)


def rising(shape: Shape, low: float, high: float, iterations: int) -> Schedule:
    """The test's schedule. Raises Mistake."""
    if not isinstance(iterations, int) or iterations < 2:
        raise Mistake(f"iterations={iterations}: expected a whole number from 2 on")
    if shape == "linear":
        return range_tests.range_test(low, high, Iterations(iterations))
    if shape == "exponential":
        return range_tests.range_test_exponential(low, high, Iterations(iterations))
    raise Mistake(f"shape={shape}: expected linear or exponential")


def row_ends(iterations: int, points: int) -> np.ndarray:
    """After how many updates validation is measured: int64 [P], the last after all of them."""
    return np.unique(np.linspace(0, iterations, min(points, iterations) + 1).astype(np.int64))[1:]


def plain_step(
    model: nn.Module, optimizer: torch.optim.Optimizer, loss: Loss, batch: Any
) -> Tensor:
    """An ordinary update."""
    optimizer.zero_grad()
    found = loss(model, batch)
    found.backward()
    optimizer.step()
    return found


def measured(model: nn.Module, batch: Any, loss: Loss | None) -> dict[str, Any]:
    """Loss and accuracy of (images, labels); the loss alone where it is the caller's."""
    if loss is not None:
        return {"loss": loss(model, batch)}
    images, labels = batch
    outputs = model(images)
    return {
        "loss": nn.functional.cross_entropy(outputs, labels),
        "accuracy": (outputs.argmax(1) == labels).float().mean(),
    }


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


@dataclass
class Trial:
    """The loop of one repetition."""

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
        NaN where there is none, and `stopped`, the update whose loss ended it, or None."""
        iterations, done = int(self.rows[-1]), 0
        found: dict[str, Any] = {
            "seed": seed,
            "train_loss": np.full(iterations, np.nan),
            "val_loss": np.full(len(self.rows), np.nan),
            "val_accuracy": np.full(len(self.rows), np.nan),
            "stopped": None,
        }
        stream = self.stream(seed)
        self.model.train()
        first = None
        for row, end in enumerate(self.rows):
            losses = []
            for t in range(done, end):
                for one, schedule in self.driven:
                    one.set(schedule.value(int(t)))
                losses.append(torch.as_tensor(self.step(next(stream))).detach())
            read = gathered(torch.stack([loss.float().to(self.device) for loss in losses]))
            found["train_loss"][done:end] = read
            if not np.isfinite(read).all():
                bad = int(np.argmin(np.isfinite(read)))
                found["train_loss"][done + bad : end] = np.nan
                found["stopped"] = int(done + bad)
                return found
            first = read.mean() if first is None else first
            if self.validation is not None:
                told = self.validated()
                found["val_loss"][row] = told.get("loss", np.nan)
                found["val_accuracy"][row] = told.get("accuracy", np.nan)
            done = end
            if self.stop is not None and read.mean() > self.stop * first > 0:
                found["stopped"] = int(end) - 1
                return found
        return found

    def stream(self, seed: int) -> Iterator[Any]:
        """The batches for ever, as the loader orders every pass; a list's order is its own."""
        epoch = EPOCHS * seed
        while True:
            for part in parts(self.batches):
                if hasattr(part, "set_epoch"):  # DistributedSampler knows no other seed
                    part.set_epoch(epoch)
            empty = True
            for batch in self.batches:
                empty = False
                yield self.move(batch)
            if empty:
                raise Mistake("batches: is empty")
            epoch += 1

    def validated(self) -> dict[str, float]:
        """The means over the validation batches of all processes, each batch by its size."""
        assert self.validation is not None
        inner = getattr(self.model, "_orig_mod", self.model)  # of a compiled one
        # DDP's own forward talks to the other processes, whose batches may be fewer
        model = inner.module if isinstance(inner, DistributedDataParallel) else self.model
        training = {part: part.training for part in model.modules()}
        model.eval()
        try:
            with torch.no_grad():
                batches = map(self.move, self.validation)
                return mean_of(((self.measure(model, b), b) for b in batches), self.device)
        finally:
            for part, was in training.items():
                part.training = was
