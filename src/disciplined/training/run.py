"""One run from its config: data, network and Lightning's Trainer together, a record left behind.

The only module that knows all the others. Imports torch; what can be said without it is said by
`disciplined.training.planning`.
"""

import logging
import os
import time
from typing import Any

import pytorch_lightning as pl
import torch
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning.strategies import DDPStrategy
from torch import nn

from disciplined.data.evaluation import Protocol
from disciplined.data.images import ImageSet
from disciplined.data.pixels import Pixels
from disciplined.data.stream import Stream
from disciplined.data.subsets import split
from disciplined.mistakes import Mistake
from disciplined.training import checkpoint, curves, machine, words
from disciplined.training.batches import Batches
from disciplined.training.callbacks import Checkpoints, HyperParameters, Progress, Rows, Signals
from disciplined.training.evaluating import Evaluator
from disciplined.training.module import Training
from disciplined.training.planning import Plan, plan
from disciplined.training.record import Record, final_and_best
from disciplined.training.targets import arguments, located

DONE, FAULT, DIVERGED = 0, 1, 3

# Lightning's notices of devices and products say nothing that the record does not
for name in ("pytorch_lightning", "lightning.pytorch", "lightning.fabric"):
    logging.getLogger(name).setLevel(logging.WARNING)


def run(cfg: DictConfig, *, study: dict[str, Any] | None = None, quiet: bool = False) -> int:
    """Train what `cfg` asks for, resuming where an earlier process stopped.

    Returns the exit status: 0 done, 3 diverged (the record is kept and says where), 130/143 stopped
    by SIGINT/SIGTERM after a checkpoint. `study` is kept in the summary as `registered`. Raises
    `Mistake` for what the settings get wrong, before anything is written.
    """
    started = time.perf_counter()
    asked = plan(cfg)
    record = Record(asked.folder)
    device = chosen_device(cfg)
    if device == "cpu":
        machine.keep_freed_memory()
    if cfg.trainer.threads:
        torch.set_num_threads(cfg.trainer.threads)
    precision = chosen_precision(cfg, device)
    images, validation = loaded(cfg)
    pl.seed_everything(cfg.seed, workers=True, verbose=False)
    module = Training(
        network(cfg, asked, images),
        Pixels(images.train_images, **OmegaConf.to_container(cfg.model.input)),  # pyright: ignore
        images,
        asked,
        lambda groups: optimizer(cfg, groups),
    )
    module.network.to(memory_format=torch.channels_last)  # pyright: ignore
    compiled = compiles(cfg, device, asked)
    if compiled:
        module.forward_pass = torch.compile(module.network)  # pyright: ignore

    resumed = None
    if cfg.force:
        record.clear()
    else:
        resumed = checkpoint.newest(record.checkpoints)
    first = checkpoint.iteration_of(resumed) if resumed else 0

    signals = Signals()
    progress = Progress(asked.iterations)
    listeners = logger(cfg, asked)
    rows = Rows(
        record,
        asked.evaluate_every,
        lambda m: evaluators(cfg, m, validation),
        [listener.row for listener in listeners],
    )
    trainer = pl.Trainer(
        accelerator=device,
        devices=cfg.trainer.devices,
        num_nodes=cfg.trainer.num_nodes,
        strategy=strategy(cfg),
        precision=precision,  # pyright: ignore
        max_steps=asked.iterations,
        max_epochs=1,
        accumulate_grad_batches=cfg.trainer.accumulate,
        callbacks=[
            HyperParameters(),
            signals,
            rows,
            Checkpoints(record, cfg.trainer.checkpoint_seconds, rows),
            *([] if quiet else [progress]),
        ],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        limit_val_batches=0,
        use_distributed_sampler=False,
    )
    batches = Batches(
        Stream(asked.train_images, asked.total_batch_size, cfg.seed),
        asked.iterations,
        mirrored=asked.augmentation == "mirror",
        part=trainer.global_rank,
        parts=trainer.world_size,
        accumulate=cfg.trainer.accumulate,
    )
    batches.first = first
    summary: dict[str, Any] = {
        "key": asked.key,
        "setting": asked.setting,
        "name": asked.name,
        "status": "running",
        "result": {"iterations": asked.iterations, "data_sha256": images.sha256},
        "machine": {
            **machine.description(),
            "device": device_name(device),
            "threads": torch.get_num_threads(),
            "precision": precision,
            "compiled": compiled,
            "world_size": trainer.world_size,
            "resumed_at": first or None,
        },
        "registered": study,
    }
    leader = trainer.is_global_zero
    if leader:
        record.begin(OmegaConf.to_yaml(cfg), summary)
        record.keep_rows(first)
        for listener in listeners:
            listener.begin()
    fitted = time.perf_counter()
    status, diverged_at = "failed", None
    try:
        if first < asked.iterations:
            trainer.fit(module, batches, ckpt_path=resumed, weights_only=True if resumed else None)
        diverged_at = module.divergence()
        done = trainer.global_step >= asked.iterations or first >= asked.iterations
        status = "diverged" if diverged_at is not None else "done" if done else "interrupted"
    finally:
        signals.release()
        progress.close()
        if leader:
            seconds = time.perf_counter() - fitted
            training = max(seconds - rows.seconds, 1e-9)
            updates = trainer.global_step - first
            measured = record.rows()
            summary["status"] = status
            summary["result"] |= {
                "iteration": trainer.global_step if diverged_at is None else diverged_at,
                "diverged_at": diverged_at,
                **final_and_best(measured),
            }
            summary["machine"] |= {
                "wall_seconds": round(time.perf_counter() - started, 3),
                "train_seconds": round(training, 3),
                "images_per_second": round(updates * asked.total_batch_size / training, 1),
                "peak_memory_bytes": machine.peak_memory(),
                "peak_device_bytes": torch.cuda.max_memory_allocated() if device == "gpu" else None,
            }
            record.write_summary(summary)
            for listener in listeners:
                listener.end(summary)
    if leader and status != "interrupted":
        curves.draw(record.folder, measured, asked)
        if not quiet:
            print(words.ending(summary, asked))
    if signals.received is not None and status == "interrupted":
        return 128 + signals.received
    return DIVERGED if status == "diverged" else DONE if status == "done" else FAULT


def chosen_device(cfg: DictConfig) -> str:
    """`cpu` or `gpu`. Raises `Mistake` where a GPU is asked for and there is none."""
    there = torch.cuda.is_available()
    if cfg.trainer.accelerator.name == "gpu" and not there:
        raise Mistake(
            "trainer.accelerator=gpu: this machine has no GPU that torch sees; trainer=cpu"
        )
    if cfg.trainer.accelerator.name == "cpu" or not there:
        return "cpu"
    if cfg.trainer.devices > torch.cuda.device_count():
        raise Mistake(
            f"trainer.devices={cfg.trainer.devices}: there are {torch.cuda.device_count()} GPUs"
        )
    return "gpu"


def device_name(device: str) -> str:
    """The device as the summary names it."""
    return torch.cuda.get_device_name() if device == "gpu" else "cpu"


def chosen_precision(cfg: DictConfig, device: str) -> str:
    """Lightning's word for the precision; `auto` is bf16 where the device computes in it."""
    asked = cfg.precision.name
    if asked == "auto":
        asked = "bf16" if device == "gpu" and torch.cuda.is_bf16_supported() else "fp32"
    return {"fp32": "32-true", "bf16": "bf16-mixed"}[asked]


def compiles(cfg: DictConfig, device: str, asked: Plan) -> bool:
    """Whether to compile: `auto` does on a GPU where the run is long enough to pay for it."""
    if cfg.trainer.compile.name != "auto":
        return cfg.trainer.compile.name == "always"
    return device == "gpu" and asked.iterations >= 2000


def strategy(cfg: DictConfig) -> Any:
    """Lightning's strategy; DDP with static expectations: every parameter takes part, no copies."""
    if cfg.trainer.strategy == "ddp":
        return DDPStrategy(broadcast_buffers=False, gradient_as_bucket_view=True)
    if cfg.trainer.devices > 1 or cfg.trainer.num_nodes > 1:
        raise Mistake(f"trainer.devices={cfg.trainer.devices}: several devices need trainer=ddp")
    return cfg.trainer.strategy


def loaded(cfg: DictConfig) -> tuple[ImageSet, tuple[torch.Tensor, torch.Tensor] | None]:
    """The data set with only the training images in use, and the validation images held out."""
    function = located(cfg.dataset.load._target_, "dataset.load")
    node = OmegaConf.to_container(cfg.dataset.load)
    assert isinstance(node, dict)
    images: ImageSet = function(**arguments(function, node, "dataset.load"))  # pyright: ignore
    if cfg.train_size is None and not cfg.dataset.validation:
        return images, None
    chosen, held_out = split(
        images.train_labels.numpy(), train_size=cfg.train_size, validation=cfg.dataset.validation
    )
    validation = None
    if cfg.dataset.validation:
        rest = torch.from_numpy(held_out)
        validation = images.train_images[rest], images.train_labels[rest]
    return images.with_training(torch.from_numpy(chosen)), validation


def network(cfg: DictConfig, asked: Plan, images: ImageSet) -> nn.Module:
    """The network, initialised from the run's seed; its batch norm counts groups over devices."""
    node = dict(asked.asked["network"])
    target = located(node.pop("_target_"), "model.network")
    if isinstance(node.get("batch_norm"), dict):
        parts = cfg.trainer.devices * cfg.trainer.num_nodes * cfg.trainer.accumulate
        node["batch_norm"] = {**node["batch_norm"], "groups": node["batch_norm"]["groups"] // parts}
    made = target(**arguments(target, node, "model.network"))
    try:
        with torch.no_grad():
            was = made.training
            made.eval()(images.test_images[:2].float())
            made.train(was)
    except RuntimeError as error:
        shape = "x".join(map(str, images.test_images.shape[1:]))
        raise Mistake(
            f"model={cfg.model.name}: does not take images of {shape} ({cfg.dataset.name}): "
            f"{str(error).splitlines()[0]}"
        ) from error
    return made


def optimizer(cfg: DictConfig, groups: list[dict[str, Any]]) -> torch.optim.Optimizer:
    """The optimiser that the config names, over `groups`."""
    target = located(cfg.optimizer._target_, "optimizer")
    node = OmegaConf.to_container(cfg.optimizer)
    assert isinstance(node, dict)
    return target(**arguments(target, node, "optimizer", given={"groups": groups}))  # pyright: ignore


def evaluators(
    cfg: DictConfig,
    module: Training,
    validation: tuple[torch.Tensor, torch.Tensor] | None,
) -> dict[str, Evaluator]:
    """What is measured along the run: validation images, if any are held out, and the test set."""
    splits = {"test": (module.images.test_images, module.images.test_labels)}
    if validation is not None:
        splits = {
            "val": (validation[0].to(module.device), validation[1].to(module.device)),
            **splits,
        }
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


def logger(cfg: DictConfig, asked: Plan) -> list[Any]:
    """The loggers beside metrics.csv; the leader's process only."""
    if cfg.logger._target_ is None or int(os.environ.get("LOCAL_RANK", 0)):
        return []
    target = located(cfg.logger._target_, "logger")
    node = OmegaConf.to_container(cfg.logger)
    assert isinstance(node, dict)
    given = {"folder": asked.folder, "name": asked.key, "config": asked.asked}
    return [target(**arguments(target, node, "logger", given=given))]  # pyright: ignore
