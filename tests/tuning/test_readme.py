"""The README's examples for a loop of one's own run as they stand there."""

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from own_loop import Module, problem
from pytorch_lightning import Trainer
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader

ROOT = Path(__file__).parents[2]
BLOCKS = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)


def example(word: str, **names: Any) -> dict[str, Any]:
    """Run the block that has this word, and give what it leaves."""
    (block,) = [one for one in BLOCKS if word in one]
    model = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 3))
    there = {
        "model": model,
        "optimizer": torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9),
        "loader": DataLoader(problem(240), batch_size=24, shuffle=True),
        "held_out": DataLoader(problem(60), batch_size=30),
    } | names
    exec(compile(block, "README.md", "exec"), there)
    return there


def test_range_test(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys):
    monkeypatch.chdir(tmp_path)
    left = example("import range_test")
    assert capsys.readouterr().out.startswith("lr: ")
    assert Path("range_test.png").read_bytes().startswith(b"\x89PNG")
    assert left["optimizer"].param_groups[0]["lr"] == 0.1


def test_schedules():
    left = example("import Scheduler", cross_entropy=cross_entropy)
    group = left["optimizer"].param_groups[0]
    assert group["lr"] == left["rate"].value(20) and group["momentum"] == left["swing"].value(20)


def test_callbacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    module = Module()
    left = example("RangeTest, Schedules", Trainer=Trainer, module=module)
    assert left["test"].result is not None and Path("range_test.png").is_file()
    assert module.seen[-1][0] == pytest.approx(8e-4, rel=1), "the last update, next to nothing"
