"""The parts of a run, made from its config: device, data, network, optimiser, evaluators, loggers.

Each function answers one question of `disciplined.training.run` and raises `Mistake` for what the
settings get wrong; nothing here writes to the disk.
"""

from typing import Any

import pytorch_lightning as pl
import torch
from lightning_fabric.plugins.io import CheckpointIO
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning.strategies import DDPStrategy
from torch import nn

from disciplined.data.evaluation import Protocol
from disciplined.data.images import ImageSet, subset
from disciplined.data.pictures import Pictures
from disciplined.data.pixels import Pixels
from disciplined.data.stream import Stream
from disciplined.data.subsets import split
from disciplined.dotted import flat, group
from disciplined.mistakes import Mistake
from disciplined.optimizers.scheduled import Scheduled
from disciplined.training import machine
from disciplined.training.batches import Batches
from disciplined.training.environment import environment
from disciplined.training.evaluating import Evaluator
from disciplined.training.launch import ALONE, Ranks
from disciplined.training.module import Training
from disciplined.training.planning import Plan
from disciplined.training.targets import arguments, located


def chosen_device(cfg: DictConfig, ranks: Ranks) -> str:
    """`cpu` or `gpu`. Raises `Mistake` where a GPU is asked for and there is none."""
    there = torch.cuda.is_available()
    if cfg.trainer.accelerator.name == "gpu" and not there:
        raise Mistake(
            "trainer.accelerator=gpu: this machine has no GPU that torch sees; trainer=cpu"
        )
    if cfg.trainer.accelerator.name == "cpu" or not there:
        return "cpu"
    count = torch.cuda.device_count()
    if cfg.trainer.devices > count and not own_gpu(ranks):
        raise Mistake(f"trainer.devices={cfg.trainer.devices}: there are {count} GPUs")
    return "gpu"


def own_gpu(ranks: Ranks) -> bool:
    """Whether Slurm shows each of a node's processes one GPU, another to each."""
    return ranks.joined and torch.cuda.device_count() == 1


def device_name(device: str) -> str:
    """The device as the summary names it."""
    return torch.cuda.get_device_name() if device == "gpu" else "cpu"


def chosen_precision(cfg: DictConfig, device: str) -> str:
    """Lightning's word for the precision; `auto` is bf16 where the device multiplies in it."""
    asked = cfg.precision.name
    if asked == "auto":
        able = machine.multiplies_bf16() if device == "cpu" else torch.cuda.is_bf16_supported()
        asked = "bf16" if able else "fp32"
    return {"fp32": "32-true", "bf16": "bf16-mixed"}[asked]


def compiles(cfg: DictConfig, device: str, asked: Plan) -> bool:
    """Whether to compile: `auto` does on a GPU where the run is long enough to pay for it."""
    if cfg.trainer.compile.name != "auto":
        return cfg.trainer.compile.name == "always"
    return device == "gpu" and asked.iterations >= 2000


def strategy(cfg: DictConfig, device: str, ranks: Ranks) -> Any:
    """Lightning's strategy; DDP with static expectations: every parameter takes part, no copies."""
    if cfg.trainer.strategy == "ddp":
        only = [torch.device("cuda", 0)] * cfg.trainer.devices
        return DDPStrategy(
            parallel_devices=only if device == "gpu" and own_gpu(ranks) else None,
            broadcast_buffers=False,
            gradient_as_bucket_view=True,
        )
    if cfg.trainer.devices > 1 or cfg.trainer.num_nodes > 1:
        asked = f"trainer.devices={cfg.trainer.devices} trainer.num_nodes={cfg.trainer.num_nodes}"
        raise Mistake(f"{asked}: several devices need trainer=ddp")
    return cfg.trainer.strategy


def loaded(
    cfg: DictConfig, ranks: Ranks = ALONE
) -> tuple[ImageSet, tuple[Any, torch.Tensor] | None]:
    """The data set with only the training images in use, and the validation images held out."""
    function = located(cfg.dataset.load._target_, "dataset.load._target_")
    node = OmegaConf.to_container(cfg.dataset.load)
    assert isinstance(node, dict)
    given = {"workers": workers(cfg, ranks)}
    images: ImageSet = function(**arguments(function, node, "dataset.load", given=given))  # pyright: ignore
    if cfg.dataset.part:
        images = images.with_training(
            torch.arange(cfg.dataset.train_images) % len(images.train_images)
        )
    else:
        as_declared(cfg, images)
    if cfg.train_size is None and not cfg.dataset.validation:
        return images, None
    chosen, held_out = split(
        images.train_labels.numpy(), train_size=cfg.train_size, validation=cfg.dataset.validation
    )
    validation = None
    if cfg.dataset.validation:
        rest = torch.from_numpy(held_out)
        validation = subset(images.train_images, rest), images.train_labels[rest]
    return images.with_training(torch.from_numpy(chosen)), validation


def workers(cfg: DictConfig, ranks: Ranks) -> int:
    """Processes that decode pictures for one device: as asked, or its share of the cores."""
    if cfg.trainer.workers is not None:
        return cfg.trainer.workers
    return ranks.cores(cfg.trainer.devices)


def as_declared(cfg: DictConfig, images: ImageSet) -> None:
    """Raise `Mistake` unless the images are what the data set's settings say of them."""
    found = {
        "image_shape": list(images.train_images.shape[1:]),
        "train_images": len(images.train_images),
        "test_images": len(images.test_images),
        "classes": 1 + int(max(images.train_labels.max(), images.test_labels.max())),
    }
    for key, value in found.items():
        said = list(cfg.dataset[key]) if key == "image_shape" else cfg.dataset[key]
        if said != value:
            raise Mistake(f"dataset.{key}={said}: {cfg.dataset.name} has {value}")


def pixels(cfg: DictConfig, images: ImageSet) -> Pixels:
    """From bytes to what the network wants, as the model's `input` says."""
    node = OmegaConf.to_container(cfg.model.input)
    assert isinstance(node, dict)
    given = {"train_images": images.train_images}
    return Pixels(**arguments(Pixels, node, "model.input", given=given))  # pyright: ignore


def network(cfg: DictConfig, asked: Plan, images: ImageSet) -> nn.Module:
    """The network, initialised from the run's seed; its batch norm counts groups over devices."""
    node = dict(asked.asked["network"])
    target = located(node.pop("_target_"), "model.network._target_")
    if isinstance(node.get("batch_norm"), dict):
        parts = cfg.trainer.devices * cfg.trainer.num_nodes * cfg.trainer.accumulate
        node["batch_norm"] = {**node["batch_norm"], "groups": node["batch_norm"]["groups"] // parts}
    # what a network of the user's may take without its config saying so
    known = {"classes": cfg.dataset.classes, "image_shape": list(cfg.dataset.image_shape)}
    given = {key: value for key, value in known.items() if key not in node}
    made = target(**arguments(target, node, "model.network", given=given))
    try:
        with torch.no_grad():
            was = made.training
            made.eval()(images.test_images[:2].float())
            made.train(was)
    except (RuntimeError, AssertionError) as error:  # timm asserts the sizes it was made for
        shape = "x".join(map(str, images.test_images.shape[1:]))
        raise Mistake(
            f"model={cfg.model.name}: does not take images of {shape} ({cfg.dataset.name}): "
            f"{str(error).splitlines()[0]}"
        ) from error
    return made


def optimizer(cfg: DictConfig, groups: list[dict[str, Any]]) -> torch.optim.Optimizer:
    """The optimiser that the config names, over `groups`."""
    target = located(cfg.optimizer._target_, "optimizer._target_")
    node = OmegaConf.to_container(cfg.optimizer)
    assert isinstance(node, dict)
    return target(**arguments(target, node, "optimizer", given={"groups": groups}))  # pyright: ignore


def check_momentum(optimizer: torch.optim.Optimizer, asked: Plan) -> None:
    """Raise the `Mistake` of an optimiser that has no momentum and is to be given one."""
    if isinstance(optimizer, Scheduled):
        for momentum in {end for s in asked.momentum.segments for end in (s.start, s.end)}:
            optimizer.check_momentum(momentum)


def trainer(
    cfg: DictConfig,
    asked: Plan,
    device: str,
    precision: str,
    callbacks: list[pl.Callback],
    files: CheckpointIO,
    ranks: Ranks,
) -> pl.Trainer:
    """Lightning's Trainer of one endless epoch; what it would log, save and show is ours to do."""
    return pl.Trainer(
        accelerator=device,
        devices=cfg.trainer.devices,
        num_nodes=cfg.trainer.num_nodes,
        strategy=strategy(cfg, device, ranks),
        precision=precision,  # pyright: ignore
        max_steps=asked.iterations,
        max_epochs=1,
        accumulate_grad_batches=cfg.trainer.accumulate,
        callbacks=callbacks,
        default_root_dir=asked.folder,  # in Slurm's jobs it looks there for checkpoints of its own
        plugins=[files, environment(ranks)],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        limit_val_batches=0,
        use_distributed_sampler=False,
    )


def batches(
    cfg: DictConfig, asked: Plan, trainer: pl.Trainer, images: ImageSet, first: int
) -> Batches:
    """This process's batches from iteration `first` on."""
    pictures = images.train_images
    stream = Stream(
        asked.train_images,
        asked.total_batch_size,
        cfg.seed,
        shuffled=cfg.dataset.order.name == "shuffled",
    )
    return Batches(
        stream,
        asked.iterations,
        first=first,
        augmentation=asked.augmentation,
        image_shape=cfg.dataset.image_shape,
        pictures=pictures if isinstance(pictures, Pictures) else None,
        part=trainer.global_rank,
        parts=trainer.world_size,
        accumulate=cfg.trainer.accumulate,
    )


def evaluators(
    cfg: DictConfig,
    module: Training,
    validation: tuple[Any, torch.Tensor] | None,
) -> dict[str, Evaluator]:
    """What is measured along the run: validation images, if any are held out, and the test set."""
    splits = {"test": (module.images.test_images, module.images.test_labels)}
    if validation is not None:
        held_out, labels = validation
        if not isinstance(held_out, Pictures):
            held_out = held_out.to(module.device)
        splits = {"val": (held_out, labels.to(module.device)), **splits}
    share: dict[str, int] = {"part": module.global_rank, "parts": module.trainer.world_size}
    return {
        split: Evaluator(
            images,
            labels,
            classes=cfg.dataset.classes,
            protocol=protocol(cfg, len(images), test=split == "test"),
            batch_size=cfg.evaluation.batch_size,
            **share,
        )
        for split, (images, labels) in splits.items()
    }


def protocol(cfg: DictConfig, images: int, *, test: bool) -> Protocol:
    """Which of `images` the k-th evaluation takes; only test images are ever taken as published."""
    if cfg.evaluation.protocol.name == "full" or not test:
        return Protocol.full(images, at_most=cfg.evaluation.images)
    published = cfg.model.published_test
    return Protocol.as_published(
        images, count=published.count, mirror=published.mirror, seed=cfg.seed
    )


def logger(cfg: DictConfig, asked: Plan, ranks: Ranks = ALONE) -> list[Any]:
    """The loggers beside metrics.csv; the leader's process only."""
    if cfg.logger._target_ is None or not ranks.leads:
        return []
    target = located(cfg.logger._target_, "logger._target_")
    node = OmegaConf.to_container(cfg.logger)
    assert isinstance(node, dict)
    config = OmegaConf.to_container(cfg)
    assert isinstance(config, dict)
    given: dict[str, Any] = {"folder": asked.folder, "name": asked.key, "config": config}
    if named_by := node.pop("named_by", []):
        values = flat({str(k): v for k, v in config.items()})
        given["title"] = " ".join(f"{key}={group(key, values)}" for key in named_by)
    return [target(**arguments(target, node, "logger", given=given))]  # pyright: ignore
