"""A type checker takes plain numbers where a schedule asks for iterations."""

import subprocess
import sys
from pathlib import Path

import pytest
from processes import ROOT

CALLS = """
from fractions import Fraction
from disciplined import diagnose, range_test
from disciplined.schedules import Schedule, momentum, onecycle
from disciplined.schedules.cycles import staged
from disciplined.schedules.decays import exponential, multistep
from disciplined.schedules.warmups import warmup_stable_decay

rate: Schedule = onecycle(0.1, 1, 100, 300)
momentum.cyclical(0.95, 0.85, 100, 300)
multistep(0.1, 0.1, [100, 200])
exponential(0.1, 0.9, 10, 300)
exponential(0.1, 0.9, Fraction(1, 10), 300)
warmup_stable_decay(0.1, 10, None, 0.0, 300)
staged([0.1], [1.0], [10], [100], 300)
"""


@pytest.mark.slow
def test_plain_numbers_are_iterations_to_a_type_checker(tmp_path: Path):
    (tmp_path / "calls.py").write_text(CALLS)
    wrong = CALLS + 'onecycle("0.1", 1, 100, 300)\nmultistep(0.1, 0.1, 100)\n'
    (tmp_path / "wrong.py").write_text(wrong)
    asked = [sys.executable, "-m", "pyright", "--pythonpath", sys.executable]
    done = subprocess.run([*asked, str(tmp_path)], cwd=ROOT, capture_output=True, text=True)
    assert "calls.py:" not in done.stdout, done.stdout
    assert done.stdout.count("wrong.py:") == 2, done.stdout
