"""Whole runs on the digits: records, sameness, resumption, divergence, evaluation."""

import json
import os
import signal

import pytest
import torch

from disciplined.mistakes import Mistake
from disciplined.training import checkpoint, parts
from disciplined.training.config import compose
from disciplined.training.planning import plan
from disciplined.training.record import Record
from disciplined.training.rows import COLUMNS
from disciplined.training.run import run

pytestmark = pytest.mark.usefixtures("no_picture")  # but for `whole`, which is of the module
RESNET = [
    "model=superconv_resnet20",
    "dataset=digits",
    "duration=24it",
    "total_batch_size=64",
    "evaluate_every=10it",
    "batch_norm.groups=4",
    "batch_norm.maf=0.9",
    "schedule.base_lr=0.02",
    "schedule.max_lr=0.2",
    "precision=fp32",
    "trainer=cpu",
    "trainer.threads=1",
]


def trained(folder, *overrides, study=None):
    cfg = compose([*RESNET, f"output_dir={folder}", *overrides])
    return run(cfg, quiet=True, study=study), Record(plan(cfg).folder)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """An uninterrupted run with a validation split: (status, record)."""
    return trained(tmp_path_factory.mktemp("whole"), "dataset.validation=200", "augmentation=none")


def test_a_run_leaves_its_record(whole):
    status, record = whole
    assert status == 0
    summary = record.summary()
    assert summary["status"] == "done"
    assert summary["result"]["iteration"] == summary["result"]["iterations"] == 24
    assert summary["machine"]["images_per_second"] > 0
    assert summary["machine"]["precision"] == "32-true"
    assert record.folder.joinpath("metrics.csv").read_text().splitlines()[0] == ",".join(COLUMNS)
    rows = record.rows()
    assert [row["iteration"] for row in rows] == [10, 20, 24]
    assert all(row[m] is not None for row in rows for m in COLUMNS)
    assert (record.folder / "curves.png").stat().st_size > 10_000
    assert (record.folder / "config.yaml").is_file()
    assert summary["result"]["final"]["test_accuracy"] == rows[-1]["test_accuracy"]


def test_it_learns(whole):
    _, record = whole
    rows = record.rows()
    assert rows[-1]["train_accuracy"] > 0.4  # chance is 0.1
    assert rows[-1]["train_loss"] < rows[0]["train_loss"]


def test_the_same_config_gives_the_same_bytes(whole, tmp_path):
    _, record = whole
    _, again = trained(tmp_path, "dataset.validation=200", "augmentation=none")
    assert again.metrics_file.read_bytes() == record.metrics_file.read_bytes()
    assert same_weights(again, record)


def test_another_seed_is_another_run(whole, tmp_path):
    _, record = whole
    _, other = trained(tmp_path, "dataset.validation=200", "augmentation=none", "seed=1")
    assert other.metrics_file.read_bytes() != record.metrics_file.read_bytes()


def test_a_range_test_before_it_leaves_no_trace(whole, tmp_path):
    """In the same process, into the same folder: the run is the one without it, byte for byte."""
    _, record = whole
    settings = ["dataset.validation=200", "augmentation=none"]
    status, tested = trained(tmp_path, *settings, "schedule=range_test", "schedule.max_lr=3")
    assert status in (0, 3) and tested.rows()
    _, after = trained(tmp_path, *settings)
    assert after.metrics_file.read_bytes() == record.metrics_file.read_bytes()
    assert same_weights(after, record)


def test_evaluating_leaves_no_trace(whole, tmp_path):
    """After every update or twice, on all images or ten: the same weights."""
    _, record = whole
    often = ["evaluate_every=1it", "evaluation.images=10"]
    _, other = trained(tmp_path, "dataset.validation=200", "augmentation=none", *often)
    assert len(other.rows()) == 24
    assert same_weights(other, record)


class Interrupt(parts.Progress):
    """Sends this process a signal after an update, as a user or a scheduler would."""

    at, number = 13, signal.SIGTERM

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        if batch_idx + 1 == self.at:
            os.kill(os.getpid(), self.number)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_saves_and_the_run_goes_on_with_the_same_bytes(
    whole, tmp_path, monkeypatch, number, status
):
    _, record = whole
    settings = ["dataset.validation=200", "augmentation=none"]
    monkeypatch.setattr(parts, "Progress", Interrupt)
    monkeypatch.setattr(Interrupt, "number", number)
    cfg = compose([*RESNET, *settings, f"output_dir={tmp_path}"])
    assert run(cfg) == status
    interrupted = Record(plan(cfg).folder)
    assert interrupted.summary()["status"] == "interrupted"
    assert list(interrupted.checkpoints.glob("*it.ckpt"))
    monkeypatch.undo()
    assert run(cfg, quiet=True) == 0
    assert interrupted.summary()["machine"]["resumed_at"] in (13, 14)
    assert interrupted.metrics_file.read_bytes() == record.metrics_file.read_bytes()
    assert interrupted.summary()["result"] == record.summary()["result"]
    assert same_weights(interrupted, record)


def test_accumulation_sees_the_same_batches(whole, tmp_path):
    """Two micro-batches with half of the batch-norm groups each: the same run to rounding."""
    _, record = whole
    _, halves = trained(
        tmp_path, "dataset.validation=200", "augmentation=none", "trainer.accumulate=2"
    )
    ours, theirs = halves.rows(), record.rows()
    assert [r["iteration"] for r in ours] == [r["iteration"] for r in theirs]
    assert ours[0]["train_loss"] == pytest.approx(theirs[0]["train_loss"], rel=2e-3)


def test_a_divergence_is_status_3_with_its_record_kept(tmp_path):
    status, record = trained(tmp_path, "schedule.max_lr=1e20", "duration=20it", "momentum=constant")
    assert status == 3
    summary = record.summary()
    assert summary["status"] == "diverged"
    assert 0 <= summary["result"]["diverged_at"] < 20
    assert "NaN" not in json.dumps(summary)


def test_registration_is_kept_verbatim(tmp_path):
    study = {"id": "x/y", "blob": "abc", "committed": True}
    _, record = trained(tmp_path, "duration=2it", study=study)
    assert record.summary()["registered"] == study


def test_as_published_evaluates_another_sample(tmp_path):
    status, record = trained(
        tmp_path,
        "duration=2it",
        "evaluation.protocol=as_published",
        "model.published_test.count=128",
    )
    assert status == 0
    assert (record.rows()[-1]["test_accuracy"] * 128) % 1 == pytest.approx(0, abs=1e-9)


def test_batch_statistics_evaluate(tmp_path):
    _, running = trained(tmp_path, "duration=2it")
    _, batch = trained(tmp_path, "duration=2it", "batch_norm.evaluate=batch")
    assert running.rows()[-1]["test_loss"] != batch.rows()[-1]["test_loss"]


def test_mistakes_leave_nothing(tmp_path):
    for settings in (
        ["model=lenet"],
        ["dataset=mnist", "data_dir=/nowhere", "dataset.load.download=false"],
    ):
        with pytest.raises(Mistake):
            trained(tmp_path, *settings)
    assert list(tmp_path.iterdir()) == []


def test_more_devices_need_ddp(tmp_path):
    with pytest.raises(Mistake, match="trainer=ddp"):
        trained(tmp_path, "trainer.devices=2")


def same_weights(a, b):
    x, y = (checkpoint.opened(r.checkpoints / "000000024it.ckpt")[0]["state_dict"] for r in (a, b))
    return x.keys() == y.keys() and all(torch.equal(x[k], y[k]) for k in x)


def test_a_run_is_trained_by_one_process_at_a_time(tmp_path):
    cfg = compose([*RESNET, f"output_dir={tmp_path}"])
    other = Record(plan(cfg).folder)
    other.claim()
    with pytest.raises(Mistake, match="is being trained by another process"):
        run(cfg, quiet=True)
    assert [path.name for path in other.folder.iterdir()] == ["held"]
    other.release()
    other.claim()


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["optimizer.nesterov=maybe"], "optimizer.nesterov=maybe: expected true or false"),
        (["optimizer.convention=foo"], "optimizer.convention=foo: expected one of caffe, pytorch"),
        (["model.input.scale=foo"], "model.input.scale=foo: expected a number"),
        (["dataset.classes=5"], "dataset.classes=5: digits has 10"),
        (["dataset.train_images=99"], "dataset.train_images=99: digits has 1437"),
        (["model=lenet"], "model=lenet: images of 8×8 pixels are too small"),
        (["output_dir=/proc/nowhere"], "output_dir: cannot be written to"),
    ],
)
def test_a_mistake_leaves_nothing(tmp_path, overrides, said):
    with pytest.raises(Mistake, match=said):
        trained(tmp_path, *overrides)
    assert list(tmp_path.rglob("*")) == []


def test_weights_that_blow_up_in_the_last_update_are_a_divergence(tmp_path):
    kept = [o for o in RESNET if not o.startswith("schedule.")]
    once = ["schedule=constant", "schedule.lr=1e30", "duration=1it", f"output_dir={tmp_path}"]
    cfg = compose([*kept, *once])
    assert run(cfg, quiet=True) == 3
    summary = Record(plan(cfg).folder).summary()
    assert summary["result"]["diverged_at"] == 1
    assert "test_loss" not in summary["result"]["final"]
    assert "train_loss" in summary["result"]["final"]


def test_on_a_plateau_a_row_has_the_rate_it_leads_to(tmp_path):
    rest = [o for o in RESNET if not o.startswith(("schedule.", "duration", "evaluate_every"))]
    # an improvement of five is none: every row but the first lowers the rate
    plateau = ["schedule=plateau", "schedule.lr=0.01", "schedule.patience=1"]
    seen = ["schedule.monitor=train_loss", "schedule.min_delta=5", "evaluate_every=2it"]
    cfg = compose([*rest, *plateau, *seen, "duration=8it", f"output_dir={tmp_path}"])
    assert run(cfg, quiet=True) == 0
    rates = [row["lr"] for row in Record(plan(cfg).folder).rows()]
    assert rates == pytest.approx([1e-2, 1e-3, 1e-4, 1e-5])


def test_clipping_reaches_the_update(tmp_path):
    """Gradients of no length move nothing: only batch norm's averages and decay could."""
    limits = ["clipping=constant", "clipping.value=1e-30", "weight_decay.value=0"]
    _, record = trained(tmp_path, *limits, "batch_norm.evaluate=batch")
    first, *_, last = record.rows()
    assert first["test_loss"] == pytest.approx(last["test_loss"], rel=1e-5)


def test_a_decay_that_changes_at_a_snapshot_is_a_restart_from_it(whole, tmp_path):
    """What disciplined/fig12 needs: until there the runs are one, byte for byte, and then not."""
    _, record = whole
    held = ["dataset.validation=200", "augmentation=none"]
    piecewise = ["weight_decay=piecewise_constant", "weight_decay.milestones=[10it]"]
    values = ["weight_decay.values=[1e-4,1e-1]"]
    _, restarted = trained(tmp_path, *held, *piecewise, *values)
    metrics = [m for m in COLUMNS if m != "weight_decay"]  # a row's is that of the next update
    one, other = ([[row[m] for m in metrics] for row in r.rows()] for r in (record, restarted))
    assert one[0] == other[0] and one[0][0] == 10
    assert one[1] != other[1]
