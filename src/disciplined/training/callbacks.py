"""Around a training step: hyper-parameters set before it, a row of metrics measured after it."""

from collections.abc import Callable

import pytorch_lightning as pl
import torch

from disciplined.data.randomness import Purpose, words
from disciplined.schedules.plateau import Plateau
from disciplined.training.batches import Batch
from disciplined.training.clock import Clock
from disciplined.training.evaluating import Evaluator
from disciplined.training.module import Training
from disciplined.training.planning import Plan
from disciplined.training.record import Record
from disciplined.training.rows import Row
from disciplined.training.updates import AfterUpdate


class HyperParameters(pl.Callback):
    """Before every update: rate, momentum, decay and random state as functions of the iteration.

    So a resumed run drops out what the uninterrupted one would have, on every process.
    """

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Batch, batch_idx: int
    ) -> None:
        """Set what this update uses (its micro-batches share it).

        By the number of the batch, which the host knows: asking `batch` would wait for the device.
        """
        assert isinstance(pl_module, Training)
        pl_module.set_hyper_parameters(int(batch_idx // trainer.accumulate_grad_batches))
        place = batch_idx * trainer.world_size + trainer.global_rank
        number = int(words(Purpose.LAYERS, pl_module.plan.asked["seed"], place, 1)[0])
        # torch.manual_seed would take ten times as long, to tell devices that are not used
        torch.default_generator.manual_seed(number)
        if pl_module.device.type == "cuda":
            torch.cuda.default_generators[pl_module.device.index or 0].manual_seed(number)


class Rows(AfterUpdate):
    """A row of metrics every `every` updates and at the end; stops a run that has diverged.

    Args:
        record: where rows go (rank 0 writes).
        evaluators: `{"val": ..., "test": ...}`, made once the data is on the device.
        listeners: called with each row (a logger, the progress bar).
        clock: paused meanwhile.
    """

    def __init__(
        self,
        record: Record,
        every: int,
        evaluators: Callable[[Training], dict[str, Evaluator]],
        listeners: list[Callable[[Row], None]],
        clock: Clock,
    ):
        self.record, self.every, self.make, self.listeners = record, every, evaluators, listeners
        self.clock = clock
        self.evaluators: dict[str, Evaluator] = {}
        self.rows: list[Row] = []
        self.diverged = False

    @property
    def last(self) -> Row | None:
        """The last row measured, or None."""
        return self.rows[-1] if self.rows else None

    def resume(self, rows: list[Row], plan: Plan) -> None:
        """Go on behind these."""
        self.rows = rows
        if isinstance(plan.learning_rate, Plateau):
            plan.learning_rate.measured(rows)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Put the evaluated images beside the network."""
        assert isinstance(pl_module, Training)
        self.evaluators = self.make(pl_module)

    def after_update(self, trainer: pl.Trainer, module: Training, updates: int) -> None:
        """After update t: measure where t is due."""
        due = updates % self.every == 0 or updates == module.plan.iterations
        # Asking a GPU or another process costs a wait, so only where a row is due; a CPU tells.
        free = module.device.type == "cpu" and trainer.world_size == 1
        if not (due or free):
            return
        if module.divergence() is not None:
            self.diverged = trainer.should_stop = True
        elif due:
            with self.clock.paused():
                self.measure(trainer, module, updates)

    def measure(self, trainer: pl.Trainer, module: Training, updates: int) -> None:
        """Evaluate, and write the row of iteration `updates`."""
        plan = module.plan
        share_buffers(module)
        train_loss, train_accuracy = module.take_sums()
        row: Row = {
            "iteration": updates,
            "epoch": updates * plan.total_batch_size / plan.train_images,
            "lr": plan.learning_rate.value(updates),
            "momentum": plan.momentum.value(updates),
            "weight_decay": plan.weight_decay.value(updates),
            "train_loss": train_loss,
            "train_accuracy": train_accuracy,
        }
        # the number of this evaluation, counted from the run's start also after a resumption
        evaluation = -(-updates // self.every) - 1
        for split, evaluate in self.evaluators.items():
            loss, accuracy = evaluate(module.forward_pass, module.pixels, evaluation)
            row[f"{split}_loss"], row[f"{split}_accuracy"] = loss, accuracy
        self.rows.append(row)
        if isinstance(plan.learning_rate, Plateau):  # the rate that this row leads to
            plan.learning_rate.measured(self.rows)
            row["lr"] = plan.learning_rate.value(updates)
        if trainer.is_global_zero:
            self.record.append(row)
            for listener in self.listeners:
                listener(row)


def share_buffers(module: Training) -> None:
    """Evaluate with the running statistics of the first device, as the author's Caffe did."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        for buffer in module.network.buffers():
            torch.distributed.broadcast(buffer, 0)
