"""Ours and its limit: `train.py`'s own path, and the shortest loop around the same kernels.

A contender is `updates -> seconds`: it trains so many updates, warmed up before, and says how long
they took.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace
from pathlib import Path

import torch
from torch.nn import functional as F

from disciplined.benchmark.cases import Case, Parts, Setting, composed, overrides
from disciplined.benchmark.means import EVERY, Means
from disciplined.data.augmentation import mirror
from disciplined.data.draws import mirror_flags
from disciplined.data.stream import Stream
from disciplined.mistakes import Mistake
from disciplined.training import config, run
from disciplined.training.clock import now
from disciplined.training.planning import plan
from disciplined.training.record import Record

Contender = Callable[[int], float]
WARM = 2  # updates before the clock starts


def ours(case: Case, parts: Parts, setting: Setting) -> Contender:
    """The run that `train.py` makes: config, data, Lightning, record and all."""

    def train(updates: int) -> float:
        cfg = composed(case, setting, updates + 1)
        with (
            Path(os.devnull).open("w") as nowhere,
            redirect_stdout(nowhere),
            redirect_stderr(nowhere),
        ):
            status = run.run(cfg)
        summary = Record(plan(cfg).folder).summary()
        if status or not summary:
            raise RuntimeError(f"{case.name}: the run ended with status {status}")
        return summary["machine"]["train_seconds"]  # of the updates behind the first

    return train


def several(case: Case, parts: Parts, setting: Setting) -> Contender:
    """The same run over two processes (DDP), which share the threads between them."""

    def train(updates: int) -> float:
        shared = replace(setting, threads=max(1, setting.threads // 2))
        asked = overrides(case, shared, updates + 1)
        asked[asked.index(f"trainer={setting.device}")] = "trainer=ddp"
        asked.append(f"trainer.accelerator={setting.device}")
        program = str(config.TRAIN)
        done = subprocess.run([sys.executable, program, *asked], capture_output=True, text=True)
        if done.returncode:
            raise Mistake(f"contenders=two processes: {done.stderr.strip().splitlines()[-1]}")
        summary = Record(plan(config.compose(asked)).folder).summary()
        assert summary
        return summary["machine"]["train_seconds"]

    return train


def bare(case: Case, parts: Parts, setting: Setting, means: Means = EVERY) -> Contender:
    """The same kernels in the shortest loop: everything drawn beforehand, nothing measured."""
    device = setting.torch_device
    network = means.network(parts).to(device)
    pixels = parts.pixels().to(device)
    images = replace(
        parts.images,
        train_images=parts.images.train_images.to(device),
        train_labels=parts.images.train_labels.to(device),
    )
    forward = torch.compile(network) if setting.compile or means.compiled else network
    optimizer = means.optimizer(parts, network)
    stream = Stream(len(images.train_images), case.total_batch_size, seed=0)
    mirrored = parts.plan.augmentation == "mirror"
    autocast = means.autocast(parts)

    def train(updates: int) -> float:
        batches = [torch.from_numpy(stream.indices(t)).to(device) for t in range(updates + WARM)]
        flags = [
            torch.from_numpy(mirror_flags(0, t, case.total_batch_size)).to(device)
            for t in range(updates + WARM)
        ]
        started = 0.0
        for t in range(updates + WARM):
            if t == WARM:
                started = now(device)
            pictures = images.train_images[batches[t]]
            if mirrored:
                pictures = mirror(pictures, flags[t])
            with torch.autocast(**autocast):
                logits = forward(pixels(pictures))
            loss = F.cross_entropy(logits.float(), images.train_labels[batches[t]])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if means.loss_read:
                loss.item()
        return now(device) - started

    return train
