"""Schedules as a torch scheduler: every group, momentum by either name, a state of one number."""

import io

import pytest
import torch
from torch import nn

from disciplined.mistakes import Mistake
from disciplined.schedules import momentum
from disciplined.schedules.cycles import onecycle
from disciplined.schedules.decays import step
from disciplined.tuning.driven import Driven
from disciplined.tuning.scheduler import Scheduler

RATE = onecycle(0.1, 1.0, 4, 10)


def weights(count: int) -> list[nn.Parameter]:
    return [nn.Parameter(torch.ones(2)) for _ in range(count)]


def test_groups_follow_in_proportion_and_momentum_falls_meanwhile():
    one, other, third = weights(3)
    groups = [
        {"params": [one], "lr": 0.3},
        {"params": [other], "lr": 0.03, "weight_decay": 0.0},
        {"params": [third], "lr": 0.0},
    ]
    optimizer = torch.optim.SGD(groups, lr=0.3, momentum=0.9, weight_decay=1e-3)
    swing, decay = momentum.cyclical(0.95, 0.85, 4, 10), step(1e-3, 10)
    scheduler = Scheduler(optimizer, lr=RATE, momentum=swing, weight_decay=decay)
    for t in range(14):  # past the end as well
        first, second, last = optimizer.param_groups
        assert first["lr"] == RATE.value(t) and second["lr"] == pytest.approx(RATE.value(t) / 10)
        assert last["lr"] == 0.0
        assert first["momentum"] == second["momentum"] == swing.value(t)
        assert first["weight_decay"] == decay.value(t) and second["weight_decay"] == 0.0
        assert scheduler.get_last_lr() == [first["lr"], second["lr"], 0.0]
        optimizer.step()
        scheduler.step()


def test_betas_are_adams_momentum_and_a_tensor_is_filled():
    adam = torch.optim.AdamW(weights(1), lr=torch.tensor(0.1), betas=(0.8, 0.99), foreach=False)
    rate = adam.param_groups[0]["lr"]
    scheduler = Scheduler(adam, lr=RATE, momentum=momentum.cyclical(0.95, 0.85, 4, 10))
    adam.step()
    scheduler.step()
    assert adam.param_groups[0]["lr"] is rate and float(rate) == pytest.approx(RATE.value(1))
    assert adam.param_groups[0]["betas"] == (pytest.approx(0.925), 0.99)


@pytest.mark.filterwarnings("error")
def test_a_checkpoint_is_a_number_and_training_goes_on_from_it():
    optimizer = torch.optim.SGD(weights(1), lr=0.5)
    scheduler = Scheduler(optimizer, lr=RATE)
    seen = []
    for _ in range(10):
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
        if len(seen) == 8:  # at the very end, where the rate is next to nothing
            file = io.BytesIO()
            torch.save([optimizer.state_dict(), scheduler.state_dict()], file)
    file.seek(0)
    states = torch.load(file, weights_only=True)
    optimizer = torch.optim.SGD(weights(1), lr=0.5)
    optimizer.load_state_dict(states[0])
    resumed = Scheduler(optimizer, lr=RATE)
    resumed.load_state_dict(states[1])
    for value in seen[8:]:
        assert optimizer.param_groups[0]["lr"] == value
        assert resumed.get_last_lr() == [value]
        optimizer.step()
        resumed.step()


def test_a_rate_of_zero_keeps_its_proportions():
    groups = [{"params": [w], "lr": rate} for w, rate in zip(weights(2), (1.0, 0.1), strict=True)]
    optimizer = torch.optim.SGD(groups)
    Scheduler(optimizer, lr=RATE)
    for group in optimizer.param_groups:
        group["lr"] = 0.0
    assert Driven(optimizer, "lr").values(2.0) == [2.0, pytest.approx(0.2)]


def test_mistakes():
    optimizer = torch.optim.Adagrad(weights(1), lr=0.1)
    with pytest.raises(Mistake, match="nothing to drive"):
        Scheduler(optimizer)
    with pytest.raises(Mistake, match="over=momentum: Adagrad has no momentum"):
        Driven(optimizer, "momentum")
    with pytest.raises(Mistake, match="over=rate: expected one of lr, momentum"):
        Driven(optimizer, "rate")
