"""What a reader's own loop imports is light: no Hydra, no Lightning, no wandb, and no torch before
it is needed."""

import subprocess
import sys

import pytest

HEAVY = {"hydra", "omegaconf", "pytorch_lightning", "wandb", "matplotlib", "pandas", "sklearn"}


@pytest.mark.parametrize(
    ("line", "torch"),
    [
        ("import disciplined", False),
        ("from disciplined.schedules import onecycle, momentum, Schedule", False),
        ("from disciplined.tuning.reading import readings", False),
        ("from disciplined import range_test", True),
        ("from disciplined.tuning.scheduler import Scheduler", True),
    ],
)
def test_a_line_imports_nothing_heavy(line: str, torch: bool, imported):
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", line], capture_output=True, text=True, check=True
    )
    found = imported(done.stderr)
    assert "disciplined" in found
    assert not found & HEAVY
    assert ("torch" in found) == torch


def test_every_name_of_the_schedules_is_there():
    from disciplined import schedules

    assert all(hasattr(schedules, name) for name in schedules.__all__)
    assert schedules.onecycle(0.1, 1.0, 4, 10).value(4) == 1.0
