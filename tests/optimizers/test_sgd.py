"""The step against its formulas in float64, eager and compiled, and never stale."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from disciplined.mistakes import Mistake
from disciplined.optimizers.groups import parameter_groups
from disciplined.optimizers.sgd import SGD, step_

RATES = [0.1, 0.3, 0.5, 0.2, 0.05, 0.0]
MOMENTA = [0.95, 0.9, 0.85, 0.9, 0.95, 0.9]
DECAY = 3e-3


def by_hand(weight, gradients, convention, nesterov, lr_mult, decay_mult):
    """The papers' update written out in float64 numpy (reference 2.4)."""
    w, v = weight.astype(np.float64), np.zeros_like(weight, dtype=np.float64)
    for g, rate, m in zip(gradients, RATES, MOMENTA, strict=True):
        d = g.astype(np.float64) + DECAY * decay_mult * w
        r = rate * lr_mult
        if convention == "caffe":
            old = v
            v = m * v + r * d
            w = w - ((1 + m) * v - m * old if nesterov else v)
        else:
            v = m * v + d
            w = w - r * (d + m * v if nesterov else v)
    return w


@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("convention", ["caffe", "pytorch"])
@pytest.mark.parametrize("mults", [(1.0, 1.0), (2.0, 0.0), (1.0, 250.0)])
def test_the_step_follows_float64(convention, nesterov, mults):
    random = np.random.default_rng(0)
    start = random.normal(size=(7, 5)).astype(np.float32)
    gradients = random.normal(size=(len(RATES), 7, 5)).astype(np.float32)
    weight = nn.Parameter(torch.tensor(start))
    optimizer = SGD(
        [{"params": [weight], "lr_mult": mults[0], "decay_mult": mults[1]}],
        convention=convention,
        nesterov=nesterov,
    )
    for gradient, rate, momentum in zip(gradients, RATES, MOMENTA, strict=True):
        weight.grad = torch.tensor(gradient)
        optimizer.schedule(lr=rate, momentum=momentum, weight_decay=DECAY)
        optimizer.step()
    expected = by_hand(start, gradients, convention, nesterov, *mults)
    np.testing.assert_allclose(weight.detach().numpy(), expected, rtol=2e-5, atol=2e-6)


def test_at_a_constant_rate_pytorchs_own_sgd_is_equal():
    for nesterov in (False, True):
        torch.manual_seed(0)
        ours, theirs = (nn.Parameter(torch.linspace(-1, 1, 6)) for _ in range(2))
        mine = SGD([{"params": [ours]}], convention="pytorch", nesterov=nesterov)
        mine.schedule(lr=0.1, momentum=0.9, weight_decay=0.01)
        reference = torch.optim.SGD(
            [theirs], lr=0.1, momentum=0.9, weight_decay=0.01, nesterov=nesterov
        )
        for _ in range(5):
            gradient = torch.randn(6)
            ours.grad, theirs.grad = gradient.clone(), gradient.clone()
            mine.step()
            reference.step()
        torch.testing.assert_close(ours, theirs)


def test_the_conventions_differ_when_the_rate_changes():
    ends = []
    for convention in ("caffe", "pytorch"):
        weight = nn.Parameter(torch.ones(3))
        optimizer = SGD([{"params": [weight]}], convention=convention)
        for rate in (0.1, 0.5):
            weight.grad = torch.ones(3)
            optimizer.schedule(lr=rate, momentum=0.9, weight_decay=0.0)
            optimizer.step()
        ends.append(weight[0].item())
    # Caffe: v = 0.1, then 0.09 + 0.5; PyTorch: v = 1, then 1.9, both steps at their own rate
    assert ends == pytest.approx([1 - 0.1 - 0.59, 1 - 0.1 - 0.5 * 1.9])


@pytest.mark.parametrize("nesterov", [False, True])
def test_keras_sgd_is_caffes(nesterov):
    """optimizers.py of Keras 2, its velocity negative, over changing rates and momenta."""
    random = np.random.default_rng(1)
    start, gradients = random.normal(size=5), random.normal(size=(len(RATES), 5))
    weight = nn.Parameter(torch.tensor(start))
    optimizer = SGD([{"params": [weight]}], convention="caffe", nesterov=nesterov)
    w, v = start.copy(), np.zeros(5)
    for g, rate, m in zip(gradients, RATES, MOMENTA, strict=True):
        weight.grad = torch.tensor(g)
        optimizer.schedule(lr=rate, momentum=m, weight_decay=0.0)
        optimizer.step()
        v = m * v - rate * g
        w = w + m * v - rate * g if nesterov else w + v
        np.testing.assert_allclose(weight.detach().numpy(), w, rtol=1e-12, atol=1e-13)


@pytest.mark.slow
@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("convention", ["caffe", "pytorch"])
def test_compiled_the_step_is_the_eager_one_and_never_stale(convention, nesterov):
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    compiled = torch.compile(step_, fullgraph=True)
    random = torch.Generator().manual_seed(0)
    states = [[torch.ones(4, 3), torch.zeros(4, 3)] for _ in range(2)]
    for rate, momentum in zip(RATES, MOMENTA, strict=True):
        gradient = torch.randn(4, 3, generator=random)
        for (weight, velocity), step in zip(states, (step_, compiled), strict=True):
            step(
                [weight],
                [gradient],
                [velocity],
                lr=torch.tensor(rate),
                momentum=torch.tensor(momentum),
                weight_decay=torch.tensor(DECAY),
                convention=convention,
                nesterov=nesterov,
            )
    torch.testing.assert_close(states[0], states[1], rtol=1e-6, atol=1e-7)
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] == 1, (
        "a new rate recompiled the step"
    )


def test_groups_follow_the_networks_multipliers():
    network = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    groups = parameter_groups(network, {"0.bias": (2.0, 0.0), "1.bias": (2.0, 0.0)})
    assert [(g["lr_mult"], g["decay_mult"], len(g["params"])) for g in groups] == [
        (1.0, 1.0, 2),
        (2.0, 0.0, 2),
    ]
    with pytest.raises(KeyError, match=r"1\.weigth"):
        parameter_groups(network, {"1.weigth": (1.0, 1.0)})


def test_velocity_survives_its_state_dict():
    torch.manual_seed(0)
    weight = nn.Parameter(torch.ones(3))
    optimizer = SGD([{"params": [weight]}], nesterov=True)
    optimizer.schedule(lr=0.1, momentum=0.9, weight_decay=0.0)
    weight.grad = torch.ones(3)
    optimizer.step()
    other = nn.Parameter(weight.detach().clone())
    resumed = SGD([{"params": [other]}], nesterov=True)
    resumed.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    for which, parameter in ((optimizer, weight), (resumed, other)):
        which.schedule(lr=0.1, momentum=0.9, weight_decay=0.0)
        parameter.grad = torch.ones(3)
        which.step()
    assert torch.equal(weight, other)


def test_an_unknown_convention_is_a_mistake():
    with pytest.raises(Mistake, match=r"optimizer\.convention=tensorflow"):
        SGD([{"params": [nn.Parameter(torch.ones(1))]}], convention="tensorflow")  # type: ignore
