"""Range tests beside each other: what is measured, and the table of it."""

from dataclasses import replace

import pytest

from disciplined.benchmark import finders, finders_table


def test_ours_are_measured_and_the_grid_beside_them(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(finders, "GRID", [0.03, 1e-6])
    small = replace(finders.PROBLEMS["digits"], images=256, held_out=128, epochs=2)
    told: list[str] = []
    names = ["range_test, linear", "range_test, exponential"]
    found = finders.measured(small, names, 1, "nowhere", told.append)
    assert [one["finder"] for one in found["found"]] == names and len(told) == 2
    for one in found["found"]:
        assert one["seconds"] > 0
        assert (one["accuracy"] is None) == (one["lr"] is None)
        assert one["lr"] is None or 1e-4 < one["lr"] <= 10
    (good, _, high), (_, _, low) = found["grid"]
    assert good == 0.03 and high > 0.2 > low, "a rate of a millionth learns nothing"


def test_the_table_says_spread_failures_and_what_is_lost():
    def one(finder: str, seed: int, lr: float | None, accuracy: float | None) -> dict:
        return {"finder": finder, "seed": seed, "lr": lr, "accuracy": accuracy, "seconds": 2.0}

    grid = [[0.1, 0, 0.9], [0.1, 1, 0.8], [0.01, 0, 0.7], [0.01, 1, 0.95]]
    found = [one("a", 0, 0.2, 0.85), one("a", 1, 0.4, 0.75), one("b", 0, None, None)]
    found.append(one("b", 1, 0.01, 0.95))
    _, _, a, b, best = finders_table.rows({"cases": [{"name": "p", "found": found, "grid": grid}]})
    assert a == ["p", "a", "0.3 [0.2, 0.4]", "80.00 ± 7.07", "5.00", "2.0"]
    assert b == ["p", "b", "0.01 [0.01, 0.01], none 1 times", "95.00", "-15.00", "2.0"]
    assert best == ["p", "the best of 2 rates", "0.1", "85.00 ± 7.07", "0", ""]
