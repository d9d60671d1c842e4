"""Range tests beside each other: the rate each suggests, and what 1cycle comes to with it.

Same network, initial values, batches and number of updates; each library as its own page uses it,
its own default suggestion taken as the largest rate of 1cycle. The best of a grid of rates stands
beside them. Accuracy is that of held-out images, at the end. The peers' libraries are the
`benchmark` dependency group.
"""

import copy
import logging
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset

from disciplined import range_test
from disciplined.data.cifar import cifar10
from disciplined.data.digits import digits
from disciplined.data.images import ImageSet
from disciplined.data.mnist import mnist
from disciplined.mistakes import Mistake
from disciplined.schedules.cycles import onecycle
from disciplined.tuning.scheduler import Scheduler

UPDATES = 100  # of every range test: what Lightning, fastai and torch-lr-finder take unasked
LOWEST, HIGHEST = 1e-7, 10.0  # fastai's and torch-lr-finder's ends
BATCH = 64
GRID = [1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3, 1.0, 3.0]


@dataclass(frozen=True)
class Problem:
    """Images and a network. images: the training images used, the first of a fixed permutation;
    as many are validated on as `held_out`; `epochs` of 1cycle follow the test."""

    name: str
    load: Callable[[str], ImageSet]
    network: Callable[[int], nn.Module]
    images: int
    held_out: int
    epochs: int

    def parts(self, data_dir: str) -> tuple[TensorDataset, TensorDataset]:
        """Training and validation images, each of mean 0 and variance 1, contiguous fp32."""
        found = self.load(data_dir)
        order = np.random.default_rng(0).permutation(len(found.train_images))
        chosen = torch.from_numpy(order[: self.images + self.held_out])
        pixels = found.train_images[chosen].float()
        pixels = (pixels - pixels.mean()) / pixels.std()
        labels = found.train_labels[chosen].long()
        train, rest = slice(0, self.images), slice(self.images, None)
        return (
            TensorDataset(pixels[train], labels[train]),
            TensorDataset(pixels[rest], labels[rest]),
        )


def convolutions(channels: int, width: int, norm: bool) -> nn.Module:
    """Three convolutions with pooling and a linear layer, plain torch."""
    layers: list[nn.Module] = []
    for before, after in ((channels, width), (width, width), (width, 2 * width)):
        layers += [nn.Conv2d(before, after, 3, padding=1, bias=not norm)]
        layers += [nn.BatchNorm2d(after)] if norm else []
        layers += [nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2 * width, 10))


PROBLEMS = {
    one.name: one
    for one in (
        Problem("digits", lambda _: digits(), lambda c: convolutions(c, 32, True), 1077, 360, 10),
        Problem("mnist", mnist, lambda c: convolutions(c, 16, False), 5000, 2000, 4),
        Problem("cifar10", cifar10, lambda c: convolutions(c, 32, True), 5000, 2000, 8),
    )
}


@dataclass
class Attempt:
    """What a finder starts from, made anew by `attempt` for every seed."""

    model: nn.Module
    optimizer: torch.optim.Optimizer
    train: DataLoader
    validation: DataLoader


def attempt(problem: Problem, parts: tuple[TensorDataset, TensorDataset], seed: int) -> Attempt:
    """Weights, optimiser and loaders of a seed."""
    torch.manual_seed(seed)
    model = problem.network(parts[0].tensors[0].shape[1])
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4)
    order = torch.Generator().manual_seed(seed)
    train = DataLoader(parts[0], BATCH, shuffle=True, drop_last=True, generator=order)
    return Attempt(model, optimizer, train, DataLoader(parts[1], 500))


def linear(of: Attempt) -> float | None:
    """Ours as Smith's: in a straight line up to 1, read by validation."""
    found = range_test(
        of.model, of.optimizer, of.train, validation=of.validation, high=1.0, iterations=UPDATES
    )
    return found.suggested.max_lr


def exponential(of: Attempt) -> float | None:
    """Ours as Howard's: over the decades that the others take, read by validation."""
    found = range_test(
        *(of.model, of.optimizer, of.train),
        validation=of.validation,
        low=LOWEST,
        high=HIGHEST,
        iterations=UPDATES,
        shape="exponential",
    )
    return found.suggested.max_lr


def lightning(of: Attempt) -> float | None:
    """Lightning's Tuner.lr_find with its defaults (1e-8 to 1)."""
    import pytorch_lightning as pl
    from pytorch_lightning.tuner.tuning import Tuner

    class Module(pl.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.network, self.lr = of.model, 0.01

        def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
            return cross_entropy(self.network(batch[0]), batch[1])

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.SGD(self.parameters(), lr=self.lr, momentum=0.9, weight_decay=5e-4)

    with TemporaryDirectory() as folder, quiet():
        trainer = pl.Trainer(
            accelerator="cpu",
            default_root_dir=folder,
            logger=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        found = Tuner(trainer).lr_find(Module(), of.train, num_training=UPDATES)
    return found.suggestion() if found is not None else None


def fastai(of: Attempt) -> float | None:
    """fastai's Learner.lr_find with its defaults (1e-7 to 10, valley)."""
    try:
        # these two give the learner its no_bar and its lr_find
        import fastai.callback.progress  # pyright: ignore[reportMissingImports]
        import fastai.callback.schedule  # noqa: F401  # pyright: ignore[reportMissingImports]
        from fastai.data.core import DataLoaders  # pyright: ignore[reportMissingImports]
        from fastai.learner import Learner  # pyright: ignore[reportMissingImports]
        from fastai.optimizer import SGD  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise missing("fastai") from error
    with TemporaryDirectory() as folder, quiet():
        learner = Learner(
            DataLoaders(of.train, of.validation),
            of.model,
            loss_func=nn.CrossEntropyLoss(),
            opt_func=lambda weights, **told: SGD(weights, mom=0.9, wd=5e-4, **told),
            path=Path(folder),
        )
        with learner.no_bar():
            found = learner.lr_find(num_it=UPDATES, show_plot=False)
    return float(found.valley)


def torch_lr_finder(of: Attempt) -> float | None:
    """torch-lr-finder's range_test to 10 with its defaults; the steepest gradient it suggests."""
    try:
        from torch_lr_finder import LRFinder  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise missing("torch-lr-finder") from error
    import matplotlib

    matplotlib.use("Agg")
    for group in of.optimizer.param_groups:
        group["lr"] = LOWEST  # the rate it starts from is the optimiser's
    with quiet():
        finder = LRFinder(of.model, of.optimizer, nn.CrossEntropyLoss(), device="cpu")
        finder.range_test(of.train, end_lr=HIGHEST, num_iter=UPDATES)
        _, found = finder.plot(suggest_lr=True)
        finder.reset()
    return found


FINDERS: dict[str, Callable[[Attempt], float | None]] = {
    "range_test, linear": linear,
    "range_test, exponential": exponential,
    "Lightning lr_find": lightning,
    "fastai lr_find": fastai,
    "torch-lr-finder": torch_lr_finder,
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


def trained(problem: Problem, of: Attempt, max_lr: float) -> float:
    """Validation accuracy after 1cycle from a tenth of `max_lr` up to it and down to 0."""
    duration = problem.epochs * len(of.train)
    rate = onecycle(max_lr / 10, max_lr, duration * 45 // 100, duration)
    scheduler = Scheduler(of.optimizer, lr=rate)
    of.model.train()
    for _ in range(problem.epochs):
        for images, labels in of.train:
            of.optimizer.zero_grad()
            cross_entropy(of.model(images), labels).backward()
            of.optimizer.step()
            scheduler.step()
    of.model.eval()
    right = count = 0
    with torch.no_grad():
        for images, labels in of.validation:
            right += int((of.model(images).argmax(1) == labels).sum())
            count += len(labels)
    return right / count


@dataclass(frozen=True)
class Found:
    """One finder on one problem and seed; `accuracy` None where it suggested nothing."""

    finder: str
    seed: int
    lr: float | None
    seconds: float
    accuracy: float | None


def measured(
    problem: Problem, finders: list[str], seeds: int, data_dir: str, tell: Callable[[str], None]
) -> dict[str, list]:
    """Every finder on every seed, taking turns, and the grid: `found` and `grid` (rate, seed,
    accuracy), as the record keeps them."""
    parts = problem.parts(data_dir)
    found: list[Found] = []
    grid: list[tuple[float, int, float]] = []
    for seed in range(seeds):
        for name in finders:
            of = attempt(problem, parts, seed)
            start = time.perf_counter()
            lr = FINDERS[name](of)
            seconds = time.perf_counter() - start
            accuracy = None
            if lr is not None and np.isfinite(lr) and lr > 0:
                accuracy = trained(problem, attempt(problem, parts, seed), lr)
            found.append(Found(name, seed, lr, seconds, accuracy))
            tell(f"{problem.name}, seed {seed}: {name}: {lr}, {accuracy}, {seconds:.1f} s")
        for lr in GRID:
            grid.append((lr, seed, trained(problem, attempt(problem, parts, seed), lr)))
    return {"found": [copy.copy(vars(one)) for one in found], "grid": grid}
