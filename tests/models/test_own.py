"""A network of the user's own, by its import path, through the whole command."""

import json
import os
from pathlib import Path

import pytest

from disciplined.mistakes import Mistake
from disciplined.training.config import compose
from disciplined.training.run import run

NET = '''
from torch import nn


class Net(nn.Module):
    """Rows through one hidden layer; the bias of the last learns at twice the rate."""

    def __init__(self, classes, image_shape, units=3):
        super().__init__()
        height, width = image_shape[1:]
        self.layers = nn.Sequential(
            nn.Flatten(), nn.Linear(height * width, units), nn.ReLU(), nn.Linear(units, classes)
        )
        self.multipliers = {"layers.3.bias": (2.0, 0.0)}

    def forward(self, x):
        return self.layers(x)
'''
SHORT = ("model=own", "dataset=digits", "trainer=cpu", "duration=3it", "schedule=constant")


def test_trains_without_touching_this_repository(warm_command, tmp_path: Path, monkeypatch, capsys):
    """And says so, asked again, when the network is no longer the one that was trained."""
    (tmp_path / "ownnetwork.py").write_text(NET)
    asked = [*SHORT, "model.network._target_=ownnetwork.Net", "+model.network.units=5"]
    done = warm_command(
        "train.py",
        *asked,
        PYTHONPATH=os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]),
    )
    assert done.returncode == 0, done.stderr
    (record,) = (tmp_path / "runs").iterdir()
    assert record.name.startswith("own-digits-constant-")
    assert json.loads((record / "summary.json").read_text())["status"] == "done"

    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2]))
    import train as script

    (tmp_path / "ownnetwork.py").write_text(NET + "# only said otherwise\n")
    assert script.main([*asked, f"output_dir={tmp_path}"]) == 0
    said = capsys.readouterr()
    assert "done before" in said.out and not said.err
    (tmp_path / "ownnetwork.py").write_text(NET.replace("ReLU", "Tanh"))
    for arguments in ([], ["-m"]):
        assert script.main([*arguments, *asked, f"output_dir={tmp_path}"]) == 0
        told = capsys.readouterr().err
        assert told.startswith("warning: ownnetwork.Net changed since this run was trained; force")


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("model.network.classes=10", "model.network._target_ is missing"),
        ("model.network._target_=nowhere.Net", "model.network._target_=nowhere.Net: no such"),
        ("model.network._target_=torch.nn.Linear", "model.network.classes=10: Linear has no such"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(tmp_path: Path, override, told):
    with pytest.raises(Mistake) as caught:
        run(compose([*SHORT, override, f"output_dir={tmp_path}"]), quiet=True)
    assert told in str(caught.value) and "\n" not in str(caught.value)
    assert not (tmp_path / "runs").exists()
