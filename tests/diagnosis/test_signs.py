"""What is found on curves drawn so that it must be, where, and what is not found on noise."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from disciplined import diagnose
from disciplined.diagnosis.diagnosing import Diagnosis
from disciplined.diagnosis.findings import Finding
from disciplined.diagnosis.synthetic import curve

T = np.arange(1, 81) / 80


def said(**columns: np.ndarray) -> Diagnosis:
    return diagnose({"iteration": 1000 * T, **columns})


def noisy(loss: np.ndarray, seed: int = 0, size: float = 0.01) -> np.ndarray:
    return loss * (1 + size * np.random.default_rng(seed).standard_normal(loss.size))


def the(found: Diagnosis, name: str) -> Finding:
    named = [f for f in found.findings if f.name == name]
    assert named, f"{name} not among {[f.name for f in found.findings]}"
    return named[0]


def names(found: Diagnosis) -> set[str]:
    return {f.name for f in found.findings}


FALLING = 0.5 + 1.5 * np.exp(-T / 0.1)
TURNED = FALLING + 0.4 * np.clip(T - 0.4, 0, 1)


def test_overfitting_starts_where_the_loss_turns():
    found = said(val_loss=noisy(TURNED), train_loss=noisy(0.05 + 1.5 * np.exp(-T / 0.3)))
    turned = the(found, "overfitting")
    assert 300 < turned.start < 480 and turned.end == 1000 and turned.metric == "val_loss"
    assert "weight decay" in turned.change[0] and "figures 1 and 4" in turned.source
    assert names(found) == {"overfitting", "too little regularisation"}


def test_without_training_loss_the_balance_is_not_judged():
    found = said(val_loss=noisy(TURNED))
    assert names(found) == {"overfitting"}
    assert any("no training loss" in one for one in found.unjudged)


def test_training_loss_alone_never_overfits():
    found = said(train_loss=noisy(TURNED))
    assert "overfitting" not in names(found)
    assert any("not trained on" in one for one in found.unjudged)


def test_the_same_shape_is_the_rate_where_the_rate_rises():
    """Both losses turn in a range test: too large. Training loss falls on: overfitting."""
    rate = 0.02 * T
    both = said(val_loss=noisy(TURNED * (1 + T)), train_loss=noisy(TURNED * (1 + T)), lr=rate)
    large = the(both, "rate too large")
    assert names(both) == {"rate too large"}
    assert 0.004 < large.numbers["lr"] < 0.012, "it turns at rate 0.008"
    assert f"{large.numbers['lr']:.2g}" in large.change[0]
    over = said(val_loss=noisy(TURNED), train_loss=0.05 + 1.5 * np.exp(-T / 0.3), lr=rate)
    assert "overfitting" in names(over) and "rate too large" not in names(over)


def test_a_range_test_that_bears_everything_is_told_to_go_on():
    found = said(val_loss=noisy(FALLING), train_loss=noisy(FALLING), lr=3 * T)
    assert not found.findings and "up to 3" in found.notes[0]


def test_a_cycle_may_climb_in_its_middle():
    rate = 0.1 + 2.9 * (1 - np.abs(2 * T - 1))
    loss = FALLING + 0.1 * rate
    assert not said(val_loss=noisy(loss, size=0.03), train_loss=noisy(loss), lr=rate).findings
    constant = said(val_loss=noisy(loss, size=0.03), train_loss=noisy(loss))
    assert constant.main != "nothing", "at a constant rate the same hump is something"


def test_underfitting_is_still_falling():
    found = said(val_loss=noisy(T**-0.4), lr=0 * T + 0.01)
    falls = the(found, "underfitting")
    assert falls.end == 1000 and "larger network" in " ".join(falls.change)
    assert "underfitting" not in names(said(val_loss=noisy(FALLING)))


def test_a_loss_that_falls_because_the_rate_does_is_no_underfitting():
    rate = 0.5 * (1 + np.cos(np.pi * T)) + 1e-4
    assert "underfitting" not in names(said(val_loss=noisy(T**-0.4), lr=rate))


def test_a_straight_line_is_too_small_a_rate():
    found = said(val_loss=noisy(2 - 0.1 * T, size=0.0005), lr=0 * T + 1e-5)
    small = the(found, "rate too small")
    assert "1e-05" in small.change[0] and "0.0001" in small.change[0]


def test_a_plateau_is_told_from_where_it_starts():
    flat = the(said(val_loss=noisy(FALLING)), "plateaued")
    assert 250 < flat.start < 700
    constant = the(said(val_loss=0 * T + 2.3), "plateaued")
    assert constant.start == 12.5


def test_one_spike_and_many():
    loss = FALLING.copy()
    loss[50] *= 2
    spiked = the(said(val_loss=noisy(loss)), "spike")
    assert spiked.start <= 1000 * T[50] <= spiked.end
    loss[[20, 30, 40, 60, 70]] *= 2
    assert "unstable" in names(said(val_loss=noisy(loss)))


def test_the_first_number_that_is_none():
    loss = FALLING.copy()
    loss[60:] = np.nan
    ended = the(said(val_loss=loss, lr=0 * T + 0.3), "diverged")
    assert ended.start == 1000 * T[60] and "0.3" in ended.change[0]
    assert said(val_loss=loss).main == "diverged"


def test_collapse_to_the_start_is_divergence_and_a_dead_network_too_much_decay():
    loss = FALLING.copy()
    loss[50:] = 2.3026
    found = said(val_loss=loss, train_loss=loss * 1.0001)
    assert {"diverged", "too much regularisation"} == names(found)
    assert the(found, "diverged").start == 1000 * T[50]
    assert "2.303 from 638 on" in the(found, "diverged").evidence
    assert "had been about 0.50" in the(found, "diverged").evidence


def test_too_much_decay_needs_a_column_of_it():
    loss = 1 + 0.9 * np.exp(-T / 0.04)
    with_decay = said(
        val_loss=noisy(loss), train_loss=noisy(1.02 * loss), weight_decay=0 * T + 1e-2
    )
    assert "0.003" in the(with_decay, "too much regularisation").change[0]
    for decay in ({}, {"weight_decay": 0 * T}):
        found = said(val_loss=noisy(loss), train_loss=noisy(1.02 * loss), **decay)
        assert names(found) == {"plateaued"}


@pytest.mark.parametrize("n", [1, 2, 5])
def test_a_few_points_say_nothing(n: int):
    found = diagnose({"val_loss": np.linspace(2, 1, n)})
    assert not found.findings and f"{n} measurements" in found.unjudged[0]


def test_noise_alone_says_nothing_but_flat():
    alarms = [
        diagnose(curve(shape, seed)).main
        for shape in ("noise", "wandering")
        for seed in range(1000, 1100)
    ]
    false = [name for name in alarms if name not in ("plateaued", "nothing")]
    assert len(false) <= 4, false  # of 200


@pytest.mark.parametrize(
    "shape", ["turning", "falling", "plateau", "spike", "range-diverges", "blown"]
)
def test_units_do_not_matter(shape: str):
    """Bits for nats, epochs for iterations, another rate: the same findings."""
    for seed in range(3):
        columns = curve(shape, seed)
        other = {k: v * (3.7 if "loss" in k else 0.01) for k, v in columns.items()}
        assert names(diagnose(columns)) == names(diagnose(other))


def test_a_likelihood_below_zero_is_read_too():
    turned = the(said(val_loss=TURNED - 3), "overfitting")
    assert "of its range" in turned.evidence
    assert the(said(val_loss=-3 + 0 * T), "plateaued")


values = arrays.arrays(
    float, 30, elements=st.floats(allow_nan=True, allow_infinity=True, width=32) | st.just(1.0)
)


@pytest.mark.filterwarnings("error")
@settings(max_examples=150, deadline=None)
@given(values, values, values)
def test_anything_can_be_diagnosed(val: np.ndarray, train: np.ndarray, lr: np.ndarray):
    if np.isnan(val).all() and np.isnan(train).all():
        return
    found = diagnose({"val_loss": val, "train_loss": train, "lr": lr})
    assert str(found)
    assert all(f.start <= f.end and f.change and f.source for f in found.findings)
