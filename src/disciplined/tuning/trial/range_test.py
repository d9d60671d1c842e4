"""The papers' range test around anybody's training loop: the rate rises once, and validation tells.

    found = range_test(model, optimizer, loader, validation=held_out, high=3.0, iterations=500)
    print(found)                       # the rates to use, by each rule, and why
    found.figure("range_test.png")

The model, its optimiser, the loaders and all random states are put back as they were: training
afterwards is what it would have been without. Source: 1506.01186, section 3.3; 1803.09820, section
4.1 (validation loss and accuracy, not the training loss alone).
"""

import math
import operator
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from disciplined.mistakes import Mistake
from disciplined.schedules import range_tests
from disciplined.schedules.segments import Schedule, Segment
from disciplined.tuning.driven import Driven
from disciplined.tuning.reading.curve import Shape
from disciplined.tuning.trial.batches import moved
from disciplined.tuning.trial.held_out import held_out
from disciplined.tuning.trial.kept import Kept
from disciplined.tuning.trial.losses import classified, measured, scalar
from disciplined.tuning.trial.repetition import Loss, Measure, Repetition, plain_step, seeded
from disciplined.tuning.trial.result import RangeTestResult

IMAGES = 2000  # measured at a point: an accuracy is known to within 1.1 points


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
    validation_images: int | None = IMAGES,
    loss: Loss | None = None,
    measure: Measure | None = None,
    step: Callable[[Any], Any] | None = None,
    move: Callable[[Any], Any] | None = None,
    points: int = 40,
    seeds: int = 1,
    fresh: Callable[[nn.Module], Any] | None = None,
    stop: float | None = 4.0,
    others: Iterable[Any] = (),
) -> RangeTestResult:
    """Train while a hyper-parameter rises from `low` to `high`; measure; put everything back.

    Args:
        model: on its device, as it is to be trained (DDP-wrapped or compiled if you like; sharded
            over processes it cannot be). Parts held in evaluation stay so.
        optimizer: of its weights; groups keep their proportions, the largest takes the value.
        batches: a loader or a list, passed over again where it ends: (images, labels), mappings
            that `model(**batch)` takes and answers with a `loss`, or whatever `loss` and `step`
            understand.
        high, low: the ends of the test; `low` above 0 for an exponential one.
        iterations: updates of the test.
        shape: `linear` (Smith) or `exponential` (Howard).
        over: `lr`, `momentum` or `weight_decay`.
        beside: other hyper-parameters that go in a straight line meanwhile, from and to, for
            example {"momentum": (0.95, 0.8)}.
        validation: batches held out of training; None to read the training loss alone. Batch norm's
            running averages are then of the updates since the last point, not of lower rates.
        validation_images: how many of these are measured at a point, at most; the same ones at
            every point, drawn at random once (the first of a stream); None for all.
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
            the first (of losses below 0: where it has grown by so many times as large as they are);
            None to go on. A loss that is not finite always ends it.
        others: further objects that `step` changes (gradient scaler, averaged weights).

    Under torch.distributed losses are averaged over the processes, so that all read and stop alike.
    Nothing is written. Raises Mistake for settings that cannot be meant.
    """
    if next(model.parameters(), None) is None:
        raise Mistake("model: has no weights; give the one that is trained")
    unsharded(model)
    iterations = whole("iterations", iterations, 2)
    schedule = rising(shape, low, high, iterations)
    if over == "momentum" and float(high) >= 1:
        raise Mistake(f"high={high}: a momentum is below 1")
    if stop is not None and not stop > 1:
        raise Mistake(f"stop={stop}: expected more than 1, times the first loss, or None")
    if over in (beside or {}):
        raise Mistake(f"beside={over}: it is what rises; leave it out, or say over= for another")
    for name, one in (("batches", batches), ("validation", validation)):
        if isinstance(one, Iterator):  # asking a loader for one would draw a seed
            raise Mistake(f"{name}: can be passed over only once; give a loader or a list")
    seeds, points = whole("seeds", seeds), whole("points", points)
    if validation_images is not None:
        whole("validation_images", validation_images)
    driven = [(Driven(optimizer, over), schedule)]
    for name, ends in (beside or {}).items():
        driven.append((Driven(optimizer, name), straight(name, ends, iterations)))
    by_own = loss
    if measure is None and by_own is not None:
        measure = lambda net, batch: {"loss": scalar(by_own(net, batch), "loss")}  # noqa: E731
    loaders = [one for one in (batches, validation) if one is not None]
    kept = Kept(model, optimizer, loaders, others)
    found = []
    try:
        part = None if validation is None else held_out(validation, validation_images)
        trial = Repetition(
            model,
            step or (lambda batch: plain_step(model, optimizer, loss or classified, batch)),
            batches,
            part and part.batches,
            measure or measured,
            driven,
            rows=row_ends(iterations, points),
            stop=stop,
            move=move or (lambda batch: moved(batch, trial.device)),
        )
        for seed in range(seeds):
            kept.put_back()
            seeded(seed, batches)
            if fresh is not None:
                fresh(model)
            found.append(trial.run(seed))
    finally:
        kept.put_back()
    values = schedule.values(np.arange(iterations))
    return RangeTestResult.of(
        over,
        shape,
        values,
        trial.rows,
        found,
        part=part.part if part else "",
        alike=loss is None and step is None,
    )


def whole(name: str, value: Any, least: int = 1) -> int:
    """A whole number. Raises Mistake."""
    try:
        found = operator.index(value)
    except TypeError:
        found = least - 1
    if isinstance(value, bool) or found < least:
        raise Mistake(f"{name}={value}: expected a whole number from {least} on")
    return found


def rising(shape: Shape, low: float, high: float, iterations: int) -> Schedule:
    """The test's schedule. Raises Mistake."""
    if shape not in ("linear", "exponential"):
        raise Mistake(f"shape={shape}: expected linear or exponential")
    ends: list[float] = []
    for name, value in (("low", low), ("high", high)):
        try:
            ends.append(float(value))
        except (TypeError, ValueError):
            ends.append(math.nan)
        if not 0 <= ends[-1] < math.inf:
            raise Mistake(f"{name}={value}: expected a finite number from 0 on")
    if ends[0] >= ends[1]:
        raise Mistake(f"high={high}: expected more than low={low}")
    if shape == "linear":
        return range_tests.range_test(ends[0], ends[1], iterations)
    if ends[0] == 0:
        raise Mistake("low=0: an exponential test begins above 0; give for example low=1e-6")
    return range_tests.range_test_exponential(ends[0], ends[1], iterations)


def straight(name: str, ends: Any, iterations: int) -> Schedule:
    """What goes in a straight line beside the test. Raises Mistake."""
    try:
        start, end = map(float, ends)
    except (TypeError, ValueError):
        start = end = math.nan
    if not (0 <= start < math.inf and 0 <= end < math.inf):
        raise Mistake(f"beside={name}: {ends}: expected from and to, two numbers from 0 on")
    return Schedule((Segment.linear(start, end, iterations),))


def row_ends(iterations: int, points: int) -> np.ndarray:
    """After how many updates validation is measured: int64 [P], the last after all of them."""
    return np.unique(np.linspace(0, iterations, min(points, iterations) + 1).astype(np.int64))[1:]


def unsharded(model: nn.Module) -> None:
    """Raise Mistake for a model whose weights lie in parts on several processes."""
    modules = {"torch.distributed.fsdp": "FullyShardedDataParallel"}
    modules["torch.distributed.tensor"] = "DTensor"
    kinds = tuple(getattr(sys.modules[m], k) for m, k in modules.items() if m in sys.modules)
    if any(isinstance(one, kinds) for one in (*model.modules(), *model.parameters())):
        raise Mistake(
            "model: its weights are sharded over processes (FSDP), which a range test cannot put "
            "back; test before sharding, or a smaller model"
        )
