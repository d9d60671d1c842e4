"""The estimates of `curvature.csv` as a study draws and judges them."""

from pathlib import Path

import numpy as np
import pytest

from disciplined.mistakes import Mistake
from disciplined.studies.expansion import expand
from disciplined.studies.figures import drawing
from disciplined.studies.judging.judge import judge
from disciplined.studies.publish import copy_record
from disciplined.studies.study_file import load
from disciplined.training import estimates

LOW, HIGH = [0.1, 0.2, 0.15], [0.1, 3.0, 5.0]


def measured(study, recorded, spread: float = 0.01):
    """Four records of a and b, whose estimates end at 0.15 and 5."""
    found = recorded(study, {"a": [0.5] * 4, "b": [0.5] * 4})
    for arm, values in (("a", LOW), ("b", HIGH)):
        for k, result in enumerate(found[arm]):
            lines = [
                estimates.line(10 * (i + 1), 0.1, [9.0, float("nan")], [v + spread * k, 7.0])
                for i, v in enumerate(values)
            ]
            text = estimates.header() + "".join(lines)
            (result.folder / "curvature.csv").write_text(text)
    return found


def test_it_is_read_drawn_and_judged(planted, recorded, tmp_path: Path):
    study = planted(
        ("y: test_accuracy}", "y: curvature}"),
        ("greater: {arm: a, than: b}", "greater: {arm: b, than: a, metric: curvature}"),
        (
            "greater: {arm: b, than: a}, says",
            "crosses: {arm: b, metric: curvature, level: 2, x: iteration, between: [10, 20]}, says",
        ),
    )
    found = measured(study, recorded)
    first = found["b"][0]
    x, y = first.curve("iteration", "curvature")
    assert x.tolist() == [10, 20, 30] and y.tolist() == HIGH
    assert first.curve("lr", "curvature_blobs")[0].tolist() == [0.1] * 3
    assert first.value("curvature", "final") == 5.0
    assert first.value("curvature", "mean") == pytest.approx(np.mean(HIGH))
    epochs = first.curve("epoch", "curvature")[0]
    assert epochs == pytest.approx(x / first.run.plan.iterations_per_epoch)
    assert np.isnan(first.estimates["estimate_blobs"]).all()
    judged = judge(study, "paper", found)
    assert [j.verdict.verdict for j in judged.claims] == ["reproduced", "reproduced"]
    svg, _ = drawing.draw(study, "paper", found, tmp_path / "drawn")
    assert "estimated rate, over the weights" in svg.read_text()
    (first.folder / "config.yaml").write_text("model: x\n")
    copy_record(first, tmp_path / "copied")
    copied = tmp_path / "copied" / "curvature.csv"
    assert copied.read_text() == (first.folder / "curvature.csv").read_text()


def test_a_record_without_estimates_has_none(planted, recorded):
    (result,) = recorded(planted(), {"a": [0.5]})["a"]
    assert result.curve("iteration", "curvature")[0].size == 0
    assert np.isnan(result.value("curvature", "final"))


def test_it_has_no_best_value(planted):
    with pytest.raises(Mistake, match="curvature has no best value; expected final or mean"):
        planted(("{arm: a, than: b}", "{arm: a, than: b, metric: curvature, at: best}"))


def test_the_figure_of_the_paper_measures_at_every_scale():
    study = load("superconv/fig05")
    for scale, every in (("paper", [1, 1, 10, 10]), ("short", [1, 1, 10, 10]), ("smoke", [1] * 4)):
        runs = expand(study, scale, seeds=1)
        assert [run.plan.curvature_every for run in runs] == every, scale


def test_its_first_panel_is_the_beginning_of_the_cycle():
    a, _, b, _ = (
        run.plan.learning_rate for run in expand(load("superconv/fig05"), "paper", seeds=1)
    )
    first = np.arange(300)
    assert a.values(first) == pytest.approx(b.values(first), rel=1e-12)
