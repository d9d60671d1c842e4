"""Contenders take turns, back and forth, for as long as they are told."""

import pytest

from disciplined.benchmark.timing import Timing, alternate, ratio


def test_every_contender_is_timed_in_every_round():
    calls: list[tuple[str, int]] = []

    def contender(name: str, seconds: float):
        def train(updates: int) -> float:
            calls.append((name, updates))
            return updates * seconds

        return train

    makers = {"fast": contender("fast", 0.1), "slow": contender("slow", 0.5)}
    fast, slow = alternate(makers, images=100, rounds=3, seconds=2)
    assert calls[:2] == [("fast", 2), ("slow", 2)]  # the probes
    assert calls[2:] == [
        *(("fast", 20), ("slow", 4)),
        *(("slow", 4), ("fast", 20)),
        *(("fast", 20), ("slow", 4)),
    ]
    assert fast.rounds == pytest.approx([1000] * 3) and slow.median == pytest.approx(200)
    assert ratio(fast, slow) == pytest.approx((5, 5, 5))


def test_ratios_are_within_a_round():
    # a round in which the machine is slow slows both
    ours, other = Timing("ours", [100, 50, 200]), Timing("other", [50, 25, 80])
    assert ratio(ours, other) == pytest.approx((2, 2, 2.5))
