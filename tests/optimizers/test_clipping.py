"""Clipping against torch's, against Caffe's formula, and where a norm is no number."""

import math

import pytest
import torch
from torch import nn

from disciplined.optimizers.clipping import clip_
from disciplined.optimizers.sgd import SGD

SHAPES = [(3, 4), (5,), (), (2, 2, 2)]


def drawn(dtype=torch.float64) -> list[torch.Tensor]:
    random = torch.Generator().manual_seed(0)
    return [torch.randn(shape, generator=random, dtype=dtype) for shape in SHAPES]


def norm_of(gradients) -> float:
    return math.sqrt(sum(float((g.double() ** 2).sum()) for g in gradients))


@pytest.mark.parametrize("share", [0.1, 0.999, 1.001, 10.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_caffes_formula(dtype, share):
    """`c / n` where the norm `n` over all parameters exceeds `c`, else nothing."""
    gradients, before = drawn(dtype), drawn(dtype)
    norm = norm_of(before)
    limit = share * norm
    found = clip_(gradients, torch.tensor(limit, dtype=dtype))
    rtol = {torch.float32: 1e-6, torch.float64: 1e-14}[dtype]
    assert found.item() == pytest.approx(norm, rel=rtol)
    for gradient, old in zip(gradients, before, strict=True):
        expected = old * (limit / norm) if norm > limit else old
        torch.testing.assert_close(gradient, expected, rtol=rtol, atol=0.0)
    assert norm_of(gradients) == pytest.approx(min(norm, limit), rel=rtol)


@pytest.mark.parametrize("limit", [0.5, 3.0, 100.0])
def test_torchs_own_is_equal(limit):
    """To the 1e-6 that torch adds to the norm."""
    parameters = [nn.Parameter(torch.zeros(shape, dtype=torch.float64)) for shape in SHAPES]
    for parameter, gradient in zip(parameters, drawn(), strict=True):
        parameter.grad = gradient
    theirs = torch.nn.utils.clip_grad_norm_(parameters, limit)
    gradients = drawn()
    ours = clip_(gradients, torch.tensor(limit, dtype=torch.float64))
    assert ours.item() == pytest.approx(theirs.item(), rel=1e-14)
    for gradient, parameter in zip(gradients, parameters, strict=True):
        torch.testing.assert_close(gradient, parameter.grad, rtol=1e-6, atol=0.0)


def test_an_infinite_limit_leaves_every_bit():
    for gradients in (drawn(torch.float32), [torch.zeros(3)]):
        before = [g.clone() for g in gradients]
        clip_(gradients, torch.tensor(math.inf))
        assert all(torch.equal(g, b) for g, b in zip(gradients, before, strict=True))


@pytest.mark.parametrize("bad", [math.nan, math.inf, 1e30])
@pytest.mark.parametrize("limit", [1.0, math.inf])
def test_a_norm_that_is_no_number_is_not_hidden(bad, limit):
    """The last is finite, but its square is not: a factor of 1 / inf would be a step of 0."""
    gradients = [torch.ones(3), torch.tensor([1.0, bad])]
    clip_(gradients, torch.tensor(limit))
    assert all(g.isnan().all() for g in gradients)


def trained(clipping: list[float | None], scale: float = 1.0) -> list[torch.Tensor]:
    """Two parameters with multipliers (1, 1) and (2, 0) after three steps of SGD."""
    weights = [nn.Parameter(torch.ones(2, dtype=torch.float64)) for _ in range(2)]
    optimizer = SGD(
        [
            {"params": [weights[0]], "lr_mult": 1.0, "decay_mult": 1.0},
            {"params": [weights[1]], "lr_mult": 2.0, "decay_mult": 0.0},
        ]
    )
    for limit in clipping:
        for weight, value in zip(weights, (3.0, 4.0), strict=True):
            weight.grad = scale * torch.tensor([value, 0.0], dtype=torch.float64)
        optimizer.schedule(lr=0.1, momentum=0.0, weight_decay=0.5, clipping=limit)
        optimizer.step()
    return [w.detach() for w in weights]


def test_a_step_clips_the_whole_gradient_before_decay_and_multipliers():
    """A norm of 5 clipped to 1: gradients 0.6 and 0.8, then decay, then the rates."""
    a, b = trained([1.0])
    torch.testing.assert_close(a, torch.tensor([1 - 0.1 * (0.6 + 0.5), 0.95], dtype=a.dtype))
    torch.testing.assert_close(b, torch.tensor([1 - 0.2 * 0.8, 1.0], dtype=b.dtype))


def test_the_limit_is_a_schedule():
    """Limits of 5 and 10 leave a norm of 5 as it is; a limit of 1 acts when its turn comes."""
    clipped, unclipped = trained([5.0, 10.0]), trained([None, None])
    for ours, theirs in zip(clipped, unclipped, strict=True):
        assert torch.equal(ours, theirs)
    changed = trained([None, 1.0])
    expected = trained([None])
    torch.testing.assert_close(changed[1], expected[1] - torch.tensor([0.16, 0.0]).double())


def test_a_closure_makes_the_gradient_that_is_clipped():
    """As Lightning steps: the gradient is there only once the optimiser has asked for it."""
    weight = nn.Parameter(torch.zeros(1, dtype=torch.float64))
    optimizer = SGD([{"params": [weight]}])

    def closure() -> float:
        weight.grad = None
        loss = (8 * weight).sum()
        loss.backward()
        return loss.item()

    optimizer.schedule(lr=1.0, momentum=0.0, weight_decay=0.0, clipping=2.0)
    assert optimizer.step(closure) == 0.0
    assert weight.item() == -2.0
