"""The same networks trained as others train them: plain PyTorch, fastai, Lightning's examples.

Each is written as its own tutorials write it: images through torchvision transforms in a
DataLoader with two workers, fp32, contiguous images, torch's own layers, the loss read at every
step. The peers' libraries are the `benchmark` dependency group; nothing else imports this file.
"""

import tempfile
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

from disciplined.benchmark.cases import LR, Case, Parts, Setting
from disciplined.benchmark.contenders import WARM, Contender
from disciplined.benchmark.means import PlainLRN
from disciplined.mistakes import Mistake
from disciplined.models.batch_norm import CaffeBatchNorm
from disciplined.models.lrn import WithinChannelLRN
from disciplined.training.clock import now

# packages whose versions matter to what is timed
PEERS = {
    "training": ("torchvision", "fastai"),
    "launchers": ("hydra-joblib-launcher",),
    "clusters": ("submitit", "hydra-submitit-launcher"),
    "ray": ("ray",),
    "finders": ("fastai", "torch-lr-finder"),
}
WORKERS = 2
AHEAD = 2 * WORKERS  # batches that the workers prepare beforehand


def missing(library: str) -> Mistake:
    """What to say where a peer's library is not installed."""
    return Mistake(
        f"contenders: {library} is not installed; uv sync --group benchmark, or name others"
    )


def plain_layers(network: nn.Module) -> nn.Module:
    """The network with torch's batch norm and the plain LRN in place of the papers'."""
    for name, module in list(network.named_children()):
        if isinstance(module, CaffeBatchNorm):
            setattr(network, name, nn.BatchNorm2d(len(module.weight)))
        elif isinstance(module, WithinChannelLRN):
            setattr(network, name, PlainLRN(module.size, module.alpha, module.beta))
        else:
            plain_layers(module)
    return network


class Pictures(Dataset):
    """Images one by one through torchvision's transforms, as its own data sets give them."""

    def __init__(self, parts: Parts, count: int):
        try:
            from torchvision import transforms  # pyright: ignore[reportMissingImports]
        except ImportError as error:
            raise missing("torchvision") from error

        train = parts.images.train_images
        self.images = train.permute(0, 2, 3, 1).numpy()
        self.labels = parts.images.train_labels.tolist()
        self.count = count
        channels = train.shape[1]
        steps: list[Any] = [transforms.ToTensor(), transforms.Normalize([0.5] * channels, [0.25])]
        if parts.plan.augmentation == "mirror":
            steps.insert(0, transforms.RandomHorizontalFlip())
        self.transform = transforms.Compose(steps)

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        from PIL import Image

        index %= len(self.labels)
        picture = self.images[index]
        image = Image.fromarray(picture[:, :, 0] if picture.shape[2] == 1 else picture)
        return self.transform(image), self.labels[index]  # pyright: ignore


def loader(case: Case, parts: Parts, setting: Setting, updates: int) -> DataLoader:
    """Shuffled batches for so many updates, and as many more as workers prepare meanwhile."""
    return DataLoader(
        Pictures(parts, (updates + AHEAD) * case.total_batch_size),
        batch_size=case.total_batch_size,
        shuffle=True,
        num_workers=WORKERS,
        pin_memory=setting.device == "gpu",
    )


def plain(case: Case, parts: Parts, setting: Setting) -> Contender:
    """A plain PyTorch loop with torch.optim.SGD and OneCycleLR."""
    device = setting.torch_device
    network = plain_layers(parts.network()).to(device)

    def train(updates: int) -> float:
        total = updates + WARM
        optimizer = torch.optim.SGD(network.parameters(), lr=LR, momentum=0.9, weight_decay=1e-4)
        scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, LR, total_steps=total + 1)
        criterion = nn.CrossEntropyLoss()
        running, started = 0.0, 0.0
        batches: Iterator = iter(loader(case, parts, setting, total))
        for t in range(total):
            images, labels = next(batches)
            if t == WARM:
                started = now(device)
            images, labels = images.to(device), labels.to(device)
            optimizer.zero_grad()
            loss = criterion(network(images), labels)
            loss.backward()
            optimizer.step()
            scheduler.step()
            running += loss.item()
        return now(device) - started

    return train


def lightning(case: Case, parts: Parts, setting: Setting) -> Contender:
    """A LightningModule as Lightning's examples have it: metrics logged at every step."""
    import pytorch_lightning as pl
    from torchmetrics.classification import MulticlassAccuracy

    class Example(pl.LightningModule):
        def __init__(self, total: int):
            super().__init__()
            self.model = plain_layers(parts.network())
            self.accuracy = MulticlassAccuracy(parts.cfg.dataset.classes)
            self.total = total

        def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
            images, labels = batch
            logits = self.model(images)
            loss = F.cross_entropy(logits, labels)
            self.accuracy(logits, labels)
            self.log("train_loss", loss, prog_bar=True)
            self.log("train_acc", self.accuracy, prog_bar=True)
            return loss

        def configure_optimizers(self) -> Any:
            optimizer = torch.optim.SGD(self.parameters(), lr=LR, momentum=0.9, weight_decay=1e-4)
            scheduler = torch.optim.lr_scheduler.OneCycleLR(
                optimizer, LR, total_steps=self.total + 1
            )
            return [optimizer], [{"scheduler": scheduler, "interval": "step"}]

    class Times(pl.Callback):
        seconds = 0.0

        def on_train_batch_start(self, trainer, pl_module, batch, batch_idx) -> None:
            if batch_idx == WARM:
                self.started = now(setting.torch_device)

        def on_train_end(self, trainer, pl_module) -> None:
            self.seconds = now(setting.torch_device) - self.started

    def train(updates: int) -> float:
        times = Times()
        with tempfile.TemporaryDirectory(dir=setting.folder) as folder:
            trainer = pl.Trainer(
                max_steps=updates + WARM,
                accelerator=setting.device,
                devices=1,
                callbacks=[times],
                default_root_dir=folder,
                enable_checkpointing=False,
                enable_model_summary=False,
                enable_progress_bar=False,  # no terminal to draw on here
            )
            trainer.fit(Example(updates + WARM), loader(case, parts, setting, updates + WARM))
        return times.seconds

    return train


def fastai(case: Case, parts: Parts, setting: Setting) -> Contender:
    """fastai's Learner.fit_one_cycle on a DataBlock of images."""
    try:
        from fastai.callback.core import Callback, CancelFitException  # pyright: ignore
    except ImportError as error:
        raise missing("fastai") from error
    from fastai.callback.schedule import fit_one_cycle  # noqa: F401  # pyright: ignore
    from fastai.data import transforms  # pyright: ignore[reportMissingImports]
    from fastai.data.block import CategoryBlock, DataBlock  # pyright: ignore
    from fastai.learner import Learner  # pyright: ignore
    from fastai.metrics import accuracy  # pyright: ignore
    from fastai.vision.augment import Flip  # pyright: ignore
    from fastai.vision.core import PILImage, PILImageBW  # pyright: ignore
    from fastai.vision.data import ImageBlock  # pyright: ignore

    images = parts.images.train_images.permute(0, 2, 3, 1).numpy()
    labels = parts.images.train_labels.tolist()
    grey = images.shape[3] == 1
    kind = PILImageBW if grey else PILImage
    device = setting.torch_device

    class Times(Callback):
        seconds = started = 0.0
        updates = 0

        def before_batch(self) -> None:
            if self.training and self.iter == WARM:
                self.started = now(device)

        def after_batch(self) -> None:
            if self.training and self.iter == WARM + self.updates - 1:
                self.seconds = now(device) - self.started
                raise CancelFitException

    def train(updates: int) -> float:
        count = (updates + WARM + AHEAD) * case.total_batch_size
        block = DataBlock(
            blocks=[ImageBlock(kind), CategoryBlock],  # pyright: ignore[reportArgumentType]
            get_x=lambda i: kind.create(images[i % len(images)].squeeze()),
            get_y=lambda i: labels[i % len(labels)],
            splitter=transforms.IndexSplitter(range(count, count + 10)),
            batch_tfms=[
                *([Flip()] if parts.plan.augmentation == "mirror" else []),
                transforms.Normalize.from_stats([0.5] * images.shape[3], [0.25] * images.shape[3]),
            ],
        )
        loaders = block.dataloaders(
            range(count + 10), bs=case.total_batch_size, num_workers=WORKERS, device=device
        )
        times = Times()
        times.updates = updates
        learner = Learner(
            loaders, plain_layers(parts.network()), loss_func=F.cross_entropy, metrics=accuracy
        )
        with learner.no_bar(), learner.no_logging():
            learner.fit_one_cycle(1, LR, cbs=[times])
        return times.seconds

    return train
