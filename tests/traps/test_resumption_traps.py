"""Known traps of checkpoints, resumption and measuring, each by the thread that tells of it."""

import os
import shutil
import signal
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from small_runs import UPDATES, train
from torch import nn

from disciplined.data.draws import mirror_flags
from disciplined.data.evaluation import Protocol
from disciplined.data.stream import Stream
from disciplined.mistakes import Mistake
from disciplined.training import assembly, checkpoint
from disciplined.training.batches import Batches
from disciplined.training.config import compose
from disciplined.training.evaluating import Evaluator
from disciplined.training.module import Training
from disciplined.training.planning import plan


def signals(*numbers: int, at: int = 6):
    """Send this process signals before micro-batch `at`."""

    def strike(_trainer, batch_idx: int) -> None:
        if batch_idx == at:
            for number in numbers:
                os.kill(os.getpid(), number)

    return strike


@pytest.fixture
def seen(monkeypatch) -> list[tuple[int, int]]:
    """(iteration of the batch, Lightning's number of it) at every training step."""
    found: list[tuple[int, int]] = []
    step = Training.training_step

    def spy(self, batch, batch_idx):
        found.append((int(batch.iteration), batch_idx))
        return step(self, batch, batch_idx)

    monkeypatch.setattr(Training, "training_step", spy)
    return found


@pytest.mark.parametrize("accumulate", [1, 2])
def test_resuming_neither_repeats_nor_skips(settings, stopped_by, seen, told, accumulate):
    """Lightning#19764, #18060, #15462: data and rates each one batch off, in their own way."""
    asked = settings(f"trainer.accumulate={accumulate}")
    stopped_by(signals(signal.SIGTERM, at=6 * accumulate))
    assert train(asked)[0] == 143
    stopped_by(lambda *_: None)
    assert train(asked)[0] == 0
    assert [number for _, number in seen] == list(range(UPDATES * accumulate))
    assert all(iteration == number // accumulate for iteration, number in seen)
    rate = plan(compose(asked)).learning_rate
    assert [t["lr"] for t in told] == [rate.value(iteration) for iteration, _ in seen]


@pytest.mark.parametrize(("before", "after"), [(1, 2), (2, 1), (4, 2)])
def test_resuming_with_other_micro_batches(settings, stopped_by, seen, before, after):
    """Lightning#5334: updates and micro-batches confused; the run ended early and called it done.

    How a total batch is cut up is the machine's business, so the record is the same.
    """
    stopped_by(signals(signal.SIGTERM, at=6 * before))
    assert train(settings(f"trainer.accumulate={before}"))[0] == 143
    stopped_by(lambda *_: None)
    seen.clear()
    status, record = train(settings(f"trainer.accumulate={after}"))
    assert status == 0
    assert seen == [(number // after, number) for number in range(7 * after, UPDATES * after)]
    assert [row["iteration"] for row in record.rows()] == [4, 8, 12]
    assert (record.checkpoints / f"{UPDATES:09d}it.ckpt").is_file()


def test_no_incomplete_accumulation():
    """Lightning#19987: the last micro-batches of an epoch made an update of their own size."""
    found = Batches(Stream(100, 32, 0), 5, accumulate=4)
    assert len(list(found)) == len(found) == 20
    assert {len(batch.indices) for batch in found} == {8}
    with pytest.raises(Mistake, match="does not divide over 3 equal parts"):
        plan(compose(["model=three_layer", "total_batch_size=128", "trainer.accumulate=3"]))


def test_every_epoch_has_another_order_and_a_fresh_process_the_same():
    """Lightning#224: one order for every epoch; or another one after resuming."""
    stream, fresh = (Stream(64, 32, seed=3) for _ in range(2))
    epochs = [np.concatenate([stream.indices(2 * e), stream.indices(2 * e + 1)]) for e in range(3)]
    assert not np.array_equal(epochs[0], epochs[1])
    assert np.array_equal(fresh.indices(5), epochs[2][32:])


def test_augmentation_is_drawn_anew_for_every_batch():
    """pytorch#5059: every worker and every epoch drew the same."""
    flags = [tuple(mirror_flags(0, t, 64)) for t in range(20)]
    assert len(set(flags)) == 20


def test_layers_draw_the_same_after_resuming(settings, stopped_by, monkeypatch):
    """speculators#1027: the random state was another after resuming, or after an evaluation."""
    seeds: list[int] = []
    step = Training.training_step

    def spy(self, batch, batch_idx):
        seeds.append(torch.initial_seed())
        torch.rand(7)  # whoever else draws
        return step(self, batch, batch_idx)

    monkeypatch.setattr(Training, "training_step", spy)
    whole = settings("trainer.accumulate=2", "force=true")
    assert train(whole)[0] == 0
    before, seeds[:] = list(seeds), []
    asked = settings("trainer.accumulate=2", "evaluate_every=5it")
    stopped_by(signals(signal.SIGTERM, at=11))
    assert train(asked)[0] == 143
    stopped_by(lambda *_: None)
    assert train(asked)[0] == 0
    assert seeds == before and len(set(seeds)) == 2 * UPDATES


def test_sums_of_one_process_count_once_when_two_go_on(settings):
    """Lightning#19549: what was measured before an interruption counted wrongly after it."""
    cfg = compose(settings())
    asked = plan(cfg)
    images, _ = assembly.loaded(cfg)

    class One(Training):
        """One process of `many`."""

        def __init__(self, rank: int, many: int):
            super().__init__(nn.Linear(1, 1), nn.Identity(), images, asked, None)
            self.rank, self.many = rank, many

        @property
        def global_rank(self):
            return self.rank

        @property
        def trainer(self):
            return SimpleNamespace(world_size=self.many)

        def taken_up(self, *sums: float) -> float:
            told = {"sums": torch.tensor([[s] * 3 for s in sums]), "diverged_at": torch.tensor(-1)}
            self.on_load_checkpoint({"disciplined": told})
            return self.sums.tolist()[0]

    assert [One(rank, 2).taken_up(5) for rank in (0, 1)] == [5, 0]
    assert [One(rank, 2).taken_up(5, 7) for rank in (0, 1)] == [5, 7]
    assert One(0, 1).taken_up(5, 7) == 12


@pytest.mark.parametrize("parts", [1, 2, 3])
def test_a_mean_over_batches_is_one_over_images(parts):
    """torchmetrics#3434, pytorch#25162: batch weights dropped; padded images counted twice."""
    torch.manual_seed(0)
    images = torch.randint(0, 256, (361, 1, 2, 2), dtype=torch.uint8)
    labels = torch.randint(0, 3, (361,))
    network = nn.Sequential(nn.Flatten(), nn.Linear(4, 3))
    whole = torch.nn.functional.cross_entropy(network(images.float()), labels).item()
    found = 0.0
    for part in range(parts):
        evaluate = Evaluator(
            images,
            labels,
            classes=3,
            protocol=Protocol.full(361, at_most=None),
            batch_size=100,
            part=part,
            parts=parts,
        )
        evaluate(network, _Float(), 0)
        found += float(evaluate.loss.compute())
    assert found / 361 == pytest.approx(whole, rel=1e-5)


class _Float(nn.Module):
    def forward(self, x):
        return x.float()


def test_a_nan_is_no_success_and_no_checkpoint(settings):
    """Lightning#20708: training went on with NaN and ended well."""
    status, record = train(settings("schedule.max_lr=1e30"))
    assert status == 3
    assert not list(record.checkpoints.glob("*it.ckpt")) or all(
        int(checkpoint.opened(p)[0]["disciplined"]["diverged_at"]) < 0
        for p in record.checkpoints.glob("*it.ckpt")
    )


def test_only_precisions_that_skip_no_update():
    """Lightning#18828: a gradient scaler skipped updates, the schedule did not wait for them."""
    with pytest.raises(Mistake, match="precision"):
        compose(["model=three_layer", "precision=fp16"])


def test_a_run_keeps_the_precision_it_began_with(settings, stopped_by, monkeypatch):
    """OpenTau#184: bf16 before, fp32 after, and not a word."""
    asked = [o for o in settings("precision=auto") if o != "precision=fp32"]
    monkeypatch.setattr("disciplined.training.machine.multiplies_bf16", lambda: True)
    stopped_by(signals(signal.SIGTERM))
    assert train(asked)[0] == 143
    monkeypatch.setattr("disciplined.training.machine.multiplies_bf16", lambda: False)
    stopped_by(lambda *_: None)
    status, record = train(asked)
    assert status == 0
    summary = record.summary()
    assert summary and summary["machine"]["resumed_at"] == 7
    assert summary["machine"]["precision"] == "bf16-mixed"


class Killed(BaseException):
    """As SIGKILL: nothing is tidied up."""


MOMENTS = ["torch.save", "hashlib.sha256", "os.fsync", "pathlib.Path.replace", "os.fsync later"]


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_while_saving(settings, monkeypatch, moment):
    """Lightning#19970, #1150: the old file gone before the new one was whole."""
    asked = settings()
    _, record = train(asked)
    last = record.checkpoints / f"{UPDATES:09d}it.ckpt"
    state, _ = checkpoint.opened(last)
    state["global_step"] = UPDATES + 1
    name, _, later = moment.partition(" ")
    real, calls = _named(name), []

    def strike(*given, **options):
        calls.append(given)
        if not later or len(calls) > 2:  # the file's, its checksum's, then the folder's
            raise Killed
        return real(*given, **options)

    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(name, strike)
        checkpoint.Files().save_checkpoint(state, checkpoint.place(record.checkpoints, UPDATES + 1))
    cfg = compose(asked)
    images, _ = assembly.loaded(cfg)
    found = checkpoint.newest(record.checkpoints, plan(cfg).key, images.sha256, tidy=True)
    assert found and found.iteration == (UPDATES + 1 if later else UPDATES)
    kept = {path.suffix for path in record.checkpoints.iterdir()}
    assert kept == {".ckpt", ".sha256"}, "what was left unfinished is tidied up"


def _named(dotted: str):
    first, *rest = dotted.split(".")
    found = __import__(first)
    for name in rest:
        found = getattr(found, name)
    return found


def test_rows_are_neither_lost_nor_doubled(settings, stopped_by):
    """rf-detr#1321, Lightning#19446: the file of metrics was begun anew, or had rows twice."""
    asked = settings("evaluate_every=1it")
    stopped_by(signals(signal.SIGTERM))
    assert train(asked)[0] == 143
    stopped_by(lambda *_: None)
    _, record = train(asked)
    text = record.metrics_file.read_text()
    assert [row["iteration"] for row in record.rows()] == list(range(1, UPDATES + 1))
    assert text.count("iteration,") == 1


@pytest.mark.parametrize("numbers", [[signal.SIGTERM] * 2, [signal.SIGINT] * 2, [signal.SIGUSR1]])
def test_a_signal_is_no_success(settings, stopped_by, numbers):
    """Lightning#19916, #11924, #21406: status 0 or 1; a state saved in the middle of an update."""
    stopped_by(signals(*numbers))
    status, record = train(settings())
    assert status == 128 + numbers[0]
    summary = record.summary()
    assert summary and summary["status"] == "interrupted"
    for path in record.checkpoints.glob("*it.ckpt"):
        assert checkpoint.opened(path)[0]["global_step"] == int(path.name[:9])


def test_a_signal_before_the_first_update(settings, monkeypatch):
    """Lightning#19916: SIGTERM while its own handler stood ended with status 0."""
    configure = Training.configure_optimizers

    def struck(self):
        os.kill(os.getpid(), signal.SIGTERM)
        return configure(self)

    monkeypatch.setattr(Training, "configure_optimizers", struck)
    status, record = train(settings())
    summary = record.summary()
    assert status == 143 and summary and summary["status"] == "interrupted"
    monkeypatch.undo()
    shutil.rmtree(record.folder / "checkpoints")
    assert train(settings())[0] == 0


def test_what_to_do_after_an_interruption_with_force(settings, stopped_by, capsys):
    """The same command with force=true would begin anew; a requeued job would never end."""
    stopped_by(signals(signal.SIGTERM))
    assert train(settings("force=true"))[0] == 143
    assert "the same command without force=true goes on from there" in capsys.readouterr().out
