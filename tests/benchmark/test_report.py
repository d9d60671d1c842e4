"""The benchmark's page says what its record holds."""

import json
from pathlib import Path

from disciplined.benchmark import report

FOUND = {
    "what": "training",
    "first": "train.py",
    "runs": 2,
    "device": "cpu",
    "hardware": "A processor, 2 cores",
    "threads": 2,
    "precision": "32-true",
    "compiled": False,
    "rounds": 3,
    "date": "2026-11-21T12:00:00+00:00",
    "versions": {"torch": "2.15.0"},
    "command": "python scripts/benchmark.py",
    "rates": {"matrix": 1e11, "bandwidth": 1e10},
    "cases": [
        {
            "name": "lenet-512",
            "timings": [
                {"name": "train.py", "rounds": [95.0] * 3, "median": 95.0},
                {"name": "bare loop", "rounds": [100.0] * 3, "median": 100.0},
                {"name": "plain PyTorch", "rounds": [50.0] * 3, "median": 50.0},
            ],
            "ratios": {"bare loop": [0.95, 0.94, 0.96], "plain PyTorch": [1.9, 1.8, 2.0]},
            "floor": {"images_per_second": 190.0, "bound": "arithmetic"},
        }
    ],
}


def test_page_and_picture(tmp_path: Path):
    files = report.write(tmp_path, FOUND)
    assert [f.name for f in files] == ["cpu-training.json", "README.md", "cpu-training.png"]
    page = (tmp_path / "README.md").read_text()
    assert (
        "| lenet-512 | 95 | 100 | 50 | 0.95 [0.94, 0.96] | 1.90 [1.80, 2.00] | 50% (arithmetic) |"
    ) in page
    assert "A processor, 2 cores" in page and "2026-11-21" in page
    assert json.loads((tmp_path / "cpu-training.json").read_text()) == FOUND
    assert (tmp_path / "cpu-training.png").read_bytes().startswith(b"\x89PNG")


def test_a_second_device_stands_beside_the_first(tmp_path: Path):
    report.write(tmp_path, FOUND)
    report.write(tmp_path, FOUND | {"device": "gpu", "hardware": "A big one"})
    page = (tmp_path / "README.md").read_text()
    assert "A processor, 2 cores" in page and "A big one" in page


def test_other_questions_have_their_own_tables(tmp_path: Path):
    report.write(tmp_path, FOUND)
    files = report.write(tmp_path, FOUND | {"what": "means", "first": "bare loop"})
    assert [f.name for f in files] == [
        "cpu-means.json",
        "README.md",
        "cpu-training.png",
        "cpu-means.png",
    ]
    page = (tmp_path / "README.md").read_text()
    assert page.count("of the floor") == 1 and "bare loop / train.py" in page
