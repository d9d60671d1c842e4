"""Panels of two metrics, of gaps, of schedules alone, and lines over a setting."""

from pathlib import Path

import numpy as np
import pytest

from disciplined.mistakes import Mistake
from disciplined.studies import drawing, series
from disciplined.studies.expansion import expand
from disciplined.studies.study import on_axis

PANEL = "panels: {p: {x: iteration, y: test_accuracy}}"


def test_two_metrics_share_axes_or_have_one_each(planted, recorded, tmp_path: Path):
    study = planted((PANEL, "panels: {p: {x: lr, y: [test_accuracy, test_loss]}}"))
    svg = drawing.draw(study, "paper", recorded(study, {"a": [0.8]}), tmp_path)[0].read_text()
    assert "test accuracy (%)" in svg and svg.count(">test loss<") == 2  # beside the axis, legend
    study = planted((PANEL, "panels: {p: {x: lr, y: [train_loss, test_loss]}}"))
    svg = drawing.draw(study, "paper", recorded(study, {"a": [0.8]}), tmp_path)[0].read_text()
    assert ">loss<" in svg and ">train loss<" in svg and "(%)" not in svg


def test_a_gap_is_one_metric_less_another(planted, recorded):
    study = planted((PANEL, "panels: {p: {x: iteration, y: loss_gap}}"))
    (result,) = recorded(study, {"a": [0.8]})["a"]
    result.columns["train_loss"][:] = [0.5, 0.25, 0.125]
    again = type(result)(result.run, result.folder, result.summary)
    again.columns.update(series.derived(result.columns))
    assert np.allclose(again.columns["loss_gap"], [1.8 - 0.5, 1.2 - 0.25, 0.4 - 0.125])
    result.summary["result"]["final"] |= {"train_loss": 0.125}
    assert result.value("loss_gap", "final") == pytest.approx(0.4 - 0.125)


def test_a_sketch_is_drawn_from_its_schedules(planted, tmp_path: Path):
    study = planted(
        (PANEL, "sketch: true\npanels: {p: {x: iteration, y: lr}}"),
        ("author: {a: superconv/clr3SS5kFig1a}", ""),
    )
    assert expand(study, "paper") == []
    svg = drawing.draw(study, "paper", {}, tmp_path)[0].read_text()
    assert "the first" in svg and "not run" not in svg and "learning rate" in svg
    plan = expand(planted(), "paper", arms=["a"], seeds=1)[0].plan
    x, y = series.as_set(plan, "iteration", "lr")
    assert (x[0], y[0], x[50], y[50], x[-1], y[-1]) == (0, 0.1, 50, 1, 100, pytest.approx(0.1))


def test_lines_over_a_length(planted, recorded, tmp_path: Path):
    arms = "arms: {a: {duration: 50it}, b: {duration: 100it}, c: {duration: 200it}}"
    study = planted(
        ("arms: {a: {schedule.max_lr: 1}, b: {schedule.max_lr: 2}, c: {schedule.max_lr: 3}}", arms),
        (PANEL, "panels: {p: {x: duration, y: test_accuracy, lines: {up: [a, b], down: [b, c]}}}"),
    )
    found = recorded(study, {"a": [0.7, 0.72], "b": [0.8]})
    svg = drawing.draw(study, "paper", found, tmp_path)[0].read_text()
    assert "up: mean ± std of 2 runs an arm" in svg and "down: 1 run an arm" in svg
    assert "length of the run (iterations)" in svg
    assert [on_axis(study.setting(arm, "duration"), "x") for arm in "abc"] == [50, 100, 200]


@pytest.mark.parametrize(
    ("panel", "says"),
    [
        ("{x: iteration, y: [test_loss, lr, momentum]}", "expected one metric or two"),
        ("{x: iteration, y: test_los}", "did you mean test_loss?"),
        ("{x: schedule.max_l, y: test_loss}", "did you mean schedule.max_lr?"),
        ("{x: schedule, y: test_loss}", "not a length"),
        ("{x: duration, y: test_loss, lines: {up: [a, d]}}", "names the arm d"),
    ],
)
def test_what_cannot_be_drawn_is_said(planted, panel: str, says: str):
    with pytest.raises(Mistake, match=says):
        planted((PANEL, f"panels: {{p: {panel}}}"))
