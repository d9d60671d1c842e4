"""How each peer's range test is called: as its own page has it, with its own defaults.

The libraries are the `benchmark` dependency group; nothing else imports this file.
"""

import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from disciplined.benchmark.finders.problems import (
    DECAY,
    LR,
    MOMENTUM,
    Attempt,
    Suggestions,
    descent,
)
from disciplined.mistakes import Mistake

LOWEST = 1e-7  # fastai's; where torch-lr-finder's own example begins


def lightning(of: Attempt) -> Suggestions:
    """Lightning's Tuner.lr_find, 1e-8 to 1; its suggestion is the steepest descent."""
    import pytorch_lightning as pl
    from pytorch_lightning.tuner.tuning import Tuner

    class Module(pl.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.network, self.lr = of.model, LR

        def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
            return cross_entropy(self.network(batch[0]), batch[1])

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return descent(self)

    with TemporaryDirectory() as folder, quiet():
        trainer = pl.Trainer(
            accelerator="cpu",
            default_root_dir=folder,
            logger=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        found = Tuner(trainer).lr_find(Module(), of.train)
    return {"Lightning": found.suggestion() if found is not None else None}


def fastai(of: Attempt) -> Suggestions:
    """fastai's Learner.lr_find, 1e-7 to 10: the valley, its default, and two of its other rules."""
    try:
        # this gives the learner its no_bar, and the next its lr_find
        import fastai.callback.progress  # noqa: F401  # pyright: ignore[reportMissingImports]
        import fastai.callback.schedule as schedule  # pyright: ignore[reportMissingImports]
        from fastai.data.core import DataLoaders  # pyright: ignore[reportMissingImports]
        from fastai.learner import Learner  # pyright: ignore[reportMissingImports]
        from fastai.optimizer import SGD  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise missing("fastai") from error

    def optimizer(weights: Any, **told: Any) -> Any:
        told |= {"mom": MOMENTUM, "wd": DECAY, "decouple_wd": False}
        return SGD(weights, **told)

    methods: Any = schedule.SuggestionMethod  # pyright: ignore[reportAttributeAccessIssue]
    rules = ("Valley", "Minimum", "Steep")
    with TemporaryDirectory() as folder, quiet():
        learner = Learner(
            DataLoaders(of.train, of.validation),
            of.model,
            loss_func=nn.CrossEntropyLoss(),
            opt_func=optimizer,  # pyright: ignore[reportArgumentType]
            path=Path(folder),
        )
        with learner.no_bar():
            found = learner.lr_find(
                show_plot=False,
                suggest_funcs=tuple(getattr(methods, rule) for rule in rules),
            )
    return {f"fastai {rule.lower()}": float(getattr(found, rule.lower())) for rule in rules}


def torch_lr_finder(of: Attempt) -> Suggestions:
    """torch-lr-finder's range_test to 10; the steepest gradient that its plot suggests."""
    return {"torch-lr-finder": steepest(of, LOWEST)}


def torch_lr_finder_linear(of: Attempt) -> Suggestions:
    """torch-lr-finder's example of Smith's approach: 0.1 to 1, validated after every update."""
    smith = {"val_loader": of.validation, "end_lr": 1.0, "step_mode": "linear"}
    return {"torch-lr-finder, linear": steepest(of, 0.1, **smith)}


def steepest(of: Attempt, lowest: float, **how: Any) -> float | None:
    """What torch-lr-finder suggests; None where it stopped too early to suggest anything."""
    try:
        from torch_lr_finder import LRFinder  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise missing("torch-lr-finder") from error
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    for group in of.optimizer.param_groups:
        group["lr"] = lowest  # the rate it starts from is the optimiser's
    with quiet():
        finder: Any = LRFinder(of.model, of.optimizer, nn.CrossEntropyLoss(), device="cpu")
        finder.range_test(of.train, **how)
        try:
            _, found = finder.plot(suggest_lr=True)
        except RuntimeError:  # "Need at least 17 iterations to suggest a learning rate"
            found = None
        finder.reset()
    plt.close("all")
    return found


FINDERS: dict[str, Callable[[Attempt], Suggestions]] = {
    "Lightning": lightning,
    "fastai": fastai,
    "torch-lr-finder": torch_lr_finder,
    "torch-lr-finder, linear": torch_lr_finder_linear,
}


@contextmanager
def quiet() -> Iterator[None]:
    """What a library says of itself is not shown."""
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    with warnings.catch_warnings(), redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        warnings.simplefilter("ignore")
        yield


def missing(library: str) -> Mistake:
    """What to say where a peer's library is not installed."""
    return Mistake(f"contenders: {library} is not installed; uv sync --group benchmark")
