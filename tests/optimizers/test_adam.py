"""Adam against torch, against Caffe's and Keras's formulas, and with a beta1 that changes."""

import copy
import io

import numpy as np
import pytest
import torch
from stepping import CONSTANT, DECAY, MOMENTA, RATES, close, drawn, stepped, torchs
from torch import nn

from disciplined.mistakes import Mistake
from disciplined.optimizers.adam import Adam, AdamW

TYPES = [torch.float32, torch.float64]
STEADY = [0.01] * len(RATES)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("rates", [STEADY, RATES], ids=["steady", "changing"])
def test_adam_in_pytorchs_convention_is_torchs(dtype, rates):
    ours = stepped(lambda g: Adam(g, convention="pytorch"), dtype=dtype, rates=rates)
    theirs = torchs(
        lambda p: torch.optim.Adam(p, betas=(0.9, 0.999), weight_decay=DECAY),
        dtype=dtype,
        rates=rates,
    )
    close(ours, theirs)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("rates", [STEADY, RATES], ids=["steady", "changing"])
def test_adamw_in_pytorchs_convention_is_torchs(dtype, rates):
    ours = stepped(lambda g: AdamW(g, convention="pytorch"), dtype=dtype, rates=rates, decay=0.3)
    theirs = torchs(lambda p: torch.optim.AdamW(p, weight_decay=0.3), dtype=dtype, rates=rates)
    close(ours, theirs)


def by_hand(momenta, *, beta2, eps, convention, multipliers=(1.0, 1.0), decoupled=False):
    """Caffe's adam_solver.cpp and PyTorch's form in float64 numpy, corrected by running products.

    Caffe's is Keras 2's line for line.
    """
    start, gradients = drawn()
    w, m, v = start.numpy().copy(), 0.0, 0.0
    product1 = product2 = 1.0
    seen = []
    for g, rate, beta1 in zip(gradients.numpy(), RATES, momenta, strict=True):
        r = rate * multipliers[0]
        decay = DECAY * multipliers[1]
        if decoupled:
            w, d = w * (1 - r * decay), g
        else:
            d = g + decay * w
        product1, product2 = product1 * beta1, product2 * beta2
        m = beta1 * m + (1 - beta1) * d
        v = beta2 * v + (1 - beta2) * d * d
        if convention == "pytorch":
            w = w - r * (m / (1 - product1)) / (np.sqrt(v / (1 - product2)) + eps)
        else:
            w = w - r * np.sqrt(1 - product2) / (1 - product1) * m / (np.sqrt(v) + eps)
        seen.append(w)
    return np.stack(seen)


@pytest.mark.parametrize("convention", ["caffe", "pytorch"])
@pytest.mark.parametrize("momenta", [CONSTANT, MOMENTA], ids=["constant", "scheduled"])
@pytest.mark.parametrize("multipliers", [(1.0, 1.0), (2.0, 0.0), (1.0, 250.0)])
def test_the_step_follows_its_formula(convention, momenta, multipliers):
    ours = stepped(
        lambda g: Adam(g, convention=convention, beta2=0.99, eps=1e-4),
        momenta=momenta,
        multipliers=multipliers,
    )
    asked = {"beta2": 0.99, "eps": 1e-4, "convention": convention}
    close(ours, by_hand(momenta, **asked, multipliers=multipliers))


def test_decoupled_decay_follows_the_multipliers_and_a_scheduled_beta():
    ours = stepped(lambda g: AdamW(g, eps=1e-4), momenta=MOMENTA, multipliers=(2.0, 250.0))
    asked = {"beta2": 0.999, "eps": 1e-4, "convention": "caffe", "multipliers": (2.0, 250.0)}
    close(ours, by_hand(MOMENTA, **asked, decoupled=True))


def test_the_conventions_differ_by_where_epsilon_stands():
    """One update by a gradient of 1e-4: m = 1e-5, v = 1e-11, c1 = 0.1, c2 = 1e-3."""
    ends = {}
    for convention in ("caffe", "pytorch"):
        weight = nn.Parameter(torch.zeros(1, dtype=torch.float64))
        optimizer = Adam([{"params": [weight]}], convention=convention, eps=1e-6)
        optimizer.schedule(lr=1.0, momentum=0.9, weight_decay=0.0)
        weight.grad = torch.full_like(weight, 1e-4)
        optimizer.step()
        ends[convention] = -weight.item()
    assert ends["pytorch"] == pytest.approx(1e-4 / (1e-4 + 1e-6), rel=1e-9)
    assert ends["caffe"] == pytest.approx(1e-4 / (1e-4 + 1e-6 / np.sqrt(1e-3)), rel=1e-9)


def test_a_scheduled_beta_is_corrected_by_its_running_product():
    """Of a gradient that never changes the corrected mean is the gradient, whatever the betas."""
    weight = nn.Parameter(torch.zeros(1, dtype=torch.float64))
    optimizer = Adam([{"params": [weight]}], eps=1e-30)
    for t, momentum in enumerate(MOMENTA):
        optimizer.schedule(lr=1.0, momentum=momentum, weight_decay=0.0)
        weight.grad = torch.full_like(weight, 0.5)
        optimizer.step()
        assert weight.item() == pytest.approx(-1.0 - t, rel=1e-10)
    c1, c2 = optimizer.weights.tolist()
    assert c1 == pytest.approx(1 - np.prod(MOMENTA), rel=1e-14)
    assert c2 == pytest.approx(1 - 0.999 ** len(MOMENTA), rel=1e-12)


def test_the_corrections_keep_their_digits_for_ever():
    weight = nn.Parameter(torch.zeros(1))
    optimizer = Adam([{"params": [weight]}])
    optimizer.schedule(lr=0.0, momentum=0.9, weight_decay=0.0)
    for t in range(1, 2001):
        optimizer.advance()
        if t in (1, 10, 2000):
            assert optimizer.weights[1].item() == pytest.approx(1 - 0.999**t, rel=1e-12)


def make(weight):
    return Adam([{"params": [weight]}])


def test_the_state_survives_a_checkpoint_byte_for_byte():
    """Through a file, as tensors and numbers; the corrections are float64 and stay so."""
    torch.manual_seed(0)
    weight = nn.Parameter(torch.randn(5))
    optimizer = make(weight)

    def steps(which, parameter, times):
        for t in times:
            which.schedule(lr=0.1, momentum=MOMENTA[t], weight_decay=DECAY)
            parameter.grad = torch.linspace(-1, 1, 5) * (t + 1)
            which.step()

    steps(optimizer, weight, range(4))
    file = io.BytesIO()
    torch.save(optimizer.state_dict(), file)
    file.seek(0)
    other = nn.Parameter(weight.detach().clone())
    resumed = make(other)
    held = resumed.weights
    resumed.load_state_dict(torch.load(file, weights_only=True))
    assert resumed.weights is held, "a captured step would read another tensor"
    assert resumed.weights.dtype == torch.float64
    a, b = optimizer.state_dict(), resumed.state_dict()
    assert torch.equal(a["weights"], b["weights"])
    for name in ("mean", "square"):
        assert torch.equal(a["state"][0][name], b["state"][0][name])
    steps(optimizer, weight, range(4, 7))
    steps(resumed, other, range(4, 7))
    assert torch.equal(weight, other)


def test_a_state_taken_is_not_shared():
    optimizer = make(nn.Parameter(torch.zeros(1)))
    taken = copy.deepcopy(optimizer.state_dict())
    other = make(nn.Parameter(torch.zeros(1)))
    other.load_state_dict(taken)
    other.advance()
    assert taken["weights"].tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"convention": "keras"}, r"optimizer\.convention=keras: expected one of caffe, pytorch"),
        ({"beta2": 1.0}, r"optimizer\.beta2=1\.0: expected a fraction from 0 to below 1"),
        ({"eps": 0.0}, r"optimizer\.eps=0\.0: expected a small positive number"),
    ],
)
def test_a_setting_out_of_range_is_a_mistake(settings, said):
    with pytest.raises(Mistake, match=said):
        Adam([{"params": [nn.Parameter(torch.ones(1))]}], **settings)
