"""Lightning callbacks: schedules that drive momentum and decay too, and a pure range test.

    trainer = Trainer(callbacks=[Schedules(lr=lambda n: onecycle(0.08, 0.8, 45 * n // 100, n))])
    trainer = Trainer(callbacks=[test := RangeTest(high=3.0, accuracy="val_acc")])

Both leave the LightningModule as it is.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch

from disciplined.mistakes import Mistake
from disciplined.schedules.segments import Schedule
from disciplined.tuning.driven import Driven
from disciplined.tuning.trial.lightning_steps import Steps, alone, silenced, single
from disciplined.tuning.trial.range_test import range_test
from disciplined.tuning.trial.result import RangeTestResult

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
    nowhere, other callbacks see nothing of the test, metrics and plain attributes of the module are
    put back; objects of other classes that it keeps are not. A run that is resumed, or
    `fast_dev_run`, is not tested. Data loaders with `persistent_workers` keep the seeds of the
    test. `result` is a `disciplined.tuning.trial.result.RangeTestResult`, None where none was
    run.

    Args:
        high, low, iterations, shape, over, points, seeds, stop, beside, validation_images: as of
            `disciplined.range_test`.
        loss, accuracy: the names under which `validation_step` logs them; without validation the
            training loss is read alone.
        apply: whether training then begins with the largest rate suggested; only with over="lr".
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
        self.result: RangeTestResult | None = None

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
        if self.apply and (over := self.settings.get("over", "lr")) != "lr":
            raise Mistake(f"RangeTest: apply=True: no {over} is read off a range test, only rates")
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
                move=steps.move,
                others=[scaler] if scaler is not None else [],
                **self.settings,
            )
            steps.reset()
        if trainer.is_global_zero:
            print(self.result)
            if self.file:
                self.result.figure(self.file)
        if self.apply and (found := self.result.suggested.max_lr) is not None:
            Driven(optimizer, "lr").set(found)


def only_optimizer(trainer: pl.Trainer, who: str) -> torch.optim.Optimizer:
    """The run's optimiser. Raises Mistake for several."""
    if len(trainer.optimizers) != 1:
        raise Mistake(f"{who}: the run has {len(trainer.optimizers)} optimisers; expected one")
    return trainer.optimizers[0]
