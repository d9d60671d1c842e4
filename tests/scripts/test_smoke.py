"""Every study at scale smoke, from nothing to its picture, by the command's own machinery.

What is alike is run once: an arm for every network on every data set that no earlier study had, one
at least of each study; that the others compose and plan is the index's test, and that every choice
trains is tests/training/test_every_choice's. All in this process: its server of imported processes
is warm from the first study on.
"""

import json
import os
import sys
from functools import cache
from pathlib import Path

import pytest

from disciplined.studies import study_file
from disciplined.studies.study import Study
from disciplined.sweeps import pool

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
import reproduce  # noqa: E402

sys.path.pop(0)

SAMPLE = ("calibration/aa", "tutorials/blobs_plateau", "tutorials/schedules")
HEAVY, BESIDE = "imagenet", "imagenette-mini"  # and what stands for it


def trained(study: Study, arm: str) -> frozenset[tuple[str, str]]:
    """The choices of network and data that an arm makes."""
    told = study.arms[arm].items()
    return frozenset((k, str(v)) for k, v in told if k in ("recipe", "model", "dataset"))


@cache
def new_arms() -> dict[str, list[str]]:
    """By study, the arms with a network on data that nothing before had; or else the first.

    Half a gigabyte of checkpoints a run: each of ImageNet's networks is run once, by one study.
    """
    seen: set[frozenset[tuple[str, str]]] = set()
    found: dict[str, list[str]] = {}
    for name in study_file.ids():
        study = study_file.load(name)
        found[name] = []
        for arm in [] if study.sketch else study.arms:
            if (made := trained(study, arm)) not in seen:
                seen.add(made)
                found[name].append(arm)
        first = list(study.arms)[:1] if study.trains else []
        if not found[name] and first and study.arms[first[0]].get("dataset") != HEAVY:
            found[name] = first
    return found


def drawn(name: str, output: Path, data: str | Path, arms: list[str]) -> None:
    """Run these arms, draw, and see that records and picture are there."""
    chosen = [f"arms={','.join(arms)}" if arms else "run=false"]
    told = [f"figure={name}", "scale=smoke", f"output_dir={output}", f"data_dir={data}"]
    status = reproduce.main([*told, *chosen, f"jobs={os.cpu_count() or 1}"])
    assert status == 0
    study = study_file.load(name)
    if study.architecture:
        assert "| layer | output |" in (output / f"figures/{name}/paper/table.md").read_text()
        return
    folder = output / "figures" / name / "smoke"
    files = {p.name for p in folder.iterdir()}
    assert {"table.csv", "verdicts.json"} <= files
    seen = {arm for panel in study.panels.values() for arm in panel.named() or study.arms}
    if study.sketch or seen & set(arms):  # else there is nothing to draw
        assert "figure.png" in files and "<svg" in (folder / "figure.svg").read_text()
    verdicts = json.loads((folder / "verdicts.json").read_text())
    assert set(arms) <= verdicts["records"].keys()


@pytest.fixture(scope="session")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where all studies keep their records: identical runs are one."""
    return tmp_path_factory.mktemp("smoke")


@pytest.fixture(scope="session")
def data(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real data, with the mini set in ImageNet's place."""
    folder = tmp_path_factory.mktemp("data")
    for one in data_dir.iterdir():
        (folder / (HEAVY if one.name == BESIDE else one.name)).symlink_to(one)
    return folder


@pytest.fixture
def warm(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server of the runs has read the data before it makes the first of them."""
    beside = [str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, beside)))
    monkeypatch.setenv("SMOKE_DATA", str(data))
    settings = pool.train.__kwdefaults__ or {}
    monkeypatch.setitem(settings, "preload", (*settings["preload"], "warm_data"))


@pytest.mark.smoke
@pytest.mark.parametrize("name", study_file.ids())
def test_every_study_comes_to_its_picture(name: str, output: Path, data: Path, warm: None):
    drawn(name, output, data, new_arms()[name])


@pytest.mark.parametrize("name", SAMPLE)
def test_a_few_studies_come_to_their_picture(name: str, output: Path):
    """Those whose data are made or come with scikit-learn."""
    drawn(name, output, "data", list(study_file.load(name).arms)[:1])
