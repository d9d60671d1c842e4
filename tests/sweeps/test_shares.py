"""The machine in equal parts."""

from disciplined.sweeps import shares
from disciplined.sweeps.shares import Share


def test_the_machine_is_shared_out(monkeypatch):
    monkeypatch.setattr(shares, "cores", lambda: [0, 2, 4, 6, 8])
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5")
    assert shares.shares(1) == [Share((0, 2, 4, 6, 8), 5, "3,5")]
    assert shares.shares(2) == [Share((0, 2), 2, "3"), Share((4, 6), 2, "5")]
    assert shares.shares(3)[2] == Share((4,), 1, "3")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert shares.shares(7) == [Share((0, 2, 4, 6, 8), 1, None)] * 7
