"""The README's first command learns, in either precision that `auto` may choose."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FIRST = re.search(r"^uv run train\.py (.*)$", (ROOT / "README.md").read_text(), re.MULTILINE)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_the_digits_are_learnt(precision: str, tmp_path: Path):
    """At the rates published for CIFAR-10 it is on the edge of divergence, in either."""
    assert FIRST is not None
    said = [*FIRST[1].split(), f"precision={precision}", f"output_dir={tmp_path}"]
    command = [sys.executable, "train.py", *said]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (summary,) = tmp_path.glob("runs/*/summary.json")
    assert json.loads(summary.read_text())["result"]["final"]["test_accuracy"] > 0.94
