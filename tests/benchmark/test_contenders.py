"""Every contender trains what it is told to and says how long that took."""

from pathlib import Path

import pytest

from disciplined.benchmark import cases, contenders, means, peers, together
from disciplined.mistakes import Mistake


@pytest.mark.parametrize(
    "make", [contenders.ours, contenders.bare, peers.plain, peers.lightning, peers.fastai]
)
def test_a_contender_trains(make, tmp_path: Path):
    case = cases.Case("superconv_resnet20", 8, "digits")
    setting = cases.Setting("cpu", 1, "data", tmp_path, compile=False)
    try:
        seconds = make(case, cases.parts(case, setting), setting)(2)
    except Mistake as mistake:
        assert "uv sync --group benchmark" in str(mistake)
        pytest.skip(str(mistake))
    assert 0 < seconds < 60


def test_plain_layers_take_the_place_of_the_papers():
    case = cases.Case("three_layer", 8, "digits")
    parts = cases.parts(case, cases.Setting("cpu", 1, "data", Path(), compile=False))
    names = {type(m).__name__ for m in peers.plain_layers(parts.network()).modules()}
    assert "PlainLRN" in names and "WithinChannelLRN" not in names


@pytest.mark.parametrize("name", [n for n in means.CHANGED if n != "compiled"])
def test_the_bare_loop_trains_without_each_mean(name, tmp_path: Path):
    case = cases.Case("superconv_resnet20", 8, "digits")
    setting = cases.Setting("cpu", 1, "data", tmp_path, compile=False)
    parts = cases.parts(case, setting)
    assert means.CHANGED[name].matters(parts) or name.startswith("in ")  # one of them is as it is
    assert 0 < contenders.bare(case, parts, setting, means.CHANGED[name])(2) < 60


def test_a_mean_matters_only_to_networks_that_have_it(tmp_path: Path):
    setting = cases.Setting("cpu", 1, "data", tmp_path, compile=False)
    parts = cases.parts(cases.Case("three_layer", 8, "digits"), setting)
    assert means.CHANGED["layers left to autograd"].matters(parts)
    assert not means.CHANGED["one group of batch norm"].matters(parts)


@pytest.mark.parametrize("way", together.WAYS)
def test_runs_train_together(way, warm_server, tmp_path: Path):
    case = cases.Case("three_layer", 8, "digits")
    setting = cases.Setting("cpu", 2, "data", tmp_path, compile=False)
    contender = together.WAYS[way](case, cases.parts(case, setting), setting, runs=2)
    assert 0 < contender(2) < 60
