"""The machine in equal parts."""

from disciplined.sweeps import shares
from disciplined.sweeps.shares import Share


def test_the_machine_is_shared_out(monkeypatch):
    monkeypatch.setattr(shares, "cores", lambda: [0, 2, 4, 6, 8])
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5")
    assert shares.shares(1) == [Share((0, 2, 4, 6, 8), 5, "3,5")]
    assert shares.shares(2) == [Share((0, 2), 2, "3"), Share((4, 6), 2, "5")]
    assert shares.shares(3)[2] == Share((4,), 1, "3")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2,3,4")
    assert [share.gpu for share in shares.shares(2)] == ["0,1", "2,3"], "a run on two GPUs fits"
    assert [share.gpu for share in shares.shares(3)] == ["0", "1", "2"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert shares.shares(7) == [Share((0, 2, 4, 6, 8), 1, None)] * 7


def test_cores_that_a_scheduler_counts_but_does_not_bind_are_counted_only(monkeypatch):
    """Two allocations on one node would else pin their runs to the same first cores."""
    monkeypatch.setattr(shares, "cores", lambda: list(range(8)))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    every = tuple(range(8))
    assert shares.shares(1, 4) == [shares.Share(every, 4, "0")]
    assert shares.shares(2, 4) == [shares.Share(every, 2, "0")] * 2
    assert shares.shares(2, 8) == shares.shares(2)
