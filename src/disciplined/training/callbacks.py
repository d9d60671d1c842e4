"""Around a training step: rates set, rows written, checkpoints kept, signals and progress."""

import signal
import sys
import time
from collections.abc import Callable
from typing import Any

import pytorch_lightning as pl
import torch
from tqdm import tqdm

from disciplined.training import checkpoint
from disciplined.training.batches import Batch
from disciplined.training.clock import Clock
from disciplined.training.evaluating import Evaluator
from disciplined.training.module import Training
from disciplined.training.record import Record, Row


class HyperParameters(pl.Callback):
    """Before every update: rate, momentum and decay as functions of the iteration."""

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Batch, batch_idx: int
    ) -> None:
        """Set what update `batch.iteration` uses (its micro-batches share it)."""
        assert isinstance(pl_module, Training)
        pl_module.set_hyper_parameters(int(batch_idx // trainer.accumulate_grad_batches))


class Rows(pl.Callback):
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
        self.diverged = False

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Put the evaluated images beside the network."""
        assert isinstance(pl_module, Training)
        self.evaluators = self.make(pl_module)

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """After update t: measure where t is due."""
        assert isinstance(pl_module, Training)
        updates, rest = divmod(batch_idx + 1, trainer.accumulate_grad_batches)
        due = updates % self.every == 0 or updates == pl_module.plan.iterations
        # Asking a GPU or another process costs a wait, so only where a row is due; a CPU tells.
        free = pl_module.device.type == "cpu" and trainer.world_size == 1
        if rest or not (due or free):
            return
        if pl_module.divergence() is not None:
            self.diverged = trainer.should_stop = True
        elif due:
            with self.clock.paused():
                self.measure(trainer, pl_module, updates)

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
        if trainer.is_global_zero:
            self.record.append(row)
            for listener in self.listeners:
                listener(row)


def share_buffers(module: Training) -> None:
    """Evaluate with the running statistics of the first device, as the author's Caffe did."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        for buffer in module.network.buffers():
            torch.distributed.broadcast(buffer, 0)


class Checkpoints(pl.Callback):
    """A checkpoint every so many seconds, at the end, and before a signal ends the process.

    Stands behind `rows` among the callbacks, so that a checkpoint's rows are on the disk before it.
    """

    def __init__(self, record: Record, seconds: float, rows: Rows):
        self.record, self.seconds, self.rows = record, seconds, rows
        self.saved = time.monotonic()

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Between two updates: save where it is due by the clock of rank 0; never a divergence."""
        assert isinstance(pl_module, Training)
        updates, rest = divmod(batch_idx + 1, trainer.accumulate_grad_batches)
        if rest or self.rows.diverged:
            return
        due = time.monotonic() - self.saved >= self.seconds or trainer.should_stop
        if trainer.world_size > 1:
            # asking costs a broadcast, so only where rows are measured anyway
            due = updates % self.rows.every == 0 and trainer.strategy.broadcast(due)
        if due or updates == pl_module.plan.iterations:
            with self.rows.clock.paused():
                checkpoint.save(trainer, self.record.checkpoints, updates)
            self.saved = time.monotonic()


class Signals(pl.Callback):
    """SIGINT and SIGTERM end the run after the update in progress, saved; a second one ends it now.

    `received` is the signal's number, or None. Several processes must stop together whichever of
    them the signal reached, so they agree on it every `every` updates, where they meet anyway.
    """

    def __init__(self, every: int) -> None:
        self.every = every
        self.received: int | None = None
        self.before = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)}

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Take the signals over from Python and from Lightning, whose SIGTERM saves nothing."""
        for number in self.before:
            signal.signal(number, self.receive)

    def receive(self, number: int, frame: Any) -> None:
        """Remember the signal; the next batch end acts on it."""
        if self.received is not None:
            raise KeyboardInterrupt
        self.received = number

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Stop once the update is whole."""
        updates, rest = divmod(batch_idx + 1, trainer.accumulate_grad_batches)
        if rest:
            return
        if trainer.world_size > 1:
            if updates % self.every:
                return
            number = torch.tensor(self.received or 0, device=pl_module.device)
            torch.distributed.all_reduce(number, op=torch.distributed.ReduceOp.MAX)
            self.received = int(number) or None
        if self.received is not None:
            trainer.should_stop = True

    def release(self) -> None:
        """Give the signals back."""
        for number, handler in self.before.items():
            signal.signal(number, handler)


class Progress(pl.Callback):
    """The progress bar: loss, accuracy, rate, momentum and images per second, twice a second.

    Only a refresh waits for the device. Silent where standard error is no terminal, but for a line
    at every tenth of the run.
    """

    def __init__(self, iterations: int):
        self.iterations = iterations
        self.bar: Any = None
        self.started = self.shown = 0.0
        self.first = 0
        self.text = ""
        self.tenth = 0

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Begin counting after set-up, from where the run resumes."""
        self.first = trainer.global_step
        self.started = time.monotonic()
        self.bar = tqdm(
            total=self.iterations,
            initial=self.first,
            unit="it",
            disable=not sys.stderr.isatty(),
            dynamic_ncols=True,
        )

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Refresh where the last one is half a second ago."""
        assert isinstance(pl_module, Training)
        now = time.monotonic()
        updates = (batch_idx + 1) // trainer.accumulate_grad_batches
        if now - self.shown < 0.5 and updates < self.iterations:
            return
        self.shown = now
        plan = pl_module.plan
        loss, correct, count = pl_module.sums.tolist()
        if count:
            self.text = f"loss {loss / count:.3f} acc {correct / count:.3f}"
        rate = (updates - self.first) * plan.total_batch_size / (now - self.started)
        words = (
            f"{self.text} lr {plan.learning_rate.value(updates):.3g} "
            f"mom {plan.momentum.value(updates):.3g} {rate:,.0f} images/s"
        )
        self.bar.set_postfix_str(words, refresh=False)
        self.bar.update(updates - self.bar.n)
        tenth = 10 * updates // self.iterations
        if self.bar.disable and tenth > self.tenth:
            self.tenth = tenth
            print(f"{updates}/{self.iterations} {words}", file=sys.stderr, flush=True)

    def close(self) -> None:
        """End the bar's line."""
        if self.bar is not None:
            self.bar.close()
