"""`from disciplined import diagnose`: light, and as the README shows it."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import disciplined

ROOT = Path(__file__).parents[2]


def test_importing_takes_numpy_alone(imported):
    code = "import disciplined, sys; assert 'numpy' not in sys.modules; disciplined.diagnose"
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", code], capture_output=True, text=True, check=True
    )
    heavy = {
        "torch",
        "hydra",
        "omegaconf",
        "pytorch_lightning",
        "wandb",
        "matplotlib",
        "scipy",
        "yaml",
    }
    found = imported(done.stderr)
    assert "numpy" in found and not found & heavy


def test_what_there_is_can_be_listed_and_the_rest_is_no_attribute():
    assert "diagnose" in disciplined.__all__
    with pytest.raises(AttributeError, match="no attribute 'diagnoze'"):
        _ = disciplined.diagnoze  # pyright: ignore[reportAttributeAccessIssue]


def test_the_readmes_example_runs(tmp_path: Path, capsys, monkeypatch):
    """Its ten lines, on an export with those columns."""
    monkeypatch.chdir(tmp_path)
    t = np.linspace(0.01, 1, 60)
    rows = [f"{1000 * s:.0f},{s**-0.4:.5f},0.1" for s in t]
    Path("export.csv").write_text("\n".join(["step,valid/ce,opt/lr", *rows]))
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    (example,) = [one for one in blocks if "import diagnose" in one]
    exec(compile(example, "README.md", "exec"), {})
    assert "underfitting" in capsys.readouterr().out
    assert Path("marked.png").read_bytes().startswith(b"\x89PNG")


def test_a_picture_marks_the_evidence(tmp_path: Path):
    t = np.linspace(0.01, 1, 60)
    found = disciplined.diagnose({"step": 1000 * t, "val_loss": t**-0.4, "lr": 0 * t + 0.1})
    file = found.figure(tmp_path / "x.svg")
    drawn = file.read_text()
    assert "underfitting" in drawn and "validation loss" in drawn and "learning rate" in drawn
    again = found.figure(tmp_path / "y.svg").read_text()
    assert again == drawn, "the same bytes"
    assert file.stat().st_size < 200_000
