"""What started a process, told by its environment alone."""

import os
import shutil
import subprocess

import pytest

from disciplined.mistakes import Mistake
from disciplined.training import config, launch
from disciplined.training.config import compose
from disciplined.training.launch import Launch

DDP = ["trainer=ddp"]
# as Slurm 22.05 gives them: the second task of the second node, in a job of two by two
STEP = {
    "SLURM_JOB_ID": "11",
    "SLURM_STEP_ID": "3",
    "SLURM_STEP_NUM_TASKS": "4",
    "SLURM_STEP_NUM_NODES": "2",
    "SLURM_STEP_TASKS_PER_NODE": "2(x2)",
    "SLURM_STEP_NODELIST": "localhost,n[2-3]",
    "SLURM_NTASKS": "4",
    "SLURM_NTASKS_PER_NODE": "2",
    "SLURM_PROCID": "3",
    "SLURM_LOCALID": "1",
    "SLURM_NODEID": "1",
}
BATCH = {k: v for k, v in STEP.items() if "STEP" not in k} | dict.fromkeys(
    ("SLURM_PROCID", "SLURM_LOCALID", "SLURM_NODEID"), "0"
)
ONE_TASK = STEP | {"SLURM_STEP_NUM_TASKS": "1", "SLURM_PROCID": "0", "SLURM_NTASKS": "1"}
TORCHRUN = {
    "TORCHELASTIC_RUN_ID": "x",
    "RANK": "3",
    "WORLD_SIZE": "4",
    "LOCAL_RANK": "1",
    "LOCAL_WORLD_SIZE": "2",
    "GROUP_RANK": "1",
    "GROUP_WORLD_SIZE": "2",
}


def test_a_step_of_several_tasks():
    assert launch.found(DDP, STEP) == Launch("srun", 3, 4, 1, 2, 1, 2)


def test_a_file_of_ones_own_that_asks_for_ddp(tmp_path, monkeypatch):
    """Known as well as by name, to srun's tasks and to those that Lightning starts."""
    shutil.copytree(config.CONF, tmp_path / "conf")
    monkeypatch.setattr(config, "CONF", tmp_path / "conf")
    shutil.copy(tmp_path / "conf/trainer/ddp.yaml", tmp_path / "conf/trainer/mine.yaml")
    assert launch.found(["trainer=mine"], STEP) == Launch("srun", 3, 4, 1, 2, 1, 2)
    assert launch.found(["trainer=mine"], {launch.OURS: "1", "LOCAL_RANK": "1"}) == Launch(rank=1)
    assert launch.found(["trainer=cpu"], STEP | {"LOCAL_RANK": "1"}) == Launch()


def test_who_is_alone_composes_nothing(monkeypatch):
    monkeypatch.setattr(config, "chosen", None)
    assert launch.found(["trainer=mine"], {}) == launch.found(["trainer=mine"], BATCH) == Launch()


def test_tasks_that_are_runs_of_their_own():
    """srun -n4 bash -c 'python train.py seed=$SLURM_PROCID': each writes its own record."""
    assert launch.found(["seed=3"], STEP) == Launch()


@pytest.mark.parametrize("environ", [BATCH, ONE_TASK, {}])
def test_alone(environ):
    """Lightning#12206, #10098: a batch script, and a step of one task in a job of several, were
    taken for a rank, and waited for the others."""
    assert launch.found(DDP, environ) == Launch()


def test_torchrun_inside_a_step():
    assert launch.found([], {**STEP, **TORCHRUN}) == Launch("torchrun", 3, 4, 1, 2, 1, 2)


def test_what_lightning_starts_inside_a_step():
    inside = {**STEP, launch.OURS: "1", "LOCAL_RANK": "1"}
    assert launch.found(DDP, inside) == Launch(rank=1)


def test_nodes_of_different_size():
    assert launch.per_node("2(x3),1") == [2, 2, 2, 1]


@pytest.mark.parametrize(
    ("nodes", "first"),
    [("n1", "n1"), ("gpu[003-004,7],login", "gpu003"), ("a,b[1-2]", "a"), ("c[5]", "c5")],
)
def test_first_node(nodes, first):
    assert launch.first_node(nodes) == first


def test_where_they_meet():
    """One port for the processes of a step, another for the next step of the job."""
    host, port = launch.place(STEP)
    assert host == "localhost" and 20000 <= port < 30000
    assert launch.place(STEP | {"SLURM_STEP_ID": "4"}) != (host, port)
    assert launch.place({"MASTER_ADDR": "a", "MASTER_PORT": "1"}) == ("a", 1)


def test_a_node_whose_name_is_only_slurms(monkeypatch):
    told = "NodeName=n1 Arch=x86_64 NodeAddr=10.0.0.7 NodeHostName=n1"
    done = subprocess.CompletedProcess([], 0, told, "")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: done)
    assert launch.address("no-such-name.invalid") == "10.0.0.7"


@pytest.mark.parametrize(
    ("started", "settings", "told"),
    [
        (Launch(), "trainer=ddp trainer.num_nodes=2", "srun --nodes=2 --ntasks-per-node=2"),
        (
            Launch("srun", 0, 4, 0, 2, 0, 2),
            "trainer=ddp trainer.devices=2",
            "trainer.num_nodes=1: srun started this run on 2; set trainer.num_nodes=2",
        ),
        (
            Launch("srun", 0, 4, 0, 2, 0, 2),
            "trainer=ddp trainer.devices=1 trainer.num_nodes=2",
            "trainer.devices=1: srun started 2 .* --ntasks-per-node=1",
        ),
        (Launch("torchrun", 0, 2, 0, 2), "trainer=cpu", "they share a run with trainer=ddp"),
        (Launch("torchrun", 0, 1), "trainer=ddp", "--nproc-per-node=2"),
    ],
)
def test_mistakes(started, settings, told):
    cfg = compose(["model=three_layer", *settings.split()])
    with pytest.raises(Mistake, match=told):
        started.check(cfg)


@pytest.mark.parametrize(
    ("started", "settings"),
    [
        (Launch(), "trainer=ddp"),
        (Launch("srun", 1, 4, 1, 2, 0, 2), "trainer=ddp trainer.num_nodes=2"),
        (Launch("torchrun", 0, 1), "trainer=cpu"),
    ],
)
def test_what_was_asked_for(started, settings):
    started.check(compose(["model=three_layer", *settings.split()]))


@pytest.mark.parametrize(
    ("status", "preempted", "ended"),
    [
        (138, "None", "requeue 7"),
        (143, "2026-11-28T12:00:00", "requeue 7"),
        (143, "None", ""),  # cancelled
        (0, "None", ""),
        (2, "2026-11-28T12:00:00", ""),
    ],
)
def test_what_the_batch_script_requeues(tmp_path, status, preempted, ended):
    """After `srun`'s status; Slurm itself is in tests/cluster."""
    told = f"PreemptEligibleTime=2026-11-28T11:00:00 PreemptTime={preempted}"
    for name, does in {
        "srun": f'echo "$@" > {tmp_path}/srun.said; exit {status}',
        "scontrol": f'if [ "$1" = show ]; then echo "{told}"; else echo "$@"; fi',
    }.items():
        (tmp_path / name).write_text(f"#!/bin/bash\n{does}\n")
        (tmp_path / name).chmod(0o755)
    environ = {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "SLURM_JOB_ID": "7",
        "SLURM_NNODES": "2",
        "SLURM_NTASKS_PER_NODE": "4",
    }
    script = ["bash", str(config.TRAIN.parent / "scripts/nodes.sbatch"), "seed=1"]
    cores = {"SLURM_CPUS_PER_TASK": "8"} if status else {}
    done = subprocess.run(script, env=environ | cores, capture_output=True, text=True)
    assert done.stdout.strip() == ended and done.returncode == (0 if ended else status)
    asked = (tmp_path / "srun.said").read_text().split()
    assert asked[-4:] == ["trainer=ddp", "trainer.num_nodes=2", "trainer.devices=4", "seed=1"]
    assert ("--cpus-per-task=8" in asked) == bool(cores) and "" not in asked
