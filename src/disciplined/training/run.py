"""One run from its config: data, network and Lightning's Trainer together, a record left behind.

The only module that knows all the others. Imports torch; what can be said without it is said by
`disciplined.training.planning`.
"""

import logging
from typing import Any

import pytorch_lightning as pl
import torch
from omegaconf import DictConfig, OmegaConf

from disciplined.data.pixels import Pixels
from disciplined.data.stream import Stream
from disciplined.training import assembly, checkpoint, curves, machine, words
from disciplined.training.batches import Batches
from disciplined.training.callbacks import Checkpoints, HyperParameters, Progress, Rows, Signals
from disciplined.training.clock import Clock
from disciplined.training.module import Training
from disciplined.training.planning import plan
from disciplined.training.record import Record, final_and_best

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
    clock = Clock()
    asked = plan(cfg)
    record = Record(asked.folder)
    device = assembly.chosen_device(cfg)
    if device == "cpu":
        machine.keep_freed_memory()
    if cfg.trainer.threads:
        torch.set_num_threads(cfg.trainer.threads)
    precision = assembly.chosen_precision(cfg, device)
    images, validation = assembly.loaded(cfg)
    pl.seed_everything(cfg.seed, workers=True, verbose=False)
    module = Training(
        assembly.network(cfg, asked, images),
        Pixels(images.train_images, **OmegaConf.to_container(cfg.model.input)),  # pyright: ignore
        images,
        asked,
        lambda groups: assembly.optimizer(cfg, groups),
    )
    module.network.to(memory_format=torch.channels_last)  # pyright: ignore
    compiled = assembly.compiles(cfg, device, asked)
    if compiled:
        module.forward_pass = torch.compile(module.network)  # pyright: ignore

    signals = Signals(asked.evaluate_every)
    progress = Progress(asked.iterations)
    listeners = assembly.logger(cfg, asked)
    rows = Rows(
        record,
        asked.evaluate_every,
        lambda m: assembly.evaluators(cfg, m, validation),
        [listener.row for listener in listeners],
        clock,
    )
    trainer = pl.Trainer(
        accelerator=device,
        devices=cfg.trainer.devices,
        num_nodes=cfg.trainer.num_nodes,
        strategy=assembly.strategy(cfg),
        precision=precision,  # pyright: ignore
        max_steps=asked.iterations,
        max_epochs=1,
        accumulate_grad_batches=cfg.trainer.accumulate,
        callbacks=[
            clock,
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
    leader = trainer.is_global_zero
    if cfg.force and leader:
        record.clear()
    resumed = None if cfg.force else checkpoint.newest(record.checkpoints)
    first = checkpoint.iteration_of(resumed) if resumed else 0
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
            "device": assembly.device_name(device),
            "threads": torch.get_num_threads(),
            "precision": precision,
            "compiled": compiled,
            "world_size": trainer.world_size,
            "resumed_at": first or None,
        },
        "registered": study,
    }
    if leader:
        record.begin(OmegaConf.to_yaml(cfg), summary)
        record.keep_rows(first)
        for listener in listeners:
            listener.begin()
    status, diverged_at = "failed", None
    try:
        if first < asked.iterations:
            trainer.fit(module, batches, ckpt_path=resumed, weights_only=True if resumed else None)
        diverged_at = module.divergence()
        done = trainer.global_step >= asked.iterations or first >= asked.iterations
        status = "diverged" if diverged_at is not None else "done" if done else "interrupted"
    finally:
        clock.stop()
        signals.release()
        progress.close()
        if leader:
            measured = record.rows()
            summary["status"] = status
            summary["result"] |= {
                "iteration": trainer.global_step if diverged_at is None else diverged_at,
                "diverged_at": diverged_at,
                **final_and_best(measured),
            }
            summary["machine"] |= {
                "wall_seconds": round(clock.now() - clock.started, 3),
                "first_update_seconds": clock.first_update and round(clock.first_update, 3),
                "train_seconds": round(clock.training, 3),
                "images_per_second": round(clock.images_per_second(asked.total_batch_size), 1),
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
