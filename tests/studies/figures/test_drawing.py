"""What a figure leaves out, what it says once, and where its lines run."""

import re
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from disciplined import style
from disciplined.studies.expansion import expand
from disciplined.studies.figures import drawing, ends, over_a_run, over_a_setting, panels, series
from disciplined.studies.figures.labels import label
from disciplined.studies.judging.judge import judge
from disciplined.studies.publish import publish
from disciplined.studies.study_file import load

PANEL = "panels: {p: {x: iteration, y: test_accuracy}}"
UNLOGGED = ("author: {a: superconv/clr3SS5kFig1a}", "")
UNPRINTED = ("published:\n  a: {value: 0.80, std: 0.001, n: 4, test_images: 10000}\n", "")
UNREAD = ("readings: {b: a}", "")


def words(file: Path) -> list[str]:
    """The lines of text in a picture, from the top of the file down."""
    return [line.strip() for line in re.findall(r">([^<>]+)</text>", file.read_text())]


def bare(study, found, name: str = "p", scale: str = "paper"):
    """A panel in axes of its own."""
    axis, panel = Figure().subplots(), study.panels[name]
    draw = over_a_setting.points if panel.over_a_setting else over_a_run.curves
    draw(axis, study, panel, scale, found)
    return axis


def legend(axis) -> list[str]:
    return axis.get_legend_handles_labels()[1]


def test_a_panel_with_nothing_to_draw_is_named_and_not_drawn(planted, recorded, tmp_path: Path):
    study = planted(
        (
            PANEL,
            "panels:\n"
            "  p: {x: iteration, y: test_accuracy}\n"
            "  q: {x: lr, y: train_loss, arms: [b]}\n"
            "  r: {x: schedule.max_lr, y: test_loss, title: over the rate}",
        )
    )
    svg, _ = drawing.draw(study, "paper", {}, tmp_path)
    told = words(svg)
    assert "not run: q (b), over the rate" in told
    assert told.count("test accuracy (%)") == 1 and "training loss" not in told
    drawn = words(drawing.draw(study, "paper", recorded(study, {"b": [0.7]}), tmp_path)[0])
    assert "over the rate" in drawn and not any(line.startswith("not run: q") for line in drawn)


def test_where_nothing_is_left_there_is_no_figure(planted, recorded, tmp_path: Path):
    study = planted(UNLOGGED, UNPRINTED, UNREAD)
    found = recorded(study, {"a": [0.8]})
    figures, stands = tmp_path / "figures", tmp_path / "published"
    drawn = drawing.draw(study, "paper", found, figures)
    page = publish(study, judge(study, "paper", found), found, [], drawn, stands)
    assert "figure.svg" in page.read_text() and (stands / "figure.png").is_file()
    assert drawing.draw(study, "paper", {}, figures) == []
    assert not list(figures.glob("figure.*")), "one of an earlier drawing would be a lie"
    page = publish(study, judge(study, "paper", {}), {}, [], [], stands)
    assert "figure" not in page.read_text().partition("reproduce.py")[0]
    assert not list(stands.glob("figure.*")) and "Claims as published" in page.read_text()


def test_published_numbers_stand_over_a_setting(planted, recorded):
    study = planted((PANEL, "panels: {p: {x: schedule.max_lr, y: test_accuracy}}"), UNREAD)
    axis = bare(study, {})
    (errors,) = [c for c in axis.containers if c.get_label() == "published, ± std"]
    assert not errors[0].get_xdata().size, "the legend's entry"
    (point,) = [c[0] for c in axis.containers if c[0].get_xdata().size]
    assert point.get_xdata().tolist() == [1] and point.get_ydata().tolist() == [80]
    assert legend(axis) == ["none of them run", "published, ± std"]
    low, high = axis.get_xlim()
    assert low < 1 < 3 < high, "as wide as all its arms"
    axis = bare(study, recorded(study, {"b": [0.7]}))
    assert "1 of 3 arms run" in legend(axis)
    assert bare(study, {}, scale="short").containers == [], "shorter runs were not published"


def test_published_numbers_alone_fill_a_panel_of_curves(planted):
    study = planted(UNLOGGED, UNREAD)
    axis = bare(study, {})
    assert axis.get_xlabel() == "final (%)" and axis.get_ylabel() == "test accuracy (%)"
    assert "the first, published, ± std" in legend(axis)
    assert not panels.beside(study, study.panels["p"], {})


def test_a_number_read_in_two_ways_is_drawn_once(planted, recorded):
    study = planted()
    found = recorded(study, {"a": [0.8, 0.81], "b": [0.79, 0.82], "c": [0.7]})
    axis = Figure().subplots()
    ends.final(axis, study, study.panels["p"], found)
    (diamond,) = [line for line in axis.lines if line.get_marker() == "D"]
    assert diamond.get_ydata().tolist() == [80] and diamond.get_markerfacecolor() == "white"
    assert axis.get_xlabel() == "final (%)"
    says = legend(bare(study, found))
    assert "right: published, mean ± std,\n  hollow where several arms may be it" in says
    del found["b"]
    axis = Figure().subplots()
    ends.final(axis, study, study.panels["p"], found)
    (diamond,) = [line for line in axis.lines if line.get_marker() == "D"]
    assert diamond.get_markerfacecolor() != "white", "only the row of its name"
    assert "right: published, mean ± std" in legend(bare(study, found))


def test_the_scale_at_the_right_says_what_is_on_it(planted, recorded):
    study = planted(("{value: 0.80, std: 0.001, n: 4,", "{value: 0.80, at: best, n: 1,"), UNREAD)
    assert [t for t in legend(bare(study, {})) if t.startswith("right")] == ["right: published"]
    axis = Figure().subplots()
    ends.final(axis, study, study.panels["p"], {})
    assert axis.get_xlabel() == "best (%)"
    many = recorded(study, {"a": [0.8] * 9})
    axis = Figure().subplots()
    ends.final(axis, study, study.panels["p"], many)
    (dots,) = [line for line in axis.lines if line.get_marker() == "o"]
    assert np.ptp(dots.get_xdata()) == pytest.approx(0.2), "runs that coincide stand side by side"


def test_a_curve_outside_the_papers_limits_is_shown(planted, recorded):
    narrow = ("y: test_accuracy}", "y: test_accuracy, ylim: [0.7, 0.9]}")
    study = planted(narrow, UNREAD, UNPRINTED, ("author: {a: superconv/clr3SS5kFig1a}", ""))
    axis = bare(study, recorded(study, {"a": [0.8]}))
    assert axis.get_ylim() == (70, 90), "a curve that begins outside is cut there"
    axis = bare(study, recorded(study, {"a": [0.8], "b": [0.35]}))
    assert axis.get_ylim() == (34, 90)


def test_a_run_on_the_published_number_is_not_magnified(planted, recorded):
    study = planted(("{value: 0.80, std: 0.001, n: 4,", "{value: 0.80, n: 1,"), UNREAD)
    axis = Figure().subplots()
    ends.final(axis, study, study.panels["p"], recorded(study, {"a": [0.8001]}))
    low, high = axis.get_ylim()
    assert high - low == pytest.approx(0.2) and low < 80 < 80.01 < high
    axis = Figure().subplots()
    ends.final(axis, study, study.panels["p"], recorded(study, {"a": [0.81]}))
    low, high = axis.get_ylim()
    assert 1 < high - low < 1.3, "a point apart, matplotlib's own margins"


def test_arms_that_draw_nothing_share_a_line(planted, recorded):
    study = planted(UNPRINTED, UNREAD)
    assert legend(bare(study, {})) == ["the first, author (1 run)", "not run: b, c"]
    says = legend(bare(study, recorded(study, {"b": [0.7]})))
    assert says[-1] == "not run: c", "the author's log of `a` is drawn"


def test_legends_are_shared_only_by_panels_that_show_the_same(planted, recorded, tmp_path: Path):
    both = "panels:\n  p: {x: iteration, y: test_accuracy}\n  q: {x: iteration, y: test_loss}"
    study = planted((PANEL, both), UNLOGGED, UNPRINTED, UNREAD)
    found = recorded(study, {"a": [0.8], "b": [0.7], "c": [0.6]})
    told = words(drawing.draw(study, "paper", found, tmp_path)[0])
    assert told.count("b, ours (1 run)") == 1
    logged = planted((PANEL, both.replace("test_loss", "train_loss")), UNPRINTED, UNREAD)
    found = recorded(logged, {"b": [0.7], "c": [0.6]})
    told = words(drawing.draw(logged, "paper", found, tmp_path)[0])
    assert "b, ours (1 run)" in told and "b, ours (1 run, 1 not measured)" in told
    assert told.index("the first, author (1 run)") < told.index("training loss")
    ended = planted((PANEL, both), UNLOGGED, UNREAD)
    found = recorded(ended, {"a": [0.8], "b": [0.7], "c": [0.6]})
    told = words(drawing.draw(ended, "paper", found, tmp_path)[0])
    assert told.count("b, ours (1 run)") == 1
    assert told.index("right: published, mean ± std") < told.index("test loss"), "with its scale"


def test_the_author_is_muted_only_behind_ours(planted, recorded):
    study = planted(UNPRINTED, UNREAD)

    def his(found):
        (line,) = [one for one in bare(study, found).lines if "author" in str(one.get_label())]
        return line.get_color(), line.get_linewidth()

    assert his({}) == (style.COLOURS[0], 0.9)
    assert his(recorded(study, {"b": [0.7]})) == (style.muted(style.COLOURS[0]), 1.8)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (
            "halved every ten epochs, momentum 0.9, ours (30 runs, ± std)",
            ["halved every ten epochs, momentum 0.9,", "  ours (30 runs, ± std)"],
        ),
        (
            "a rate that falls by a tenth every few epochs to 1e-3 before it ends",
            ["a rate that falls by a tenth every few epochs to 1e-3", "  before it ends"],
        ),
        ("short", ["short"]),
    ],
)
def test_labels_break_between_words_and_never_in_brackets(text: str, lines: list[str]):
    assert style.wrapped(text).split("\n") == lines


def test_bare_numbers_are_told_with_their_setting(planted):
    numbers = ("labels: {a: the first}", "labels: {a: '1', b: '2', c: '3.5'}")
    study = planted(numbers)
    assert label(study, study.panels["p"], "c") == "maximum learning rate 3.5"
    assert label(planted(), study.panels["p"], "a") == "the first"
    study = planted(numbers, ("c: {schedule", "c: {weight_decay.value: 1, schedule"))
    assert label(study, study.panels["p"], "a") == "1", "they differ in more than that"


def test_a_schedule_is_drawn_through_its_milestones():
    study = load("clr/table2")
    for arm in study.arms:
        plan = expand_one(study, arm)
        every = np.arange(plan.iterations + 1)
        exact = plan.learning_rate.values(every)
        for scale, seen in (("linear", lambda y: y), ("log", np.log10)):
            x, y = series.as_set(plan, "iteration", "lr", yscale=scale)
            assert x.size < 1000
            missed = np.abs(np.interp(every, x, seen(y)) - seen(exact))
            assert missed.max() <= series.FINE * np.ptp(seen(exact)), (arm, scale)


def expand_one(study, arm: str):
    from disciplined.studies.expansion import expand_arm

    return expand_arm(study, arm, "paper", 1)[0].plan


def test_each_update_of_a_short_run_is_a_step(planted):
    study = planted((PANEL, "panels: {p: {x: iteration, y: lr}}"), UNLOGGED, UNPRINTED, UNREAD)
    line = bare(study, {}).lines[0]
    assert line.get_drawstyle() == "steps-post" and len(line.get_xdata()) == 101
    assert expand(study, "paper", arms=["a"], seeds=1)[0].plan.iterations == 100


def test_rates_that_wait_for_plateaus_have_a_mean(planted, recorded):
    """Each run's falls elsewhere; the mean is of all of them up to the end."""
    plateau = (
        "{schedule: plateau, schedule.lr: 1, schedule.patience: 1, schedule.monitor: test_loss"
    )
    study = planted(
        (PANEL, "panels: {p: {x: iteration, y: lr}}"),
        ("arms: {a: {schedule.max_lr: 1},", f"arms: {{a: {plateau}}},"),
        ("duration: 100it", "duration: 400it"),
        *(UNLOGGED, UNPRINTED, UNREAD),
        (", schedule: triangular, schedule.stepsize: 50it", ""),
    )
    drawn = bare(study, recorded(study, {"a": [0.8, 0.1, 0.8]})).lines
    (mean,) = [line for line in drawn if line.get_label() == "the first, ours (3 runs)"]
    assert mean.get_xdata()[-1] == 400 and len(mean.get_xdata()) == 401
    assert mean.get_ydata()[[0, 250]] == pytest.approx(1) and mean.get_ydata()[300] < 1


def test_what_is_set_has_no_band_and_many_arms_have_bars(planted, recorded):
    study = planted((PANEL, "panels: {p: {x: iteration, y: momentum}}"), UNLOGGED, UNREAD)
    axis = bare(study, recorded(study, {"a": [0.8] * 9}))
    assert not axis.collections and "the first, ours (9 runs)" in legend(axis)
    arms = ", ".join(f"{name}: {{schedule.max_lr: {n}}}" for n, name in enumerate("abcdef", 1))
    study = planted(
        (
            "arms: {a: {schedule.max_lr: 1}, b: {schedule.max_lr: 2}, c: {schedule.max_lr: 3}}",
            f"arms: {{{arms}}}",
        )
    )
    few = bare(study, recorded(study, dict.fromkeys("abcde", [0.8, 0.7] * 5)))
    assert "b, ours (10 runs, ± std)" in legend(few)
    many = bare(study, recorded(study, dict.fromkeys("abcdef", [0.8, 0.7] * 5)))
    assert "b, ours (10 runs, ± std at the end)" in legend(many)
    bars = [bar for container in many.containers for bar in container[2]]
    assert len(bars) == 6
    low, high = np.sort(bars[0].get_segments()[0][:, 1])
    assert high - low == pytest.approx(200 * np.std([0.8, 0.7] * 5, ddof=1))


def test_a_dashed_arm_has_the_colour_of_the_one_before(planted, recorded):
    dashed = "panels: {p: {x: iteration, y: test_accuracy, arms: [a, b, c], dashes: [b]}}"
    study = planted((PANEL, dashed), UNLOGGED, UNPRINTED, UNREAD)
    axis = bare(study, recorded(study, {"a": [0.8], "b": [0.7], "c": [0.6]}))
    drawn = {str(one.get_label()).partition(",")[0]: one for one in axis.lines}
    drawn["a"] = drawn["the first"]
    assert drawn["a"].get_color() == drawn["b"].get_color() != drawn["c"].get_color()
    assert drawn["b"].get_linestyle() == "--" and drawn["a"].get_linestyle() == "-"


def test_arms_without_a_published_row_end_beside_those_that_have_one(planted, recorded):
    """Each in its place, unless it was not run or nothing is published at all."""
    study = planted(UNREAD)
    found = recorded(study, {"a": [0.8, 0.81], "c": [0.7]})
    panel = study.panels["p"]
    assert ends.columns(study, panel, found) == {"a": ["a"], "c": ["c"]}
    axis = Figure().subplots()
    ends.final(axis, study, panel, found)
    dots = [line.get_ydata().tolist() for line in axis.lines if line.get_marker() == "o"]
    assert dots == [pytest.approx([80, 81]), pytest.approx([70])]
    unprinted = planted(UNREAD, UNPRINTED, ("author: {a: superconv/clr3SS5kFig1a}", ""))
    assert ends.columns(unprinted, unprinted.panels["p"], found) == {}
