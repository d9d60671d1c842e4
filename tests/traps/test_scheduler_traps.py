"""Known traps of learning-rate schedulers, each by the public thread that tells of it."""

import copy
import functools
import math
import re

import numpy as np
import pytest
import torch
from small_runs import UPDATES, train
from torch import nn
from torch._dynamo.testing import CompileCounter

from disciplined.mistakes import Mistake
from disciplined.optimizers.groups import parameter_groups
from disciplined.optimizers.sgd import SGD
from disciplined.schedules.lengths import in_iterations
from disciplined.training import checkpoint
from disciplined.training.config import choices, compose
from disciplined.training.planning import plan


def planned(*overrides: str):
    return plan(compose(["model=three_layer", "dataset=digits", *overrides]))


def test_stepped_once_an_update_not_once_an_epoch(settings, told):
    """pytorch#65417, Lightning#5631: only the first values of a cycle were ever used."""
    asked = settings()
    train(asked)
    expected = plan(compose(asked)).learning_rate.values(np.arange(UPDATES))
    assert [t["lr"] for t in told] == expected.tolist()


def test_micro_batches_do_not_advance_the_schedule(settings, told):
    """Lightning#831, #11599: lengths counted in micro-batches."""
    asked = settings("trainer.accumulate=2")
    train(asked)
    expected = plan(compose(asked)).learning_rate.values(np.arange(UPDATES))
    assert [t["lr"] for t in told] == np.repeat(expected, 2).tolist()


# What a policy cannot do without.
NEEDS = {"own": ["schedule.function=math.sqrt"], "plateau": ["schedule.monitor=train_loss"]}


@functools.cache
def composed(*overrides: str):
    """Kept, for tests that differ in the run's length alone, a plain key; not to be changed."""
    return compose(["model=three_layer", "dataset=digits", *overrides])


def of_length(policy: str, iterations: int, *overrides: str):
    cfg = composed(f"schedule={policy}", *NEEDS.get(policy, []), *overrides).copy()
    cfg.duration = f"{iterations}it"
    return plan(cfg)


@pytest.mark.parametrize("policy", choices("schedule"))
def test_past_the_end(policy):
    """pytorch#38170: a step too many raised, or gave a negative rate."""
    asked = of_length(policy, 100, "momentum=constant")
    values = asked.learning_rate.values(np.arange(100, 110))
    assert np.isfinite(values).all() and (values >= 0).all() and len(set(values)) == 1


@pytest.mark.parametrize("policy", choices("schedule"))
@pytest.mark.parametrize("duration", range(1, 6))
def test_tiny_lengths(policy, duration):
    """pytorch#180187, DeepSpeed#1497: a phase of no steps divided by zero."""
    try:
        asked = of_length(policy, duration)
    except Mistake as mistake:
        # a part of so few updates: a stepsize of 0.44, a milestone at half, a period of a quarter
        assert "comes out as 0 iterations" in str(mistake)
        share = re.search(r"=([\d.]+)dur: comes", str(mistake))
        assert share and float(share[1]) * duration < 1
        return
    assert np.isfinite(asked.learning_rate.values(np.arange(duration + 2))).all()


def test_the_cycle_is_the_papers():
    """pytorch#40362: two phases where the paper has three; here as the author's logs have it."""
    rate = planned(
        "schedule=onecycle", "schedule.base_lr=0.1", "schedule.max_lr=3",
        "schedule.stepsize=100it", "duration=300it",
    ).learning_rate  # fmt: skip
    assert rate.value(0) == 0.1 and rate.value(100) == 3
    assert 0 <= rate.value(199) < 0.05
    assert rate.value(250) == pytest.approx(0.1 / 1000)


def test_momentum_is_left_alone(settings, told):
    """pytorch#19003, DeepSpeed#8495: a cycle of the rate replaced the momentum asked for."""
    train(settings("momentum.value=0.77"))
    assert {t["momentum"] for t in told} == {0.77}


def test_groups_keep_their_ratio(settings):
    """pytorch#21965, DeepSpeed#8201: one peak for all groups; a stale base after loading."""
    weights = [nn.Parameter(torch.zeros(1)) for _ in range(2)]
    groups = [
        {"params": [w], "lr_mult": m, "decay_mult": 0.0}
        for w, m in zip(weights, (1.0, 2.0), strict=True)
    ]
    optimizer = SGD(groups)
    optimizer.schedule(lr=0.5, momentum=0.0, weight_decay=0.0)
    optimizer.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    for rate in (0.1, 0.7):
        for weight in weights:
            weight.data.zero_()
            weight.grad = torch.ones(1)
        optimizer.schedule(lr=rate, momentum=0.0, weight_decay=0.0)
        optimizer.step()
        assert weights[1].item() == pytest.approx(2 * weights[0].item())
        assert weights[0].item() == pytest.approx(-rate)


def test_another_length_is_another_run():
    """insightface#2143: the old schedule went on after the config had changed."""
    keys = {planned(*changed).key for changed in ([], ["duration=9it"], ["schedule.max_lr=0.5"])}
    assert len(keys) == 3


def test_a_checkpoint_holds_no_rate(settings):
    """pytorch#156846, examples#816: loading put the checkpoint's rate in the place of the new."""
    _, record = train(settings())
    state, _ = checkpoint.opened(record.checkpoints / f"{UPDATES:09d}it.ckpt")
    (optimizer,) = state["optimizer_states"]
    for group in optimizer["param_groups"]:
        assert set(group) == {"params", "lr_mult", "decay_mult"}
    assert state["lr_schedulers"] == []


def test_a_value_depends_on_its_iteration_alone():
    """pytorch#24352, #20086: a recurrence drifts from its closed form, and on its history."""
    rate = planned("duration=1000000it", "schedule.stepsize=450000it").learning_rate
    every = rate.values(np.arange(0, 1_000_000, 997))
    shuffled = np.random.default_rng(0).permutation(len(every))
    assert all(rate.value(int(i) * 997) == every[i] for i in shuffled[:300])


def test_a_changing_rate_recompiles_nothing_and_is_not_stale():
    """pytorch#133898, #107076: every new rate was a new graph, or the first one for ever."""
    torch.manual_seed(0)
    network = nn.Linear(4, 3)
    plain = copy.deepcopy(network)
    counter = CompileCounter()
    optimizer, eager = (SGD(parameter_groups(n), nesterov=True) for n in (network, plain))
    step = torch.compile(lambda: optimizer.step(), backend=counter)
    graphs = set()
    for t in range(8):
        for n in (network, plain):
            for p in n.parameters():
                p.grad = torch.full_like(p, math.cos(t))
        for o in (optimizer, eager):
            o.schedule(lr=0.1 + t, momentum=0.9 - 0.01 * t, weight_decay=1e-3 * t)
        step()
        eager.step()
        graphs.add(counter.frame_count) if t > 1 else None
    assert len(graphs) == 1
    for a, b in zip(network.parameters(), plain.parameters(), strict=True):
        assert torch.equal(a, b)


def test_the_rates_in_a_row_are_those_of_its_iteration(settings):
    """transformers#35942: the rate logged was another step's. Here value(t), as Caffe logs it."""
    asked = settings()
    _, record = train(asked)
    rate = plan(compose(asked)).learning_rate
    assert [row["lr"] for row in record.rows()] == [rate.value(t) for t in (4, 8, 12)]


def test_epochs_become_iterations_once():
    """FARM#46: an epoch's rounding lost a step each; 95 epochs are 9277 iterations, not 95 x 97."""

    def length(text: str) -> int:
        return in_iterations(
            text, setting="duration", images=50_000, total_batch_size=512, duration=9277
        )

    assert length("95ep") == 9277 and length("1ep") == 97 and length("0.1dur") == 927
