"""The benchmark's page says what its record holds."""

import json
from pathlib import Path

import pytest

from disciplined.benchmark import faults, nodes, report, speeds
from disciplined.training.rows import METRICS, Row

SETTING = {
    "what": "training",
    "first": "train.py",
    "runs": 2,
    "device": "cpu",
    "hardware": "A processor, 2 cores",
    "threads": 2,
    "compiled": False,
    "versions": {"torch": "2.15.0"},
}
LENET = {
    "name": "lenet-512",
    "timings": [
        {"name": "train.py", "rounds": [95.0] * 3, "median": 95.0},
        {"name": "bare loop", "rounds": [100.0] * 3, "median": 100.0},
        {"name": "plain PyTorch", "rounds": [50.0] * 3, "median": 50.0},
    ],
    "ratios": {"bare loop": [0.95, 0.94, 0.96], "plain PyTorch": [1.9, 1.8, 2.0]},
    "floor": {"images_per_second": 190.0, "bound": "arithmetic"},
    "rates": {"matrix": 1e11, "bandwidth": 1e10},
    "precision": "32-true",
    "rounds": 3,
    "date": "2026-11-21T12:00:00+00:00",
    "command": "python scripts/benchmark.py",
}


def test_page_and_picture(tmp_path: Path):
    record = report.add(tmp_path, SETTING, LENET)
    assert json.loads(record.read_text()) == SETTING | {"cases": [LENET]}
    assert [f.name for f in report.pages(tmp_path)] == ["README.md", "cpu-training.png"]
    page = (tmp_path / "README.md").read_text()
    assert (
        "| lenet-512 | 95 | 100 | 50 | 0.95 [0.94, 0.96] | 1.90 [1.80, 2.00] | 50% (arithmetic) |"
    ) in page
    assert "A processor, 2 cores" in page and "2026-11-21" in page
    assert (tmp_path / "cpu-training.png").read_bytes().startswith(b"\x89PNG")


def names(record: Path) -> list[str]:
    return [case["name"] for case in json.loads(record.read_text())["cases"]]


def test_another_network_joins_and_a_new_timing_replaces_the_old(tmp_path: Path):
    report.add(tmp_path, SETTING, LENET)
    later = {"name": "resnet56-128", "date": "2026-11-23T12:00:00+00:00"}
    record = report.add(tmp_path, SETTING, LENET | later)
    assert names(record) == ["lenet-512", "resnet56-128"]
    report.add(tmp_path, SETTING, LENET | {"command": "anew"})
    assert names(record) == ["lenet-512", "resnet56-128"]
    assert json.loads(record.read_text())["cases"][0]["command"] == "anew"
    report.pages(tmp_path)
    assert "2026-11-21 to 2026-11-23" in (tmp_path / "README.md").read_text()


def test_timings_of_another_setting_do_not_mix(tmp_path: Path):
    report.add(tmp_path, SETTING, LENET)
    record = report.add(tmp_path, SETTING | {"threads": 8}, LENET | {"name": "resnet56-128"})
    assert names(record) == ["resnet56-128"]


def test_a_second_device_stands_beside_the_first(tmp_path: Path):
    report.add(tmp_path, SETTING, LENET)
    report.add(tmp_path, SETTING | {"device": "gpu", "hardware": "A big one"}, LENET)
    report.pages(tmp_path)
    page = (tmp_path / "README.md").read_text()
    assert "A processor, 2 cores" in page and "A big one" in page


def test_other_questions_have_their_own_tables(tmp_path: Path):
    report.add(tmp_path, SETTING, LENET)
    report.add(tmp_path, SETTING | {"what": "means", "first": "bare loop"}, LENET)
    files = report.pages(tmp_path)
    assert [f.name for f in files] == ["README.md", "cpu-training.png", "cpu-means.png"]
    page = (tmp_path / "README.md").read_text()
    assert page.count("of the floor") == 1 and "bare loop / train.py" in page


@pytest.mark.parametrize("what", ["launchers", "ray"])
def test_sweeps_are_a_table_of_seconds(tmp_path: Path, what: str):
    one = {"name": "train.py × 2", "jobs": 50, "at_once": 2, "training": 60.0}
    rounds = [one | {"wall": wall, "outside": (wall - 60) / 50} for wall in (90.0, 100.0, 110.0)]
    case = {"name": "50 jobs", "sweeps": [rounds], "precision": "fp32", "rounds": 3}
    setting = SETTING | {"what": what, "first": ""}
    report.add(tmp_path, setting, case | {"date": LENET["date"], "command": "typed"})
    assert report.pages(tmp_path) == [tmp_path / "README.md"]
    page = (tmp_path / "README.md").read_text()
    assert "| train.py × 2 | 50 | 2 | 100 | 60 | 0.80 [0.60, 1.00] |" in page
    assert "`typed`" in page


def test_a_profile_is_a_table_of_shares(tmp_path: Path):
    shares = {"convolutions": 0.7, "everything else": 0.3}
    case = {"name": "lenet-512", "shares": shares, "precision": "32-true"}
    setting = SETTING | {"what": "profile", "first": ""}
    report.add(tmp_path, setting, case | {"date": LENET["date"], "command": "typed"})
    assert report.pages(tmp_path) == [tmp_path / "README.md"]
    page = (tmp_path / "README.md").read_text()
    assert "| lenet-512 | 70% | 30% |" in page and "Medians" not in page


def test_ledgers_are_a_table_of_sizes(tmp_path: Path):
    setting = SETTING | {"what": "ledger", "first": ""}
    for size, cpu in ((1000, 1.0), (100, 0.1)):  # in whatever order they come
        one = {"name": "runs.py table", "wall": 2 * cpu, "cpu": cpu, "memory": 2**25}
        case = {"name": f"{size:,}", "records": size, "readings": [one], "precision": "fp32"}
        case |= {"files": 3, "bytes": 5000, "date": LENET["date"], "command": "typed"}
        report.add(tmp_path, setting, case)
    assert report.pages(tmp_path) == [tmp_path / "README.md"]
    page = (tmp_path / "README.md").read_text()
    assert "| command | 100 records | 1,000 records | a further record |" in page
    assert "| runs.py table | 0.2 s (0.1), 32 MiB | 2.0 s (1.0), 32 MiB | 1,000 µs |" in page
    assert "3 files and 5.0 kB each" in page and "`typed`" in page


def test_bars_are_told_by_the_ratios_that_they_show(tmp_path: Path, monkeypatch):
    from matplotlib.figure import Figure

    told = []

    def read(figure: Figure, *_: object, **__: object) -> None:
        told.extend(text.get_text().strip() for text in figure.axes[0].texts)

    monkeypatch.setattr(Figure, "savefig", read)
    speeds.draw(tmp_path, json.loads(report.add(tmp_path, SETTING, LENET).read_text()))
    assert told == ["0.95", "100 images/s", "0.50"]


def test_two_nodes_stand_beside_the_control(tmp_path: Path):
    """What the second node adds is told apart from what rounding does."""

    def rows(*losses: float) -> list[Row]:
        every = dict.fromkeys(METRICS, None)
        told = [{"train_loss": loss, "test_loss": loss, "test_accuracy": 0.5} for loss in losses]
        return [Row(**every | one | {"iteration": t}) for t, one in enumerate(told, 1)]  # pyright: ignore

    ways = {"one": rows(2.0, 1.0), "two": rows(2.0, 1.01), "halves": rows(2.0, 1.01)}
    compared = nodes.compared(ways)
    told = {"name": "lenet-mnist", "rows": ways, "differences": compared}
    report.add(tmp_path, SETTING | {"what": "nodes"}, told | {"date": LENET["date"]} | {
        name: LENET[name] for name in ("precision", "rounds", "command")
    })  # fmt: skip
    assert [f.name for f in report.pages(tmp_path)] == ["README.md", "cpu-nodes.png"]
    page = (tmp_path / "README.md").read_text()
    beside = "| lenet-mnist | 2 | two nodes | one process"
    assert f"{beside} | 1.0e-02 | 1.0e-02 | 0.00 points | 1.010000, 1.000000 |" in page
    assert f"{beside}, two micro-batches | 0 | 0 | 0.00 points | 1.010000, 1.010000 |" in page


def test_faults_are_told_by_the_tests_that_make_them(tmp_path: Path):
    setting = {k: SETTING[k] for k in ("device", "hardware", "versions")} | {"what": "faults"}
    told = {"date": LENET["date"], "command": faults.COMMAND}
    for module, test, docs, outcome in (
        ("test_ray", "test_a_full_disk", None, "failed"),
        ("test_slurm_sweeps", "test_a_rank_is_killed[0]", "The others end.\n\nMore.", "passed"),
        ("test_slurm_sweeps", "test_not_here", "SIGTERM saves", "skipped"),
    ):
        report.add(tmp_path, setting, faults.case(module, test, docs, outcome, 12.3) | told)
    assert report.pages(tmp_path) == [tmp_path / "README.md"]
    page = (tmp_path / "README.md").read_text()
    rows = [line for line in page.splitlines() if line.startswith("| ")]
    assert rows[2:] == [
        "| Slurm, a sweep | a rank is killed (0): the others end | survived | 12 |",
        "| Slurm, a sweep | not here: SIGTERM saves | not tried | 12 |",
        "| Ray, a sweep | a full disk | **not survived** | 12 |",
    ]
    assert "2 tried, 1 survived: " in page and f"`{faults.COMMAND}`" in page


def test_the_clusters_tests_are_all_known():
    found = Path(__file__).parents[1].glob("cluster/test_*.py")
    assert {path.stem for path in found} == set(faults.ENGINES)
