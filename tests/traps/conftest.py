"""Small real runs on the digits, and what their optimiser was told."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from small_runs import UPDATES

from disciplined.optimizers.sgd import SGD
from disciplined.training import parts


@pytest.fixture(autouse=True)
def _no_picture(no_picture: None) -> None:
    """No test here looks at it."""


@pytest.fixture
def settings(tmp_path: Path) -> Callable[..., list[str]]:
    """The overrides of a run of twelve updates, with a checkpoint after each."""

    def of(*overrides: str) -> list[str]:
        return [
            "model=three_layer",
            "dataset=digits",
            f"duration={UPDATES}it",
            "schedule=onecycle",
            "schedule.base_lr=0.001",
            "schedule.max_lr=0.01",
            "schedule.stepsize=4it",
            "momentum=constant",
            "total_batch_size=64",
            "evaluate_every=4it",
            "precision=fp32",
            "trainer=cpu",
            "trainer.threads=1",
            "trainer.checkpoint_seconds=0",
            f"output_dir={tmp_path}",
            *overrides,
        ]

    return of


@pytest.fixture
def told(monkeypatch) -> list[dict[str, float]]:
    """What the optimiser is told before every micro-batch."""
    values: list[dict[str, float]] = []
    schedule = SGD.schedule

    def spy(self: SGD, **given: float) -> None:
        values.append(given)
        schedule(self, **given)

    monkeypatch.setattr(SGD, "schedule", spy)
    return values


@pytest.fixture
def stopped_by(monkeypatch) -> Callable[[Callable[[Any, int], None]], None]:
    """Calls `strike(trainer, batch_idx)` before every micro-batch of the runs that follow."""

    def struck(strike: Callable[[Any, int], None]) -> None:
        class Struck(parts.Progress):
            def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
                strike(trainer, batch_idx)

        monkeypatch.setattr(parts, "Progress", Struck)

    return struck
