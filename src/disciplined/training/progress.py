"""What a run shows while it trains."""

import sys
import time
from typing import Any

import pytorch_lightning as pl
from tqdm import tqdm

from disciplined.command_line import tell
from disciplined.training.module import Training
from disciplined.training.rows import Row
from disciplined.training.updates import AfterUpdate


class Progress(AfterUpdate):
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

    def row(self, row: Row) -> None:
        """Show what a row measured: the sums behind it begin anew."""
        self.text = f"loss {row['train_loss']:.3f} acc {row['train_accuracy']:.3f}"

    def after_update(self, trainer: pl.Trainer, module: Training, updates: int) -> None:
        """Refresh where the last one is half a second ago."""
        now = time.monotonic()
        if now - self.shown < 0.5 and updates < self.iterations:
            return
        self.shown = now
        plan = module.plan
        loss, correct, count = module.sums.tolist()
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
            tell(f"{updates}/{self.iterations} {words}")

    def close(self) -> None:
        """End the bar's line."""
        if self.bar is not None:
            self.bar.close()
