"""The curvature estimate: as numpy has it, where the answer is known, and after interruptions."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from faulty import SIGNALS, assert_same, attempt, record_of

from disciplined.mistakes import Mistake
from disciplined.training import estimates, parts
from disciplined.training.config import compose
from disciplined.training.curvature import Curvature
from disciplined.training.module import Training
from disciplined.training.planning import plan
from disciplined.training.record import Record
from disciplined.training.rows import read_rows
from disciplined.training.run import run

UPDATES = 13
NET = [
    "model=superconv_resnet20",
    "dataset=digits",
    f"duration={UPDATES}it",
    "total_batch_size=64",
    "evaluate_every=5it",
    "evaluation.images=64",
    "batch_norm.groups=4",
    "batch_norm.maf=0.9",
    "schedule=triangular",
    "schedule.base_lr=0.02",
    "schedule.max_lr=0.2",
    "schedule.stepsize=5it",
    "precision=fp32",
    "trainer=cpu",
    "trainer.threads=1",
]


class Written(SimpleNamespace):
    """What `Curvature` knows of a run, without one; `text` is what it has written."""

    text = ""

    def append_curvature(self, lines: str) -> None:
        self.text += lines


def descended(curvatures: list[float], every: int, lr: float = 0.1) -> list[list[float]]:
    """Gradient descent on Σ ½ h w² from w = 1, a weight for each h: (estimate, average) of each
    comparison, in float64."""
    network = torch.nn.Linear(1, len(curvatures), bias=False, dtype=torch.float64)
    torch.nn.init.ones_(network.weight)
    h = torch.tensor(curvatures, dtype=torch.float64)[:, None]
    record = Written()
    measuring = Curvature(every, SimpleNamespace(record=record))  # pyright: ignore
    rate = SimpleNamespace(value=lambda _: lr)
    module: Any = SimpleNamespace(plan=SimpleNamespace(learning_rate=rate))
    measuring.compared = [network.weight]
    measuring.factors = torch.ones(2, 1, dtype=torch.float64)
    measuring.averages = [lr, lr]
    for update in range(1, 12 * every + 1):
        with torch.no_grad():
            network.weight -= lr * h * network.weight
        if update % every == 0:
            measuring.take(update)
    measuring.read(module)
    return [list(map(float, line.split(",")[2:4])) for line in record.text.splitlines()]


@pytest.mark.parametrize("h", [0.02, 1.0, 4.0, 19.0])
def test_on_a_quadratic_it_is_the_inverse_of_its_curvature(h: float):
    found = descended([h, h, h], every=1)
    assert len(found) == 10
    average = 0.1
    for estimate, curvature in found:
        assert estimate == pytest.approx(1 / h, rel=1e-9)
        average = 0.1 / h + 0.9 * average
        assert curvature == pytest.approx(average, rel=1e-9)


def test_iterates_further_apart_ask_for_less():
    """Ten updates shrink a weight by (1 − eps h)^10."""
    (estimate, _), *_ = descended([0.5], every=10)
    assert estimate == pytest.approx(0.1 / (1 - 0.95**10), rel=1e-9)


def test_unlike_curvatures_are_weighed_by_the_steps_in_them():
    """Σ h w over Σ h² w, at the iterate behind the first update."""
    (estimate, _), *_ = descended([1.0, 5.0], every=1)
    w = np.array([1 - 0.1 * 1.0, 1 - 0.1 * 5.0])
    h = np.array([1.0, 5.0])
    assert estimate == pytest.approx((h * w).sum() / (h * h * w).sum(), rel=1e-9)


class Watch(parts.Progress):
    """Keeps every iterate, as an onlooker behind all other callbacks."""

    kept: list[dict[str, np.ndarray]]

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        assert isinstance(pl_module, Training)
        state = pl_module.network.state_dict()
        self.kept.append({k: v.numpy().astype(float).copy() for k, v in state.items()})


def expected(
    kept: list[dict[str, np.ndarray]], every: int, rates: np.ndarray, start: float, maf: float
) -> list[list[float]]:
    """The rows by the formula, over trained weights and with Caffe's sums s among them."""
    chosen = kept[every - 1 :: every]  # after `every`, 2 `every`, ... updates
    sums = {k for k in chosen[0] if k.endswith(("s_mean", "s_var", ".f"))}
    averages = [start, start]
    rows = []
    for k, (w0, w1, w2) in enumerate(zip(chosen, chosen[1:], chosen[2:], strict=False)):
        rate, row = rates[(k + 1) * every], [(k + 3) * every, rates[(k + 1) * every]]
        for which, caffe in enumerate((False, True)):
            names = [n for n in w0 if caffe or n not in sums]
            factor = {n: 1 / (1 - maf) if n in sums else 1.0 for n in names}
            top = sum(factor[n] * np.abs(w1[n] - w0[n]).sum() for n in names)
            bottom = sum(factor[n] * np.abs(2 * w1[n] - w0[n] - w2[n]).sum() for n in names)
            averages[which] = 0.1 * rate * top / bottom + 0.9 * averages[which]
            row += [rate * top / bottom, averages[which]]
        rows.append(row)
    return rows


@pytest.mark.parametrize(
    ("optimizer", "every"),
    [("sgd", 1), ("sgd_pytorch", 2), ("nesterov", 4)],
)
def test_a_run_writes_what_the_formula_says_of_its_iterates(
    optimizer: str, every: int, tmp_path, monkeypatch
):
    kept: list[dict[str, np.ndarray]] = []
    monkeypatch.setattr(parts, "Progress", Watch)
    monkeypatch.setattr(Watch, "kept", kept, raising=False)
    settings = [f"optimizer={optimizer}", f"curvature_every={every}", f"output_dir={tmp_path}"]
    cfg = compose([*NET, *settings])
    assert run(cfg) == 0
    asked = plan(cfg)
    found = read_rows(asked.folder / "curvature.csv")
    assert [row["iteration"] for row in found] == list(range(3 * every, UPDATES + 1, every))
    rates = asked.learning_rate.values(np.arange(UPDATES))
    wanted = expected(kept, every, rates, start=0.02, maf=0.9)
    assert len(found) == len(wanted) > 0
    for row, values in zip(found, wanted, strict=True):
        assert [row[name] for name in estimates.COLUMNS] == pytest.approx(values, rel=2e-4)
    # the running sums move by other amounts than the weights: the two differ where it matters
    assert all(abs(row[2] / row[4] - 1) > 0.01 for row in wanted)


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Record:
    """A run that measures, never interrupted."""
    asked = [*NET, "curvature_every=2", f"output_dir={tmp_path_factory.mktemp('whole')}"]
    assert run(compose(asked), quiet=True) == 0
    return record_of(asked)


def test_measuring_leaves_no_trace(whole, tmp_path):
    asked = [*NET, f"output_dir={tmp_path}"]
    assert run(compose(asked), quiet=True) == 0
    without = record_of(asked)
    assert without.metrics_file.read_bytes() == whole.metrics_file.read_bytes()
    assert not without.curvature_file.exists()
    plain, measured = without.summary(), whole.summary()
    assert plain and measured
    assert measured["result"].pop("curvature_sha256")
    assert plain["result"] == measured["result"]


def test_the_key_knows_it_and_what_is_trained_does_not():
    off, on, other = (
        plan(compose([*NET, *more])) for more in ([], ["curvature_every=1"], ["curvature_every=2"])
    )
    assert "curvature_every" not in off.asked
    assert len({off.key, on.key, other.key}) == 3
    assert off.trained == on.trained == other.trained


@pytest.mark.parametrize(
    ("fault", "at"),
    [("SIGKILL", 3), ("SIGKILL", 11), ("SIGTERM", 8)],
    ids=str,
)
def test_interrupted_it_goes_on_with_the_same_bytes(whole, fault: str, at: int, tmp_path):
    """Before the first estimate, between two rows, behind the last row but one."""
    asked = [*NET, "curvature_every=2", "trainer.checkpoint_seconds=0", f"output_dir={tmp_path}"]
    assert attempt(asked, fault, at)[0] == SIGNALS[fault]
    assert attempt(asked)[0] == 0
    record = record_of(asked)
    summary = record.summary()
    assert summary and summary["machine"]["resumed_at"] in (at, at + 1)
    assert record.curvature_file.read_bytes() == whole.curvature_file.read_bytes()
    assert_same(record, whole)


def test_a_damaged_file_is_made_good_without_training(whole, tmp_path):
    asked = [*NET, "curvature_every=2", f"output_dir={tmp_path}"]
    assert run(compose(asked), quiet=True) == 0
    record = record_of(asked)
    text = record.curvature_file.read_text()
    record.curvature_file.write_text(text.replace("1", "2", 1))
    assert record.finished() is None
    assert run(compose(asked), quiet=True) == 0
    assert record.curvature_file.read_text() == text
    assert record.finished()


def test_nothing_is_kept_behind_a_divergence(tmp_path):
    """Neither what came of it nor, since a GPU is not asked before, what is between two rows."""
    told = ["schedule=multistep", "schedule.lr=0.01", "schedule.gamma=1e30"]
    told += ["schedule.milestones=[8it]", "momentum=constant"]
    rest = [o for o in NET if not o.startswith("schedule")]
    cfg = compose([*rest, *told, "curvature_every=1", f"output_dir={tmp_path}"])
    assert run(cfg, quiet=True) == 3
    record = Record(plan(cfg).folder)
    summary = record.finished()
    assert summary
    diverged_at = summary["result"]["diverged_at"]
    assert 5 < diverged_at < UPDATES
    at = [row["iteration"] for row in read_rows(record.curvature_file)]
    assert at == list(range(3, diverged_at // 5 * 5 + 1))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_processes_measure_what_one_does(whole, command, tmp_path):
    pair = ["trainer=ddp", "trainer.accelerator=cpu"]
    rest = [o for o in NET if o != "trainer=cpu"]
    done = command("train.py", *rest, "curvature_every=2", *pair, timeout=800)
    assert done.returncode == 0, done.stderr
    (file,) = tmp_path.glob("runs/*/curvature.csv")
    ours, theirs = read_rows(file), read_rows(whole.curvature_file)
    assert len(ours) == len(theirs) == 4
    for a, b in zip(ours, theirs, strict=True):
        assert list(a.values()) == pytest.approx(list(b.values()), rel=2e-2)


@pytest.mark.parametrize("value", ["0", "-1", "5"])
def test_three_iterates_must_fit(value: str):
    with pytest.raises(Mistake, match=f"curvature_every={value}: expected a whole number from 1"):
        plan(compose([*NET, f"curvature_every={value}"]))
