"""Curves whose answer is known because they were drawn so; a shape by name, other numbers a seed.

Every seed draws its own length (30 to 120 measurements), noise, level and turning point.
"""

from collections.abc import Callable

import numpy as np

Columns = dict[str, np.ndarray]
Draw = np.random.Generator


def curve(shape: str, seed: int) -> Columns:
    """The columns of `SHAPES[shape]`, drawn from `seed`."""
    return SHAPES[shape](np.random.default_rng([list(SHAPES).index(shape), seed]))


def time(draw: Draw) -> np.ndarray:
    """Where it is measured, as a part of the run."""
    n = int(draw.integers(30, 121))
    return np.arange(1, n + 1) / n


def made(draw: Draw, t: np.ndarray, test: np.ndarray, train=None, lr=None, noise=None, decay=None):
    """Columns with noise on the losses: 0.5 to 2 % of the loss unless told."""
    size = draw.uniform(0.005, 0.02) if noise is None else noise
    noisy = [v * (1 + size * draw.standard_normal(t.size)) for v in (test, train) if v is not None]
    found = {"iteration": 10_000 * t, "test_loss": noisy[0]}
    if train is not None:
        found["train_loss"] = noisy[1]
    found["lr"] = np.full(t.size, 0.1) if lr is None else lr
    if decay is not None:
        found["weight_decay"] = np.full(t.size, decay)
    return found


def constant(draw: Draw) -> Columns:
    """Never anything else."""
    t = time(draw)
    return made(draw, t, 2.3 + 0 * t, 2.3 + 0 * t, noise=0.0)


def noise(draw: Draw) -> Columns:
    """Independent noise of 0.5 to 5 %."""
    t = time(draw)
    return made(draw, t, 1 + 0 * t, 1 + 0 * t, noise=draw.uniform(0.005, 0.05))


def wandering(draw: Draw) -> Columns:
    """Noise that remembers: an autoregression of 0.7."""
    t = time(draw)
    steps = 0.02 * draw.standard_normal(t.size)
    walk = np.zeros(t.size)
    for i in range(1, t.size):
        walk[i] = 0.7 * walk[i - 1] + steps[i]
    return made(draw, t, 1 + walk, 1 + 0 * t)


def falling(draw: Draw) -> Columns:
    """A power law, training loss beside it."""
    t = time(draw)
    loss = draw.uniform(0.5, 1) * t ** -draw.uniform(0.25, 0.5)
    return made(draw, t, loss, 0.97 * loss)


def barely(draw: Draw) -> Columns:
    """A straight line down by 2 to 20 %, with next to no noise."""
    t = time(draw)
    loss = draw.uniform(1, 4) * (1 - draw.uniform(0.02, 0.2) * t)
    return made(draw, t, loss, loss, noise=0.001)


def plateau(draw: Draw) -> Columns:
    """An exponential over a tenth of the run."""
    t = time(draw)
    level = draw.uniform(0.3, 0.8)
    loss = level + 1.5 * np.exp(-t / draw.uniform(0.04, 0.1))
    return made(draw, t, loss, 0.8 * loss)


def turned(draw: Draw, t: np.ndarray) -> np.ndarray:
    """A loss that falls to a minimum between 0.25 and 0.6 of the run and rises by 20 to 60 %."""
    turn, rise = draw.uniform(0.25, 0.6), draw.uniform(0.2, 0.6)
    return 0.6 + 1.5 * np.exp(-t / (turn / 5)) + 0.6 * rise * np.clip(t - turn, 0, 1) / (1 - turn)


def turning(draw: Draw) -> Columns:
    """Test loss turns, training loss falls on."""
    t = time(draw)
    return made(draw, t, turned(draw, t), 0.05 + 1.5 * np.exp(-t / 0.25))


def turning_alone(draw: Draw) -> Columns:
    """The same without training loss."""
    t = time(draw)
    return made(draw, t, turned(draw, t))


def spike(draw: Draw) -> Columns:
    """One leap by half to four times, healed after three measurements at most."""
    t = time(draw)
    loss = 0.6 + 1.5 * np.exp(-t / 0.12)
    at, long = int(t.size * draw.uniform(0.3, 0.8)), int(draw.integers(1, 4))
    loss[at : at + long] *= 1 + draw.uniform(0.5, 4)
    return made(draw, t, loss, 0.8 * loss)


def sawtooth(draw: Draw) -> Columns:
    """Up by half to double and back, every 3 to 6 measurements."""
    t = time(draw)
    phase = np.arange(t.size) % int(draw.integers(3, 7))
    loss = (0.6 + 1.5 * np.exp(-t / 0.1)) * (1 + draw.uniform(0.5, 1) * phase / phase.max())
    return made(draw, t, loss, 0.8 * loss)


def nan(draw: Draw) -> Columns:
    """Falls, then is no number."""
    t = time(draw)
    loss = 0.6 + 1.5 * np.exp(-t / 0.2)
    loss[int(t.size * draw.uniform(0.4, 0.9)) :] = np.nan
    return made(draw, t, loss, 0.9 * loss)


def blown(draw: Draw) -> Columns:
    """Falls, leaps above its start and stays there."""
    t = time(draw)
    loss = 0.6 + 1.5 * np.exp(-t / 0.2)
    loss[int(t.size * draw.uniform(0.4, 0.8)) :] = draw.uniform(1.2, 4) * loss[0]
    return made(draw, t, loss, 0.9 * loss)


def range_diverges(draw: Draw) -> Columns:
    """Both losses turn where the rate is 0.4 to 0.8 of its largest, and rise to 2 to 6 times."""
    t = time(draw)
    turn, high = draw.uniform(0.4, 0.8), draw.uniform(2, 6)
    loss = 0.7 + 1.5 * np.exp(-t / 0.1)
    loss = loss + 0.7 * high * (np.clip(t - turn, 0, 1) / (1 - turn)) ** 2
    return made(draw, t, loss, 0.95 * loss, lr=0.02 * t)


def range_overfits(draw: Draw) -> Columns:
    """Test loss turns, training loss falls on as the rate rises."""
    t = time(draw)
    return made(draw, t, turned(draw, t), 0.1 + 1.5 * np.exp(-t / 0.3), lr=0.01 * t)


def range_flat(draw: Draw) -> Columns:
    """Test loss falls on a little; training loss rises with the rate."""
    t = time(draw)
    test = 0.5 + 0.5 * np.exp(-t / 0.3) + np.exp(-t / 0.02)
    return made(draw, t, test, 0.05 + 0.15 * t + np.exp(-t / 0.02), lr=3 * t)


def onecycle(draw: Draw) -> Columns:
    """A rough hump of 10 to 25 % in the middle; the end is the lowest."""
    t = time(draw)
    rate = 0.1 + 2.9 * (1 - np.abs(2 * t - 1))
    loss = 0.35 + 1.5 * np.exp(-t / 0.05) + draw.uniform(0.06, 0.15) * rate
    rough = 1 + 0.06 * rate * draw.standard_normal(t.size)
    return made(draw, t, loss * rough, 0.7 * loss, lr=rate)


def strong_decay(draw: Draw) -> Columns:
    """Flat from a tenth of the run, well above nothing, training loss not below test loss."""
    t = time(draw)
    loss = draw.uniform(0.8, 1.4) + 0.9 * np.exp(-t / 0.04)
    return made(draw, t, loss, 1.01 * loss, decay=1e-2)


def one_point(draw: Draw) -> Columns:
    """A single measurement."""
    return {"iteration": np.array([100.0]), "test_loss": np.array([2.0]), "lr": np.array([0.1])}


SHAPES: dict[str, Callable[[Draw], Columns]] = {
    shape.__name__.replace("_", "-"): shape
    for shape in (
        *(constant, noise, wandering, falling, barely, plateau, turning, turning_alone, spike),
        *(sawtooth, nan, blown, range_diverges, range_overfits, range_flat, onecycle),
        *(strong_decay, one_point),
    )
}
