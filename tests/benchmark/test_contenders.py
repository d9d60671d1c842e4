"""Every contender trains what it is told to and says how long that took."""

from pathlib import Path

import pytest

from disciplined.benchmark import cases, contenders, peers
from disciplined.mistakes import Mistake


@pytest.mark.parametrize(
    "make", [contenders.ours, contenders.bare, peers.plain, peers.lightning, peers.fastai]
)
def test_a_contender_trains(make, tmp_path: Path):
    case = cases.Case("superconv_resnet20", 8, "digits")
    setting = cases.Setting("cpu", 1, "data", tmp_path, compile=False)
    try:
        contender = make(case, cases.parts(case, setting), setting)
    except Mistake as mistake:
        assert "uv sync --group benchmark" in str(mistake)
        pytest.skip("fastai is not installed")
    seconds = contender(2)
    assert 0 < seconds < 60


def test_plain_layers_take_the_place_of_the_papers():
    case = cases.Case("three_layer", 8, "digits")
    parts = cases.parts(case, cases.Setting("cpu", 1, "data", Path(), compile=False))
    names = {type(m).__name__ for m in peers.plain_layers(parts.network()).modules()}
    assert "PlainLRN" in names and "WithinChannelLRN" not in names
