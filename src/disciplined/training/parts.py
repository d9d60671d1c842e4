"""A run's parts put together: data, network, callbacks and Trainer, before anything is written."""

import json
import os
from dataclasses import dataclass
from typing import Any

import pytorch_lightning as pl
import torch
from omegaconf import DictConfig
from torch import nn

from disciplined.data.images import ImageSet
from disciplined.data.pixels import Pixels
from disciplined.optimizers.groups import parameter_groups
from disciplined.training import assembly, estimates, machine
from disciplined.training.callbacks import HyperParameters, Rows
from disciplined.training.checkpoint import Origin, newest
from disciplined.training.clock import Clock
from disciplined.training.curvature import Curvature
from disciplined.training.launch import Ranks
from disciplined.training.meeting import Meeting
from disciplined.training.module import Training
from disciplined.training.planning import Plan
from disciplined.training.progress import Progress
from disciplined.training.record import Record
from disciplined.training.saving import Checkpoints
from disciplined.training.signals import Signals


@dataclass
class Parts:
    """All that a run is made of, before anything is written."""

    images: ImageSet
    module: Training
    trainer: pl.Trainer
    clock: Clock
    signals: Signals
    rows: Rows
    checkpoints: Checkpoints
    progress: Progress
    listeners: list[Any]
    machine: dict[str, Any]  # what the summary says of how it is computed


def prepared(
    cfg: DictConfig,
    asked: Plan,
    record: Record,
    study: dict[str, Any] | None,
    ranks: Ranks,
    *,
    quiet: bool,
) -> Parts:
    """The run's parts; raises `Mistake` for what the settings get wrong."""
    clock = Clock()
    device = ranks.agreed(lambda: assembly.chosen_device(cfg, ranks))
    if device == "cpu":
        machine.keep_freed_memory()
    threads = cfg.trainer.threads or (ranks.cores(cfg.trainer.devices) if ranks.joined else None)
    if threads:
        torch.set_num_threads(threads)
        if cfg.trainer.strategy == "ddp":  # or Lightning would share the machine's cores out
            os.environ["OMP_NUM_THREADS"] = str(threads)
    images, validation = ranks.in_turn(lambda: assembly.loaded(cfg, ranks))
    ranks.same({"trainer.accelerator": device, "data_dir": images.sha256})

    def begun_with() -> str:  # what `auto` was when the run began holds to its end
        begun = None if cfg.force else newest(record.checkpoints, asked.key, images.sha256)
        return begun.origin.precision if begun else assembly.chosen_precision(cfg, device)

    precision = ranks.decided(begun_with)
    pl.seed_everything(cfg.seed, workers=True, verbose=False)

    def mistaken() -> tuple[nn.Module, Pixels, list[Any]]:  # perhaps: shown before a record
        network = assembly.network(cfg, asked, images)
        assembly.check_momentum(assembly.optimizer(cfg, parameter_groups(network)), asked)
        return network, assembly.pixels(cfg, images), assembly.logger(cfg, asked, ranks)

    network, pixels, listeners = ranks.agreed(mistaken)
    network.to(memory_format=torch.channels_last)  # pyright: ignore
    module = Training(network, pixels, images, asked, lambda g: assembly.optimizer(cfg, g))
    compiled = assembly.compiles(cfg, device, asked)
    if compiled:
        module.forward_pass = torch.compile(network)  # pyright: ignore

    meeting = Meeting(asked.evaluate_every)
    signals = Signals(meeting)
    progress = Progress(asked.iterations)
    rows = Rows(
        record,
        asked.evaluate_every,
        lambda m: assembly.evaluators(cfg, m, validation),
        [progress.row, *(listener.row for listener in listeners)],
        clock,
    )
    checkpoints = Checkpoints(
        record.checkpoints,
        cfg.trainer.checkpoint_seconds,
        rows,
        meeting,
        Origin(
            key=asked.key,
            data_sha256=images.sha256,
            precision=precision,
            registered=json.dumps(study),
            codes=[machine.fingerprint()],
        ),
    )
    curvature = []
    if asked.curvature_every:
        record.curvature = estimates.header()
        curvature = [Curvature(asked.curvature_every, rows)]
    callbacks = [clock, HyperParameters(), meeting, signals, rows, *curvature, checkpoints]
    shown = [] if quiet else [progress]
    trainer = assembly.trainer(
        cfg, asked, device, precision, [*callbacks, *shown], checkpoints.files, ranks
    )
    how = {
        "device": assembly.device_name(device),
        "threads": torch.get_num_threads(),
        "precision": precision,
        "compiled": compiled,
        "world_size": trainer.world_size,
        "nodes": trainer.num_nodes,
    }
    return Parts(
        images, module, trainer, clock, signals, rows, checkpoints, progress, listeners, how
    )
