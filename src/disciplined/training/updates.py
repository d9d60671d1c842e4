"""What callbacks do behind whole updates, not behind each of an update's micro-batches."""

from abc import ABC, abstractmethod
from typing import Any, cast

import pytorch_lightning as pl

from disciplined.training.module import Training


class AfterUpdate(pl.Callback, ABC):
    """A callback whose `after_update` follows every update."""

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Count updates by the host's number of the batch."""
        updates, rest = divmod(batch_idx + 1, trainer.accumulate_grad_batches)
        if not rest:
            self.after_update(trainer, cast(Training, pl_module), updates)

    @abstractmethod
    def after_update(self, trainer: pl.Trainer, module: Training, updates: int) -> None:
        """What follows when `updates` updates have been made."""
