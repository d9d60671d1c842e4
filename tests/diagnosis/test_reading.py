"""Which column is taken for what, and what is refused in a line."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from disciplined import diagnose
from disciplined.diagnosis.curves import Curves, curves
from disciplined.diagnosis.files import read
from disciplined.diagnosis.names import ours_of, taken
from disciplined.mistakes import Mistake


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("val_loss", "val_loss"),
        ("valid/ce", "val_loss"),
        ("validation.cross_entropy", "val_loss"),
        ("eval/loss", "val_loss"),
        ("run-7 - val_loss", "val_loss"),
        ("trainLoss", "train_loss"),
        ("loss", "train_loss"),
        ("train_loss_epoch", "train_loss"),
        ("test_acc", "test_accuracy"),
        ("val/acc1", "val_accuracy"),
        ("accuracy", "train_accuracy"),
        ("_step", "iteration"),
        ("trainer/global_step", "iteration"),
        ("Epoch", "epoch"),
        ("lr-SGD/pg1", "lr"),
        ("opt/lr", "lr"),
        ("learning_rate", "lr"),
        ("lr-SGD-momentum", "momentum"),
        ("wd", "weight_decay"),
        ("run-7 - val_loss__MAX", None),
        ("_timestamp", None),
        ("gloss", None),
        ("train_val_loss", None),
        ("box_loss", None),
    ],
)
def test_a_name_says_what_a_column_is(theirs: str, ours: str | None):
    assert (ours_of(theirs) or (None,))[0] == ours


def test_the_nearest_name_is_taken_and_said():
    chosen, said = taken(
        "x", ["train_loss_step", "train_loss_epoch", "val_dice_loss", "val_ce"], {}
    )
    assert chosen == {"train_loss": "train_loss_epoch", "val_loss": "val_ce"}
    assert said == ["train_loss: train_loss_epoch (by its name)", "val_loss: val_ce (by its name)"]


def written(tmp_path: Path, text: str, name: str = "metrics.csv") -> str:
    path = tmp_path / name
    path.write_text(text)
    return str(path)


def test_lightnings_rows_are_put_together(tmp_path: Path):
    """Training, validation and rate are on rows of their own, cells empty elsewhere."""
    text = (
        "epoch,step,train_loss,val_loss,lr-SGD\n"
        ",9,,,0.1\n0,9,2.5,,\n0,9,,2.25,\n,19,,,0.05\n1,19,2.0,,\n1,19,,1.75,\n"
    )
    found = read(written(tmp_path, text), tmp_path, {})
    assert found.columns["iteration"].tolist() == [9, 19]
    assert found.columns["val_loss"].tolist() == [2.25, 1.75]
    assert found.columns["train_loss"].tolist() == [2.5, 2.0]
    assert found.columns["lr"].tolist() == [0.1, 0.05]
    assert found.held_out == "val_loss"


def test_an_export_of_one_run_and_of_several(tmp_path: Path):
    one = 'Step,"a - val_loss","a - val_loss__MIN","a - val_loss__MAX"\n1,2.0,1,3\n2,1.5,1,3\n'
    assert read(written(tmp_path, one), tmp_path, {}).columns["val_loss"].tolist() == [2.0, 1.5]
    two = "Step,a - val_loss,b - val_loss\n1,2.0,1.0\n2,1.5,0.5\n"
    with pytest.raises(Mistake, match="2 runs"):
        read(written(tmp_path, two), tmp_path, {})
    chosen = read(written(tmp_path, two), tmp_path, {"val_loss": "b - val_loss"})
    assert chosen.columns["val_loss"].tolist() == [1.0, 0.5]


def test_a_map_is_followed_and_validation_decides_before_test(tmp_path: Path):
    text = "it;valid/ce;other;test_loss\n10;1;7;3\n20;2;8;4\n"
    path = written(tmp_path, "\ufeff" + text)
    assert read(path, tmp_path, {}).held_out == "val_loss"
    told = read(path, tmp_path, {"val_loss": "other", "iteration": "it"})
    assert told.columns["val_loss"].tolist() == [7, 8]
    assert "val_loss: other" in told.read


def test_what_is_not_finite_is_no_gap(tmp_path: Path):
    found = read(written(tmp_path, "step,val_loss\n1,2\n2,\n3,nan\n"), tmp_path, {})
    assert found.broken("val_loss") == 3
    assert found.measured("val_loss")[0].tolist() == [1]
    arrays = curves({"step": [1, 2, 3, 4], "val_loss": [2, 1, np.nan, np.nan]})
    assert arrays.broken("val_loss") == 3, "measured in every row, then not finite"
    gaps = curves({"step": [1, 2, 3, 4], "val_loss": [2, np.nan, 1, np.nan]})
    assert gaps.broken("val_loss") is None, "every other row"


def test_a_frame_and_rows_are_as_good_as_a_mapping():
    columns = {"step": [1.0, 2, 3], "loss": [3.0, 2, 1]}

    class Frame(SimpleNamespace):
        def __getitem__(self, key: str) -> np.ndarray:
            return np.array(columns[key])

    frames = (
        columns,
        Frame(columns=list(columns)),
        [{"step": i, "loss": 4.0 - i} for i in (1, 2, 3)],
    )
    for found in map(curves, frames):
        assert found.columns["iteration"].tolist() == [1, 2, 3]
        assert found.columns["train_loss"].tolist() == [3, 2, 1]


def test_without_a_clock_rows_are_counted():
    found = curves({"val_loss": [3.0, 2, 1]})
    assert found.columns["iteration"].tolist() == [1, 2, 3] and found.clock == "row"
    assert any("rows are counted" in said for said in found.read)


def test_a_step_that_starts_again_every_epoch_is_no_clock():
    found = curves({"step": [1, 2, 3] * 4, "val_loss": np.arange(12.0)})
    assert found.columns["iteration"].tolist() == list(range(1, 13)) and found.clock == "row"
    assert "again and again" in found.read[-1]
    resumed = curves({"step": [1, 2, 3, 2, 3, 4], "val_loss": [6.0, 5, 4, 5.5, 4.5, 3]})
    assert resumed.columns["val_loss"].tolist() == [6, 5.5, 4.5, 3], "what was measured last"


def test_a_long_log_is_read_and_looked_at_in_blocks(tmp_path: Path):
    """A hundred thousand steps of training loss in seconds, with the finding of its medians."""
    t = np.arange(1, 100_001) / 1000
    loss = 2 - 0.002 * t + 0.05 * np.random.default_rng(0).standard_normal(t.size)
    text = "\n".join(
        ["step,loss,,", *(f"{1000 * a:.0f},{b:.5f},," for a, b in zip(t, loss, strict=True))]
    )
    found = diagnose(written(tmp_path, text))
    assert found.main == "rate too small"
    assert any("200 measurements" in one for one in found.unjudged)


def test_a_hostile_header_reaches_no_terminal_and_no_formula(tmp_path: Path):
    text = "step,\x1b[2Jweight\n1,2\n"
    with pytest.raises(Mistake) as mistake:
        diagnose(written(tmp_path, text))
    assert str(mistake.value).isprintable() and "?[2Jweight" in str(mistake.value)
    path = written(tmp_path, "step,val_loss\n" + "1,2\n2,1\n", "$\\frac{$.csv")
    assert diagnose(path).figure(tmp_path / "x.png").stat().st_size > 1000


def test_a_rate_is_the_last_one_told():
    found = Curves("x", {"iteration": np.arange(4.0), "lr": np.array([1, np.nan, 3, np.nan])})
    known = found.at("lr", np.array([0.0, 1, 2.5, 9]))
    assert known is not None and known.tolist() == [1, 1, 3, 3]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "empty"),
        (b"\n\n", "empty"),
        (b"step,val_loss\n", "no rows"),
        (b"step,weight\n1,2\n", "no loss"),
        (b"step,val_loss\n1,\n2,\n", "no loss"),
        (b"step,val_loss\n1,low\n2,high\n", "no loss"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "binary"),
        (b"\xff\xfe\xfd,\xfa\n1,2\n", "UTF-8"),
        (b"step,val_loss\n" + b'"' + b"x" * 200_000, "not a CSV"),
    ],
    ids=["empty", "blank", "header", "no-loss", "no-value", "words", "picture", "bytes", "field"],
)
def test_what_is_no_table_of_losses_is_refused_in_a_line(tmp_path: Path, content: bytes, why: str):
    path = tmp_path / "some.csv"
    path.write_bytes(content)
    with pytest.raises(Mistake, match=why) as mistake:
        diagnose(path)
    assert "\n" not in str(mistake.value) and len(str(mistake.value)) < 300


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        ({"val_los": "a"}, "did you mean val_loss"),
        ({"val_loss": "valid"}, "no such column"),
    ],
)
def test_a_wrong_map_says_what_there_is(columns: dict[str, str], why: str):
    with pytest.raises(Mistake, match=why):
        diagnose({"step": [1, 2], "valid_ce": [2, 1]}, columns=columns)


def test_columns_of_different_lengths_are_refused():
    with pytest.raises(Mistake, match="different lengths"):
        diagnose({"step": [1, 2, 3], "val_loss": [2, 1]})
