"""The picture holds what was measured and read: lines, names, spreads, crosses, limits."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from disciplined.tuning.reading import readings
from disciplined.tuning.reading.curve import Curve
from disciplined.tuning.reading.picture import APART, apart, draw


def made(seed: int, end: float | None = None, shape: str = "exponential") -> Curve:
    x = np.logspace(-4, 0, 80) if shape == "exponential" else np.linspace(0, 1, 80)
    with np.errstate(divide="ignore"):
        rise = np.interp(
            np.log(x), np.log([1e-3, 1e-2, 0.2 + 0.05 * seed, 0.6]), [0.1, 0.9, 0.9, 0.1]
        )
    kept = x < (end or 9)
    loss = np.where(rise > 0.5, 1 - rise, 1 + 100 * (x > 0.1) - rise)
    return Curve(x[kept], loss[kept], loss[kept] + 0.1, rise[kept], end, shape)  # type: ignore[arg-type]


def test_every_reading_is_named_with_its_value_and_shaded_over_the_seeds(tmp_path: Path):
    curves = [made(k) for k in range(3)]
    read = readings(curves)
    figure = draw(curves, read, tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 10_000
    losses, accuracy = figure.axes
    names = [t.get_text() for t in losses.texts]
    found = {r.rule: r for r in read if r.value is not None}
    assert set(found) == {"starts", "steepest", "tenth", "falls", "rises"} and len(names) == 5
    assert f"falls {found['falls'].value:.2g}" in names
    why = " ".join(" ".join(t.get_text().split()) for t in figure.texts)
    assert all(r.reason in why for r in found.values()), "every reason stands below"
    for axis in figure.axes:
        lines = [line.get_xdata()[0] for line in axis.lines if len(set(line.get_xdata())) == 1]
        assert {r.value for r in found.values()} <= set(lines)
    assert accuracy.get_xscale() == "log" and accuracy.get_xlabel() == "learning rate"
    assert losses.get_ylim()[1] < 5  # the explosion to 100 does not flatten the rest
    middle = [
        line for line in accuracy.lines if line.get_linewidth() == 1.2 and len(line.get_xdata())
    ]
    every = np.stack([c.val_accuracy for c in curves])  # type: ignore[misc]
    assert middle[0].get_ydata() == pytest.approx(100 * every.mean(0))


def test_names_stay_in_the_picture():
    curves = [made(k) for k in range(3)]
    figure = draw(curves, readings(curves))
    figure.canvas.draw()
    width, height = figure.canvas.get_width_height()
    boxes = [t.get_window_extent() for t in figure.axes[0].texts]
    assert all(b.x0 >= 0 and b.x1 <= width and b.y1 <= height for b in boxes)
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


def test_seeds_that_diverged_have_crosses_and_few_are_counted():
    curves = [made(0, 0.15), made(1, 0.17), made(2)]
    figure = draw(curves, readings(curves), over="momentum.value")
    crosses = [line for line in figure.axes[0].lines if line.get_marker() == "x"]
    assert list(crosses[0].get_xdata()) == [0.15, 0.17]
    assert "diverges 0.16 (2/3)" in [t.get_text() for t in figure.axes[0].texts]
    assert figure.axes[-1].get_xlabel() == "momentum"


def test_nothing_read_is_said_and_a_linear_test_is_drawn_so():
    x = np.linspace(0, 1, 30)
    flat = [Curve(x, np.ones(30))]
    figure = draw(flat, readings(flat))
    assert "nothing changes" in figure.axes[0].texts[0].get_text()
    assert figure.axes[0].get_xscale() == "linear" and len(figure.axes) == 1


def test_names_are_moved_apart_no_more_than_they_must():
    assert apart([0.1, 0.5, 0.9]) == [0.1, 0.5, 0.9]
    moved = apart([0.3, 0.3, 0.3])
    assert moved == pytest.approx([0.3 - APART, 0.3, 0.3 + APART], abs=1e-3)


def test_reading_and_drawing_need_neither_torch_nor_hydra():
    code = (
        "import sys, numpy as np\n"
        "from disciplined.tuning.reading import picture, readings, Curve\n"
        "c = [Curve(np.arange(20.0), np.ones(20))]\n"
        "assert 'matplotlib' not in sys.modules\n"
        "picture.draw(c, readings(c))\n"
        "print([m for m in ('torch', 'hydra', 'omegaconf', 'scipy') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
