"""Shares of an update's time by kind of operation."""

from pathlib import Path

import pytest

from disciplined.benchmark import cases, profile


@pytest.mark.parametrize(
    ("operation", "kind"),
    [
        ("aten::mkldnn_convolution", "convolutions"),
        ("aten::convolution_backward", "convolutions"),
        ("aten::native_batch_norm_backward", "batch norm"),
        ("aten::addmm", "products"),
        ("aten::max_pool2d_with_indices", "pooling and LRN's means"),
        ("aten::_foreach_add_", "optimiser"),
        ("aten::clamp_min_", "activations and additions"),
        ("aten::copy_", "copies and layouts"),
        ("aten::log_softmax", "everything else"),
    ],
)
def test_kinds(operation: str, kind: str):
    assert profile.kind(operation) == kind


@pytest.mark.data
def test_lenet_is_mostly_convolutions_and_pooling(tmp_path: Path, data_dir: Path):
    case = next(c for c in cases.CASES if c.name == "lenet-512")
    setting = cases.Setting("cpu", 1, str(data_dir), tmp_path, compile=False)
    shares = profile.shares(case, cases.parts(case, setting), setting, updates=2)
    assert sum(shares.values()) == pytest.approx(1)
    assert shares["convolutions"] + shares["pooling and LRN's means"] > 0.5
    assert shares["everything else"] < 0.3
