"""Lightning callbacks: schedules that drive momentum and decay too, and a pure range test.

    trainer = Trainer(callbacks=[Schedules(lr=lambda n: onecycle(0.08, 0.8, 45 * n // 100, n))])
    trainer = Trainer(callbacks=[test := RangeTest(high=3.0, accuracy="val_acc")])

Both leave the LightningModule as it is.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers.logger import DummyLogger
from torch import Tensor
from torchmetrics import Metric

from disciplined.mistakes import Mistake
from disciplined.schedules.segments import Schedule
from disciplined.tuning.driven import Driven
from disciplined.tuning.measured import RangeTest as Measured
from disciplined.tuning.range_test import range_test

Planned = Schedule | Callable[[int], Schedule]


class Schedules(pl.Callback):
    """Sets rate, momentum and weight decay before every batch, by the updates done.

    A schedule, or a function that makes one for the run's number of updates. Groups keep their
    proportions. Raises Mistake at the start of training where the optimiser lacks what is driven,
    where there are several optimisers, or where the module has a rate scheduler of its own.
    """

    def __init__(
        self,
        lr: Planned | None = None,
        momentum: Planned | None = None,
        weight_decay: Planned | None = None,
    ):
        told = {"lr": lr, "momentum": momentum, "weight_decay": weight_decay}
        self.planned = {name: one for name, one in told.items() if one is not None}
        self.driven: list[tuple[Driven, Schedule]] = []

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        optimizer = only_optimizer(trainer, "Schedules")
        if "lr" in self.planned and trainer.lr_scheduler_configs:
            raise Mistake("Schedules: the module's own lr_scheduler drives the rate already")
        self.driven = [
            (Driven(optimizer, name), self.made(one, trainer)) for name, one in self.planned.items()
        ]

    def made(self, planned: Planned, trainer: pl.Trainer) -> Schedule:
        """The schedule for this run."""
        if isinstance(planned, Schedule):
            return planned
        updates = trainer.estimated_stepping_batches
        if updates == float("inf"):
            raise Mistake("Schedules: the run has no end (max_epochs=-1); give a schedule itself")
        return planned(int(updates))

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        for one, schedule in self.driven:
            one.set(schedule.value(trainer.global_step))


class RangeTest(pl.Callback):
    """A range test before training begins, by the module's own training and validation steps.

    Weights, optimiser, loaders and random states are put back: training afterwards is byte for byte
    what it would have been without, unless `apply` sets the rate found. What the steps log goes
    nowhere, other callbacks see nothing of the test, metrics of torchmetrics begin anew; what a
    step keeps in plain attributes stays. A run that is resumed, or `fast_dev_run`, is not tested.
    Data loaders with `persistent_workers` keep the seeds of the test. `result` is a
    `disciplined.tuning.measured.RangeTest`.

    Args:
        high, low, iterations, shape, over, points, seeds, stop, beside: as of
            `disciplined.range_test`.
        loss, accuracy: the names under which `validation_step` logs them; without validation the
            training loss is read alone.
        apply: whether training then begins with the largest rate suggested.
        figure: a file for the picture.
    """

    def __init__(
        self,
        *,
        high: float,
        low: float = 0.0,
        iterations: int = 200,
        loss: str = "val_loss",
        accuracy: str | None = None,
        apply: bool = False,
        figure: str | Path | None = None,
        **settings: Any,
    ):
        self.settings = {"high": high, "low": low, "iterations": iterations} | settings
        self.names = {"loss": loss} | ({"accuracy": accuracy} if accuracy else {})
        self.apply = apply
        self.file = figure
        self.result: Measured | None = None

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.global_step or trainer.fast_dev_run:  # type: ignore[attr-defined]
            return
        if not pl_module.automatic_optimization:
            raise Mistake("RangeTest: the module optimises by hand; call disciplined.range_test")
        if trainer.accumulate_grad_batches > 1:
            raise Mistake(
                f"RangeTest: accumulate_grad_batches={trainer.accumulate_grad_batches}: it would "
                "find the rate of single batches; call disciplined.range_test with step="
            )
        if self.apply and trainer.lr_scheduler_configs:
            raise Mistake("RangeTest: apply=True: the module's own lr_scheduler sets the rate")
        optimizer = only_optimizer(trainer, "RangeTest")
        scaler = getattr(trainer.strategy.precision_plugin, "scaler", None)
        with silenced(pl_module) as logged, alone(trainer):
            steps = Steps(trainer, pl_module, optimizer, logged, self.names)
            self.result = range_test(
                pl_module,
                optimizer,
                single(trainer.train_dataloader, "train_dataloader"),
                validation=steps.validation(),
                step=steps.update,
                measure=steps.measure,
                move=trainer.strategy.batch_to_device,
                others=[scaler] if scaler is not None else [],
                **self.settings,
            )
            steps.reset()
        if trainer.is_global_zero:
            print(self.result)
            if self.file:
                self.result.figure(self.file)
        if self.apply and (found := self.result.suggested.max_lr) is not None:
            Driven(optimizer, self.result.over).set(found)


class Steps:
    """The module's own steps, as a range test wants them."""

    def __init__(
        self,
        trainer: pl.Trainer,
        module: pl.LightningModule,
        optimizer: torch.optim.Optimizer,
        logged: dict[str, Any],
        names: Mapping[str, str],
    ):
        self.trainer, self.module, self.optimizer = trainer, module, optimizer
        self.logged, self.names = logged, names
        self.updates = 0
        self.metrics = [part for part in module.modules() if isinstance(part, Metric)]

    def update(self, batch: Any) -> Tensor:
        """An update as Lightning makes it: precision, clipping and strategy included."""
        strategy, found = self.trainer.strategy, []

        def closure() -> Tensor:
            self.optimizer.zero_grad()
            told = strategy.training_step(batch, self.updates)
            loss = told["loss"] if isinstance(told, Mapping) else told
            if not isinstance(loss, Tensor):
                raise Mistake("RangeTest: training_step returned no loss")
            found.append(loss.detach())
            strategy.backward(loss, self.optimizer)
            return loss

        strategy.optimizer_step(self.optimizer, closure, model=self.module)
        self.updates += 1
        return found[0]

    def validation(self) -> Any:
        """The validation loader, None where the run has none."""
        loop = self.trainer.fit_loop.epoch_loop.val_loop
        loop.setup_data()
        return single(self.trainer.val_dataloaders, "val_dataloaders")

    def measure(self, module: pl.LightningModule, batch: Any) -> dict[str, Any]:
        """What `validation_step` logs of a batch. Raises Mistake where it does not log it."""
        self.reset()
        self.logged.clear()
        with self.trainer.strategy.precision_plugin.val_step_context():
            module.validation_step(batch, 0)
        for name in self.names.values():
            if name not in self.logged:
                raise Mistake(
                    f"RangeTest: validation_step logs no {name}; it logs "
                    f"{', '.join(self.logged) or 'nothing'} (settings loss= and accuracy=)"
                )
        values = {name: self.logged[told] for name, told in self.names.items()}
        found = {k: v.compute() if isinstance(v, Metric) else v for k, v in values.items()}
        self.reset()
        return found

    def reset(self) -> None:
        """Metrics begin anew."""
        for metric in self.metrics:
            metric.reset()


@contextmanager
def silenced(module: pl.LightningModule) -> Iterator[dict[str, Any]]:
    """What the module logs goes into the mapping instead of to its trainer."""
    logged: dict[str, Any] = {}

    def log(name: str, value: Any, *args: Any, **settings: Any) -> None:
        logged[name] = value

    def log_dict(values: Mapping[str, Any], *args: Any, **settings: Any) -> None:
        logged.update(values)

    module.__dict__ |= {"log": log, "log_dict": log_dict}  # before those of its class
    try:
        yield logged
    finally:
        del module.__dict__["log"], module.__dict__["log_dict"]


@contextmanager
def alone(trainer: pl.Trainer) -> Iterator[None]:
    """No callback is called, and loggers get nothing."""
    callbacks, loggers = trainer.callbacks, trainer.loggers  # type: ignore[attr-defined]
    trainer.callbacks = []  # type: ignore[attr-defined]
    trainer.loggers = [DummyLogger() for _ in loggers]
    try:
        yield
    finally:
        trainer.callbacks = callbacks  # type: ignore[attr-defined]
        trainer.loggers = loggers


def only_optimizer(trainer: pl.Trainer, who: str) -> torch.optim.Optimizer:
    """The run's optimiser. Raises Mistake for several."""
    if len(trainer.optimizers) != 1:
        raise Mistake(f"{who}: the run has {len(trainer.optimizers)} optimisers; expected one")
    return trainer.optimizers[0]


def single(loaders: Any, name: str) -> Any:
    """A trainer's one loader, None where there is none. Raises Mistake for several."""
    if isinstance(loaders, list | tuple) and len(loaders) == 1:
        return loaders[0]
    if isinstance(loaders, list | tuple | Mapping):
        raise Mistake(f"RangeTest: {len(loaders)} {name}; expected one")
    return loaders
