"""RMSprop, AdaGrad and AdaDelta against torch and against Caffe's and Keras's formulas."""

import numpy as np
import pytest
import torch
from stepping import CONSTANT, DECAY, MOMENTA, NONE, RATES, close, drawn, stepped, torchs
from torch import nn

from disciplined.mistakes import Mistake
from disciplined.optimizers.adaptive import AdaDelta, AdaGrad, RMSprop

TYPES = [torch.float32, torch.float64]
STEADY = [0.01] * len(RATES)
PAIRS = {
    "rmsprop": (
        RMSprop,
        NONE,
        lambda p: torch.optim.RMSprop(p, alpha=0.99, eps=1e-8, weight_decay=DECAY),
    ),
    "rmsprop with momentum": (
        RMSprop,
        CONSTANT,
        lambda p: torch.optim.RMSprop(p, alpha=0.99, eps=1e-8, momentum=0.9, weight_decay=DECAY),
    ),
    "adagrad": (
        lambda g: AdaGrad(g, initial_accumulator=0.1),
        NONE,
        lambda p: torch.optim.Adagrad(
            p, eps=1e-8, initial_accumulator_value=0.1, weight_decay=DECAY
        ),
    ),
    "adadelta": (
        lambda g: AdaDelta(g, eps=1e-6),
        CONSTANT,
        lambda p: torch.optim.Adadelta(p, rho=0.9, eps=1e-6, weight_decay=DECAY),
    ),
}


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("rates", [STEADY, RATES], ids=["steady", "changing"])
@pytest.mark.parametrize("name", PAIRS)
def test_torchs_own_is_equal(name, rates, dtype):
    make, momenta, theirs = PAIRS[name]
    close(
        stepped(make, dtype=dtype, rates=rates, momenta=momenta),
        torchs(theirs, dtype=dtype, rates=rates),
    )


def by_hand(update, momenta, multipliers):
    """The weight after every update: `update(state, d, r, m)` is what is subtracted."""
    start, gradients = drawn()
    w, state, seen = start.numpy().copy(), {}, []
    for g, rate, m in zip(gradients.numpy(), RATES, momenta, strict=True):
        d = g + DECAY * multipliers[1] * w
        w = w - update(state, d, rate * multipliers[0], m)
        seen.append(w)
    return np.stack(seen)


def caffes_rmsprop(state, d, r, m):
    """rmsprop_solver.cpp, and Keras 2.2's RMSprop: no momentum, epsilon beside the root."""
    state["h"] = 0.95 * state.get("h", 0.0) + (1 - 0.95) * d * d
    return r * d / (np.sqrt(state["h"]) + 1e-4)


def keras_rmsprop(state, d, r, m):
    """Keras 2.3 with momentum and Keras 3: epsilon inside the root, the rate in the velocity."""
    state["a"] = 0.95 * state.get("a", 0.0) + (1 - 0.95) * d * d
    state["v"] = m * state.get("v", 0.0) + r * d / np.sqrt(state["a"] + 1e-4)
    return state["v"]


def caffes_adagrad(state, d, r, m):
    """adagrad_solver.cpp; Keras's begins with 0.1 since tf.keras."""
    state["h"] = state.get("h", 0.1) + d * d
    return r * d / (np.sqrt(state["h"]) + 1e-4)


def caffes_adadelta(state, d, r, m):
    """adadelta_solver.cpp, whose `momentum` is the decay of both averages."""
    state["h"] = m * state.get("h", 0.0) + (1 - m) * d * d
    update = d * np.sqrt((1e-4 + state.get("h2", 0.0)) / (1e-4 + state["h"]))
    state["h2"] = m * state.get("h2", 0.0) + (1 - m) * update * update
    return r * update


FORMULAS = {
    "rmsprop, caffe": (lambda g: RMSprop(g, decay=0.95, eps=1e-4), caffes_rmsprop, NONE),
    "rmsprop, keras": (
        lambda g: RMSprop(g, decay=0.95, eps=1e-4, convention="keras"),
        keras_rmsprop,
        MOMENTA,
    ),
    "adagrad": (lambda g: AdaGrad(g, eps=1e-4, initial_accumulator=0.1), caffes_adagrad, NONE),
    "adadelta": (lambda g: AdaDelta(g, eps=1e-4), caffes_adadelta, MOMENTA),
    "adadelta without momentum": (lambda g: AdaDelta(g, eps=1e-4), caffes_adadelta, NONE),
}


@pytest.mark.parametrize("multipliers", [(1.0, 1.0), (2.0, 0.0), (1.0, 250.0)])
@pytest.mark.parametrize("name", FORMULAS)
def test_the_step_follows_its_formula(name, multipliers):
    make, update, momenta = FORMULAS[name]
    close(
        stepped(make, momenta=momenta, multipliers=multipliers),
        by_hand(update, momenta, multipliers),
    )


def test_a_rate_inside_the_velocity_acts_on_the_new_gradient_only():
    """RMSprop, rate 1 and then 0: PyTorch's stands still, Keras's velocity goes on."""
    ends = {}
    for convention in ("pytorch", "keras"):
        weight = nn.Parameter(torch.zeros(1, dtype=torch.float64))
        optimizer = RMSprop([{"params": [weight]}], convention=convention, decay=0.0, eps=1e-30)
        for rate in (1.0, 0.0):
            optimizer.schedule(lr=rate, momentum=0.5, weight_decay=0.0)
            weight.grad = torch.ones_like(weight)
            optimizer.step()
        ends[convention] = weight.item()
    assert ends == pytest.approx({"pytorch": -1.0, "keras": -1.5})


def test_adagrad_refuses_a_momentum():
    optimizer = AdaGrad([{"params": [nn.Parameter(torch.ones(1))]}])
    with pytest.raises(Mistake, match=r"momentum=0\.9: AdaGrad has no momentum; .*momentum=none"):
        optimizer.schedule(lr=0.1, momentum=0.9, weight_decay=0.0)


@pytest.mark.parametrize(
    ("make", "settings", "said"),
    [
        (RMSprop, {"convention": "caffe"}, r"optimizer\.convention=caffe: expected one of pytorch"),
        (RMSprop, {"decay": -0.1}, r"optimizer\.decay=-0\.1: expected a fraction"),
        (RMSprop, {"eps": -1.0}, r"optimizer\.eps=-1\.0"),
        (AdaGrad, {"eps": float("nan")}, r"optimizer\.eps=nan"),
        (AdaGrad, {"initial_accumulator": -1.0}, r"optimizer\.initial_accumulator=-1\.0"),
        (AdaDelta, {"eps": float("inf")}, r"optimizer\.eps=inf"),
    ],
)
def test_a_setting_out_of_range_is_a_mistake(make, settings, said):
    with pytest.raises(Mistake, match=said):
        make([{"params": [nn.Parameter(torch.ones(1))]}], **settings)
