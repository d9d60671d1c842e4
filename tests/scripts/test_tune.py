"""`tune.py` as a user meets it: each step on the blobs, in a few updates."""

import csv
import json
import sys
from pathlib import Path

import pytest

from disciplined.mistakes import Mistake
from disciplined.training.record import Record

ROOT = Path(__file__).parents[2]
SCRIPT = "scripts/tune.py"
BLOBS = ["recipe=blobs", "trainer=cpu", "evaluation.images=20"]


def main(arguments: list[str]) -> int:
    """`tune.py` in this process, which has paid for its imports."""
    sys.path.insert(0, str(ROOT / "scripts"))
    try:
        import tune
    finally:
        sys.path.pop(0)
    return tune.main(arguments)


@pytest.fixture
def tuned(warm_server, no_picture, tmp_path: Path, capsys):
    """Runs a step; its status, what it said, and the table it wrote."""

    def run(*arguments: str) -> tuple[int, str, str, list[dict[str, str]]]:
        status = main([*arguments, *BLOBS, f"output_dir={tmp_path}"])
        said = capsys.readouterr()
        tables = list(tmp_path.glob("tuning/*/table.csv"))
        rows = list(csv.DictReader(tables[0].open())) if tables else []
        return status, said.out, said.err, rows

    return run


def test_rates_read_off_a_range_test(tuned, tmp_path: Path):
    status, said, told, rows = tuned("step=lr", "duration=40it", "seeds=2", "high=1e30")
    assert status in (0, 3), told
    assert "50 of 500 training images are held out to decide" in told
    assert [row["rule"] for row in rows][-1] == "diverges"
    assert said.splitlines()[-1].startswith("learning rate: ")
    assert "test accuracy" not in said + told
    (figure,) = tmp_path.glob("tuning/mlp_blobs-blobs-lr-*/figure.png")
    assert figure.read_bytes().startswith(b"\x89PNG")


def test_momenta_compared_and_the_same_command_again(tuned, tmp_path: Path):
    asked = ["step=momentum", "duration=6it", "values=0,0.9", "schedule.max_lr=0.1"]
    status, said, told, rows = tuned(*asked)
    assert status == 0, told
    assert "2 runs to train, 384 images" in told
    assert [row["momentum"] for row in rows] == ["0", "0.9"]
    records = [Record(p) for p in tmp_path.glob("runs/*")]
    finals = [r.finished()["result"]["final"]["val_loss"] for r in records]
    assert sorted(float(row["final_val_loss_mean"]) for row in rows) == sorted(finals)
    assert "one seed, so how sure cannot be said (seeds=3)" in said.splitlines()[-1]
    next_ = "python scripts/tune.py step=weight_decay recipe=blobs trainer=cpu output_dir="
    assert next_ in said and "momentum=cyclical" in said
    before = {p: p.stat().st_mtime_ns for p in tmp_path.glob("runs/*/summary.json")}
    again = tuned(*asked)
    assert again[:2] == (0, said) and "to train" not in again[2]
    assert {p: p.stat().st_mtime_ns for p in before} == before


def test_a_rate_that_diverges_is_an_answer(tuned, tmp_path: Path):
    status, said, told, rows = tuned("step=sensitivity", "duration=4it", "values=0.1,1e30")
    assert status == 0, told
    assert [row["diverged"] for row in rows] == ["", "1"]
    assert "1e+30 diverged" in said.splitlines()[-1]
    assert "lowest value tried" in said


def test_nothing_but_divergence_is_status_3(tuned):
    status, said, _, _ = tuned("step=sensitivity", "duration=4it", "values=1e30")
    assert status == 3 and "every value diverged" in said.splitlines()[-1]


def test_a_weight_decay_goes_on_from_the_snapshot_with_the_bytes_of_a_whole_run(
    tuned, warm_command, tmp_path: Path
):
    asked = ["step=weight_decay", "duration=8it", "values=0.1", "schedule.max_lr=0.3"]
    status, _, told, _ = tuned(*asked)
    assert status == 0, told
    (record,) = (Record(p) for p in tmp_path.glob("runs/*-triangular-*"))
    begun = record.finished()
    assert begun["machine"]["resumed_at"] == 4
    whole = warm_command(
        "train.py",
        *(*BLOBS, "schedule=triangular", "schedule.max_lr=0.3", "schedule.stepsize=8it"),
        *("momentum=constant", "duration=8it", "evaluate_every=1it", "dataset.validation=50"),
        *("weight_decay=piecewise_constant", "weight_decay.values=[0,0.1]"),
        *("weight_decay.milestones=[4it]", f"output_dir={tmp_path / 'whole'}"),
        output=False,
    )
    assert whole.returncode == 0, whole.stderr
    other = Record(tmp_path / "whole" / "runs" / record.folder.name)
    assert other.metrics_file.read_bytes() == record.metrics_file.read_bytes()
    assert other.finished()["result"] == begun["result"]
    assert other.finished()["machine"]["resumed_at"] is None


def test_nothing_goes_on_from_a_snapshot_that_diverged(tuned, tmp_path: Path):
    status, said, told, _ = tuned(
        "step=weight_decay", "duration=8it", "values=0.1,0.2", "schedule.max_lr=1e30"
    )
    assert status == 3, told
    assert len(list(tmp_path.glob("runs/*"))) == 1
    assert "every value diverged" in said.splitlines()[-1]


def test_batch_sizes_are_timed(tuned, tmp_path: Path):
    status, said, told, rows = tuned("step=batch", "duration=3it", "values=16,64")
    assert status == 0, told
    assert [row["total batch size"] for row in rows] == ["16", "64"]
    assert all("MiB" in row["memory"] and "ms" in row["an image"] for row in rows)
    assert "warning: 64 is the largest size tried and fits" in said
    assert "step=lr recipe=blobs" in said and "total_batch_size=64" in said


def test_a_dry_run_says_what_would_be_run(command, tmp_path: Path):
    done = command(SCRIPT, "step=momentum", *BLOBS, "dry_run=true", PYTHONPROFILEIMPORTTIME="1")
    assert done.returncode == 0, done.stderr[-2000:]
    assert "4 of 4 runs missing, 25,600 images" in done.stdout
    assert " torch\n" not in done.stderr and not any(tmp_path.iterdir())


def test_without_arguments_it_says_how_it_is_used(capsys):
    assert main([]) == 0
    assert "step=sensitivity" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["step=lrr"], "step=lrr: did you mean lr?"),
        (["model=lenet"], "step= is missing"),
        (["step=lr", "model=lnet"], "model=lnet: no such choice"),
        (["step=lr", "seeds=0"], "seeds=0: expected a whole number"),
        (["step=momentum", "values="], "values=: expected a value"),
        (["step=lr", "sedes=3"], "sedes=3: no such setting"),
        (["step=momentum", "recipe=blobs", "optimizer=adagrad"], "AdaGrad has no momentum"),
        (["step=lr", "recipe=blobs", "evaluate_every=9"], "a length needs its unit"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_nothing(arguments: list[str], said: str, tmp_path: Path):
    with pytest.raises(Mistake) as caught:
        main([*arguments, f"output_dir={tmp_path}"])
    assert said in str(caught.value) and "\n" not in str(caught.value)
    assert not any(tmp_path.iterdir())


def test_a_mistake_at_the_shell(command):
    done = command(SCRIPT, "step=momentum", "momentum.value=0.5")
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr == (
        "tune.py: momentum.value=0.5: step=momentum decides that; values= says which momenta are "
        "tried\n"
    )


def test_a_run_that_does_not_fit_costs_only_itself(tuned, monkeypatch, tmp_path: Path):
    """Of the pool's answer: no test fills the memory of the machine it runs on."""
    from disciplined.sweeps import pool

    train = pool.train

    def short_of_memory(jobs, **how):
        if "total_batch_size=64" in jobs[0].overrides:
            why = "status 1: torch.OutOfMemoryError: CUDA out of memory. (see x.log)"
            return pool.Outcome(failed=[(jobs[0], 1, why)])
        return train(jobs, **how)

    monkeypatch.setattr(pool, "train", short_of_memory)
    status, said, _, rows = tuned("step=batch", "duration=3it", "values=16,64,256")
    assert status == 0
    assert [row["memory"] for row in rows][1:] == ["does not fit", "not measured"]
    assert said.splitlines()[-1].startswith("total batch size 16 fits (64 runs out of memory)")
    assert len(json.loads(next(tmp_path.glob("runs/*/summary.json")).read_text())) > 1
