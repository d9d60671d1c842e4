"""What range tests are tried on, and the 1cycle run that says what a rate is worth."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset

from disciplined.data.cifar import cifar10
from disciplined.data.digits import digits
from disciplined.data.images import ImageSet
from disciplined.data.mnist import mnist
from disciplined.models.lenet import LeNet
from disciplined.schedules.cycles import onecycle
from disciplined.tuning.scheduler import Scheduler

BATCH = 64
LR = 0.01  # what an optimiser is made with; every finder puts its own in its place
MOMENTUM, DECAY = 0.9, 5e-4

Suggestions = dict[str, float | None]  # a finder's, by the name of the rule: a rate or nothing


@dataclass(frozen=True)
class Problem:
    """Images and a network. images: training images, the first of a fixed permutation; the next
    `validation` are held out of them; the test set is the data set's own. `epochs` of 1cycle."""

    name: str
    load: Callable[[str], ImageSet]
    network: Callable[[int], nn.Module]
    images: int
    validation: int
    epochs: int


@dataclass(frozen=True)
class Parts:
    """The three parts of a problem's images, fp32 [N,C,H,W], of the training part's mean 0 and
    variance 1."""

    train: TensorDataset
    validation: TensorDataset
    test: TensorDataset


@dataclass
class Attempt:
    """What a finder or a run starts from, made anew by `attempt`."""

    model: nn.Module
    optimizer: torch.optim.Optimizer
    train: DataLoader
    validation: DataLoader


@cache
def parts(problem: Problem, data_dir: str) -> Parts:
    """A problem's images. Raises Mistake where its files are not in `data_dir`."""
    found = problem.load(data_dir)
    order = torch.from_numpy(np.random.default_rng(0).permutation(len(found.train_images)))
    held_out = order[problem.images : problem.images + problem.validation]
    chosen = order[: problem.images]
    pixels = found.train_images[chosen].float()
    mean, std = pixels.mean(), pixels.std()

    def part(images: torch.Tensor, labels: torch.Tensor) -> TensorDataset:
        return TensorDataset((images.float() - mean) / std, labels.long())

    return Parts(
        part(found.train_images[chosen], found.train_labels[chosen]),
        part(found.train_images[held_out], found.train_labels[held_out]),
        part(found.test_images, found.test_labels),
    )


def attempt(problem: Problem, of: Parts, seed: int) -> Attempt:
    """A seed's weights, optimiser and loaders.

    The rows themselves are permuted by the seed: a finder that seeds the loader's generator, as
    ours does, sees other batches for every seed all the same.
    """
    torch.manual_seed(seed)
    images, labels = of.train.tensors
    model = problem.network(images.shape[1]).to(memory_format=torch.channels_last)
    rows = torch.from_numpy(np.random.default_rng(seed).permutation(len(labels)))
    shuffled = TensorDataset(images[rows], labels[rows])
    order = torch.Generator().manual_seed(seed)
    return Attempt(
        model,
        descent(model),
        DataLoader(shuffled, BATCH, shuffle=True, drop_last=True, generator=order),
        DataLoader(of.validation, 500),
    )


def descent(model: nn.Module) -> torch.optim.SGD:
    """The optimiser of every test and run."""
    return torch.optim.SGD(model.parameters(), lr=LR, momentum=MOMENTUM, weight_decay=DECAY)


def trained(problem: Problem, of: Attempt, test: TensorDataset, max_lr: float) -> dict[str, float]:
    """1cycle from a tenth of `max_lr`: accuracy on `validation`, and on the test set."""
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
    return {
        "validation": accuracy(of.model, of.validation),
        "accuracy": accuracy(of.model, DataLoader(test, 500)),
    }


def accuracy(model: nn.Module, images: DataLoader) -> float:
    """The share of images whose largest output is their label's."""
    model.eval()
    right = count = 0
    with torch.no_grad():
        for batch, labels in images:
            right += int((model(batch).argmax(1) == labels).sum())
            count += len(labels)
    return right / count


def convolutions(channels: int) -> nn.Module:
    """Three 3×3 convolutions (16, 32, 64) with batch norm, ReLU and pooling, and a linear layer."""
    layers: list[nn.Module] = []
    for before, after in ((channels, 16), (16, 32), (32, 64)):
        layers += [nn.Conv2d(before, after, 3, padding=1, bias=False), nn.BatchNorm2d(after)]
        layers += [nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


def lenet(channels: int) -> nn.Module:
    """Caffe's LeNet, without its multipliers, which none of the libraries would know of."""
    return LeNet((channels, 28, 28), 10)


def eight_by_eight(_: str) -> ImageSet:
    """scikit-learn's digits, which lie in no folder."""
    return digits()


PROBLEMS = {
    one.name: one
    for one in (
        Problem("digits", eight_by_eight, convolutions, 1077, 360, 15),
        Problem("mnist", mnist, lenet, 5000, 1000, 3),
        Problem("cifar10", cifar10, convolutions, 5000, 1000, 5),
    )
}
