"""The callbacks in a user's own Trainer: what is driven, and a range test that leaves no trace."""

import copy
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from own_loop import Module, problem
from pytorch_lightning.loggers.logger import DummyLogger
from torch import nn
from torch.utils.data import DataLoader

from disciplined.mistakes import Mistake
from disciplined.schedules import momentum
from disciplined.schedules.cycles import onecycle
from disciplined.tuning.lightning import RangeTest, Schedules


def fit(folder: Path, *callbacks: pl.Callback, module: Any = Module, **settings: Any) -> Any:
    pl.seed_everything(3)
    module = module() if isinstance(module, type) else module
    told = {
        "logger": False,
        "max_epochs": 2,
        "gradient_clip_val": 1.0,
        "num_sanity_val_steps": 0,
    } | settings
    trainer = pl.Trainer(
        callbacks=list(callbacks),
        default_root_dir=folder,
        accelerator="cpu",
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        **told,
    )
    loader = DataLoader(problem(120), batch_size=20, shuffle=True)
    trainer.fit(module, loader, DataLoader(problem(50), batch_size=20))
    return module, trainer


def test_schedules_drive_rate_and_momentum_by_the_updates(tmp_path: Path):
    def rate(updates: int) -> Any:
        assert updates == 6
        return onecycle(0.01, 0.1, 2, updates)

    swing = momentum.cyclical(0.95, 0.85, 2, 6)
    module, _ = fit(tmp_path, Schedules(lr=rate, momentum=swing), accumulate_grad_batches=2)
    made = rate(6)
    expected = [(made.value(t), swing.value(t)) for t in range(6) for _ in range(2)]
    assert module.seen == expected


def test_a_range_test_before_training_leaves_no_trace(tmp_path: Path, capsys):
    plain, trainer = fit(tmp_path)
    logged = {k: float(v) for k, v in trainer.callback_metrics.items()}
    test = RangeTest(high=0.5, iterations=20, points=5, seeds=2, accuracy="val_acc")
    rates: list[float] = []

    class Telling(Module):
        def training_step(self, batch: Any) -> torch.Tensor:  # without a number
            rates.append(self.trainer.optimizers[0].param_groups[0]["lr"])
            return super().training_step(batch, 0)

    tested, trainer = fit(tmp_path, test, module=Telling)
    for name, value in plain.state_dict().items():
        assert torch.equal(value, tested.state_dict()[name]), name
    assert {k: float(v) for k, v in trainer.callback_metrics.items()} == logged
    assert tested.seen == plain.seen, "what it keeps in a plain attribute is put back"
    assert rates[:40] == pytest.approx([0.5 * t / 20 for t in range(20)] * 2)
    assert len(rates) == len(plain.seen) + 40
    assert trainer.global_step == 12 and not list(tmp_path.iterdir())
    assert test.result is not None and test.result.val_accuracy.shape == (2, 5)
    assert (test.result.val_accuracy > 0.3).all() and "lr" in capsys.readouterr().out


def test_other_callbacks_and_loggers_see_nothing_of_it(tmp_path: Path):
    calls: list[str] = []

    class Watching(pl.Callback):
        def on_before_optimizer_step(self, *_: Any) -> None:
            calls.append("step")

        def on_after_backward(self, *_: Any) -> None:
            calls.append("backward")

    class Talking(Module):
        def training_step(self, batch: Any, batch_idx: int) -> torch.Tensor:
            assert self.logger is not None
            self.logger.log_metrics({"seen": 1.0}, step=0)
            return super().training_step(batch, batch_idx)

    logged: list[dict] = []

    class Logger(DummyLogger):
        def log_metrics(self, metrics: Any, *_: Any, **__: Any) -> None:
            logged.append(metrics)

    test = RangeTest(high=0.1, iterations=5, points=1)
    fit(tmp_path, test, Watching(), module=Talking(), logger=Logger())
    assert calls == ["backward", "step"] * 12
    assert sum("seen" in one for one in logged) == 12


def test_what_is_measured_is_what_the_trainer_validates(tmp_path: Path):
    test = RangeTest(high=1e-9, iterations=2, points=1, accuracy="val_acc")
    module = Module()
    module.network[1] = nn.Identity()  # whose running statistics two updates would move
    before = copy.deepcopy(module)
    _, trainer = fit(tmp_path, test, module=module)
    (result,) = trainer.validate(before, DataLoader(problem(50), batch_size=20), verbose=False)
    assert test.result is not None
    assert test.result.val_loss[0, 0] == pytest.approx(result["val_loss"], rel=1e-5)
    assert test.result.val_accuracy[0, 0] == pytest.approx(result["val_acc"])


@pytest.mark.parametrize("precision", ["32-true", "bf16-true"])
def test_batches_come_as_lightning_gives_them(precision: Any, tmp_path: Path):
    """In the run's precision, through every hook, and the trainer says what it does meanwhile."""

    given: set[Any] = set()

    class Hooked(Module):
        def on_before_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
            return {"points": batch[0], "labels": batch[1]}

        def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
            points = batch["points"]
            given.add((self.trainer.training, self.trainer.validating, points.dtype))
            return points, batch["labels"]

    test = RangeTest(high=0.1, iterations=4, points=2)

    class Stopping(pl.Callback):
        def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
            assert trainer.training
            trainer.should_stop = True
            dtype = torch.bfloat16 if precision == "bf16-true" else torch.float32
            assert given == {(True, False, dtype), (False, True, dtype)}

    fit(tmp_path, test, Stopping(), module=Hooked, precision=precision)
    assert test.result is not None and (test.result.val_loss > 0).all()


def test_apply_begins_with_the_rate_found_and_a_picture_is_written(tmp_path: Path):
    test = RangeTest(
        high=3.0, iterations=60, accuracy="val_acc", apply=True, figure=tmp_path / "test.png"
    )
    module, _ = fit(tmp_path, test)
    assert test.result is not None
    found = test.result.suggested.max_lr
    assert found is not None and module.seen[-12][0] == pytest.approx(found)
    assert (tmp_path / "test.png").stat().st_size > 10_000


def test_mistakes(tmp_path: Path):
    with pytest.raises(Mistake, match="validation_step logs no val_lss; it logs val_loss, val_acc"):
        fit(tmp_path, RangeTest(high=1.0, iterations=2, loss="val_lss"))

    class Scheduled(Module):
        def configure_optimizers(self) -> Any:
            optimizer = super().configure_optimizers()
            return [optimizer], [torch.optim.lr_scheduler.ConstantLR(optimizer)]

    with pytest.raises(Mistake, match="own lr_scheduler drives the rate already"):
        fit(tmp_path, Schedules(lr=onecycle(0.1, 1.0, 2, 6)), module=Scheduled())
    with pytest.raises(Mistake, match="apply=True: the module's own lr_scheduler"):
        fit(tmp_path, RangeTest(high=1.0, iterations=2, apply=True), module=Scheduled())
    with pytest.raises(Mistake, match="no weight_decay is read off a range test"):
        decay = RangeTest(high=1.0, iterations=2, over="weight_decay", apply=True)
        fit(tmp_path, decay)
    with pytest.raises(Mistake, match="accumulate_grad_batches=2"):
        fit(tmp_path, RangeTest(high=1.0, iterations=2), accumulate_grad_batches=2)
    with pytest.raises(Mistake, match="the run has no end"):
        fit(tmp_path, Schedules(lr=lambda n: onecycle(0.1, 1.0, 2, n)), max_epochs=-1)
