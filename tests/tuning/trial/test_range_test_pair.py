"""A range test in two processes: they read and stop alike, though their batches differ."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import json, os, sys
import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

from disciplined import range_test

rank, store, bad = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
distributed.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=2)
torch.set_num_threads(1)
torch.manual_seed(0)
model = DistributedDataParallel(nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Linear(8, 3)))
generator = torch.Generator().manual_seed(rank)


def batch(size):
    labels = torch.randint(0, 3, (size,), generator=generator)
    clouds = 2 * nn.functional.one_hot(labels, 3).repeat(1, 2)
    return torch.randn(size, 6, generator=generator) + clouds, labels


batches = [batch(20) for _ in range(5)]
held_out = [batch(16) for _ in range(1 + 2 * rank)]  # unequal
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
steps = 0


def step(of):
    global steps
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(of[0]), of[1])
    loss.backward()
    optimizer.step()
    steps += 1
    return loss * float("nan") if rank == 1 and steps == bad else loss


before = [w.detach().clone() for w in model.parameters()]
found = range_test(
    model, optimizer, batches, validation=held_out, high=1.0, iterations=12, points=4, step=step
)
kept = all(torch.equal(w, b) for w, b in zip(model.parameters(), before))
told = [found.train_loss.tolist(), found.val_loss.tolist(), found.val_accuracy.tolist()]
print(json.dumps([told, found.stopped, kept]), flush=True)
distributed.barrier()
# DDP keeps gloo's threads alive even beyond destroy_process_group(). One that lets go of a tensor
# while the interpreter ends aborts the process (seen on a loaded machine), so it does not end.
os._exit(0)
"""


@pytest.mark.parametrize(("bad", "stopped"), [(0, None), (8, 7)], ids=["whole", "a NaN on one"])
def test_two_processes_read_and_stop_alike(bad: int, stopped: int | None, tmp_path: Path):
    pair = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(rank), str(tmp_path / "store"), str(bad)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    told = [one.communicate(timeout=200) for one in pair]
    assert [one.returncode for one in pair] == [0, 0], told[0][1][-1500:] + told[1][1][-1500:]
    first, second = (json.loads(out.splitlines()[-1]) for out, _ in told)
    assert json.dumps(first) == json.dumps(second)
    (train, loss, accuracy), ended, kept = first
    assert kept and ended == [stopped]
    measured = 4 if stopped is None else 2
    assert sum(value == value for value in loss[0]) == measured
    assert all(0 <= value <= 1 for value in accuracy[0][:measured])
    assert sum(value == value for value in train[0]) == (12 if stopped is None else 7)
