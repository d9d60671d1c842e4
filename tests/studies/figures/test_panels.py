"""Panels of two metrics, of gaps, of schedules alone, and lines over a setting."""

import re
from pathlib import Path

import numpy as np
import pytest

from disciplined.mistakes import Mistake
from disciplined.studies.expansion import expand
from disciplined.studies.figures import drawing, over_a_setting, series
from disciplined.studies.study import on_axis

PANEL = "panels: {p: {x: iteration, y: test_accuracy}}"


def test_two_metrics_share_axes_or_have_one_each(planted, recorded, tmp_path: Path):
    study = planted((PANEL, "panels: {p: {x: lr, y: [test_accuracy, test_loss]}}"))
    svg = drawing.draw(study, "paper", recorded(study, {"a": [0.8]}), tmp_path)[0].read_text()
    assert "test accuracy (%)" in svg and svg.count(">test loss<") == 2  # beside the axis, legend
    study = planted((PANEL, "panels: {p: {x: lr, y: [train_loss, test_loss]}}"))
    svg = drawing.draw(study, "paper", recorded(study, {"a": [0.8]}), tmp_path)[0].read_text()
    assert ">loss<" in svg and ">training loss<" in svg and "(%)" not in svg


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
    assert "up: mean ± std of 1 or 2 runs an arm" in svg and "down: 1 run an arm" in svg
    assert "length of the run (iterations)" in svg
    assert [on_axis(study.setting(arm, "duration"), "x") for arm in "abc"] == [50, 100, 200]


def diverged(found, arm: str, *seeds: int) -> None:
    for seed in seeds:
        found[arm][seed].summary["status"] = "diverged"


def test_a_curve_says_how_many_runs_diverged(planted, recorded, tmp_path: Path):
    study = planted()
    found = recorded(study, {"a": [0.8] * 4, "b": [0.7] * 9, "c": [0.6]})
    diverged(found, "a", 1)
    diverged(found, "b", 0, 2)
    diverged(found, "c", 0)
    svg = drawing.draw(study, "paper", found, tmp_path)[0].read_text()
    assert "the first, ours (4 runs, 1 diverged)" in svg
    assert "b, ours (9 runs, 2 diverged)" in svg, "no band where some end before the others"
    assert "c, ours (1 run, 1 diverged)" in svg
    assert "right: diverged, not in the mean" in svg
    for r in found["c"]:
        r.columns["test_accuracy"][:] = np.nan
    found["a"][0].columns["test_accuracy"][:] = np.nan
    svg = drawing.draw(study, "paper", found, tmp_path)[0].read_text()
    assert "c, ours (1 run, 1 diverged)" in svg, "nothing to draw is not the same as nothing run"
    assert "the first, ours (4 runs, 1 diverged, 1 not measured)" in svg


def test_a_mean_keeps_its_runs_from_end_to_end():
    x = np.array([10.0, 20, 30, 40])
    whole, cut = (x, np.array([1.0, 2, 3, 4])), (x[:2], np.array([3.0, 4]))
    for curves in ([whole, cut], [cut, whole]):
        at, mean = series.mean_curve(curves)
        assert (at.tolist(), mean.tolist()) == ([10, 20], [2, 3])
    elsewhere = (np.array([10.0, 20, 25]), np.array([3.0, 4, 9]))  # measured as it diverged
    at, mean = series.mean_curve([whole, elsewhere])
    assert (at.tolist(), mean.tolist()) == ([10, 20], [2, 3])
    at, mean = series.mean_curve([whole, whole])
    assert (at.tolist(), mean.tolist()) == (x.tolist(), whole[1].tolist())


def test_points_mark_arms_of_which_runs_diverged(planted, recorded, tmp_path: Path):
    study = planted((PANEL, "panels: {p: {x: schedule.max_lr, y: test_accuracy}}"))
    found = recorded(study, {"a": [0.8] * 4, "b": [0.7] * 4, "c": [0.6] * 4})
    svg = drawing.draw(study, "paper", found, tmp_path)[0].read_text()
    assert "mean ± std of 4 runs an arm" in svg and "diverged" not in svg
    fewer = {**found, "b": found["b"][:3]}
    svg = drawing.draw(study, "paper", fewer, tmp_path)[0].read_text()
    assert "mean ± std of 3 or 4 runs an arm" in svg
    diverged(found, "b", 1)
    diverged(found, "c", 0, 1, 2, 3)
    del found["a"][0].summary["result"]["final"]["test_accuracy"]
    svg = drawing.draw(study, "paper", found, tmp_path)[0].read_text()
    words = " ".join(" ".join(re.findall(r">([^<>]*)</text>", svg)).split())
    assert "mean ± std of 3 runs an arm, of 12 runs 5 diverged, 1 not measured" in words
    assert "diverged, not in the mean" in words
    axis = crosses(study, found)
    assert sorted(axis) == [2, 3], "at the rates of b and c"
    only = {"c": found["c"]}
    svg = drawing.draw(study, "paper", only, tmp_path)[0].read_text()
    assert "no value, of 4 runs 4 diverged" in svg and "not run" not in svg


def crosses(study, found) -> list[float]:
    """Where crosses stand, drawn in bare axes."""
    from matplotlib.figure import Figure

    axis = Figure().subplots()
    over_a_setting.points(axis, study, study.panels["p"], "paper", found)
    drawn = [line for line in axis.lines if line.get_marker() == "x"]
    return [float(x) for line in drawn for x in np.asarray(line.get_xdata())]


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
