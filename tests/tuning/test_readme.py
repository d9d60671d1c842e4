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


class Training:
    """The reader's own update, which tells the rate and the momentum it was made with."""

    def __init__(self) -> None:
        self.model = nn.Linear(6, 3)
        groups = [{"params": [self.model.weight]}, {"params": [self.model.bias], "lr": 0.01}]
        self.optimizer = torch.optim.SGD(groups, lr=0.1, momentum=0.9)
        self.seen: list[tuple[float, float]] = []

    def __call__(self, images: torch.Tensor, labels: torch.Tensor) -> None:
        group = self.optimizer.param_groups[0]
        self.seen.append((group["lr"], group["momentum"]))
        self.optimizer.zero_grad()
        cross_entropy(self.model(images), labels).backward()
        self.optimizer.step()


@pytest.mark.parametrize("word", ["rate.value(done)", "import Scheduler"])
def test_schedules(word: str):
    train = Training()
    left = example(word, train=train, optimizer=train.optimizer)
    rate, swing = left["rate"], left["swing"]
    assert train.seen == [(rate.value(t), swing.value(t)) for t in range(20)]


def test_schedules_callback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    module = Module()
    left = example("import Schedules", Trainer=Trainer, module=module)
    driven = {one.name: schedule for one, schedule in left["cycle"].driven}
    assert set(driven) == {"lr", "momentum", "weight_decay"}
    assert module.seen == [(driven["lr"].value(t), driven["momentum"].value(t)) for t in range(20)]
    group = module.trainer.optimizers[0].param_groups[0]
    assert group["weight_decay"] == driven["weight_decay"].value(19)


def test_range_test_callback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    left = example("import RangeTest", Trainer=Trainer, module=Module())
    assert left["test"].result is not None and Path("range_test.png").is_file()
