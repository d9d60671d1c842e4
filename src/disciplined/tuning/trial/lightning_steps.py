"""A LightningModule's own training and validation steps, as a range test wants them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers.logger import DummyLogger
from pytorch_lightning.trainer.states import RunningStage
from pytorch_lightning.utilities.signature_utils import is_param_in_hook_signature
from torch import Tensor
from torchmetrics import Metric

from disciplined.mistakes import Mistake


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

    def move(self, batch: Any) -> Any:
        """A batch as Lightning gives it to a step: in the run's precision, through the hooks of the
        module or data module, which may ask the trainer whether it trains or validates."""
        stage = RunningStage.TRAINING if self.module.training else RunningStage.VALIDATING
        self.trainer.state.stage = stage
        batch = self.trainer.precision_plugin.convert_input(batch)
        batch = self.module._on_before_batch_transfer(batch, dataloader_idx=0)
        return self.trainer.strategy.batch_to_device(batch, dataloader_idx=0)

    def update(self, batch: Any) -> Tensor:
        """An update as Lightning makes it: precision, clipping and strategy included."""
        strategy, found = self.trainer.strategy, []

        def closure() -> Tensor:
            self.optimizer.zero_grad()
            told = strategy.training_step(*self.numbered(self.module.training_step, batch))
            loss = told["loss"] if isinstance(told, Mapping) else told
            if not isinstance(loss, Tensor):
                raise Mistake("RangeTest: training_step returned no loss")
            found.append(loss.detach())
            strategy.backward(loss, self.optimizer)
            return loss

        strategy.optimizer_step(self.optimizer, closure, model=self.module)
        self.updates += 1
        return found[0]

    def numbered(self, step: Any, batch: Any) -> tuple[Any, ...]:
        """A step's arguments: the batch, and its number where the step takes one."""
        takes = is_param_in_hook_signature(step, "batch_idx", min_args=2)
        return (batch, self.updates) if takes else (batch,)

    def validation(self) -> Any:
        """The validation loader, None where the run has none."""
        loop = self.trainer.fit_loop.epoch_loop.val_loop
        loop.setup_data()
        return single(self.trainer.val_dataloaders, "val_dataloaders")

    def measure(self, module: pl.LightningModule, batch: Any) -> dict[str, Any]:
        """What `validation_step` logs of a batch. Raises Mistake where it does not log it."""
        self.reset()
        self.logged.clear()
        with self.trainer.precision_plugin.val_step_context():
            module.validation_step(*self.numbered(module.validation_step, batch))
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
    stage = trainer.state.stage
    trainer.callbacks = []  # type: ignore[attr-defined]
    trainer.loggers = [DummyLogger() for _ in loggers]
    try:
        yield
    finally:
        trainer.callbacks = callbacks  # type: ignore[attr-defined]
        trainer.loggers = loggers
        trainer.state.stage = stage


def single(loaders: Any, name: str) -> Any:
    """A trainer's one loader, None where there is none. Raises Mistake for several."""
    if isinstance(loaders, list | tuple) and len(loaders) == 1:
        return loaders[0]
    if isinstance(loaders, list | tuple | Mapping):
        raise Mistake(f"RangeTest: {len(loaders)} {name}; expected one")
    return loaders
