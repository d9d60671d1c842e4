"""A sweep's table and picture, from records written here."""

import csv
import json
import statistics
from pathlib import Path

import pytest

from disciplined.sweeps import cells, results
from disciplined.sweeps.grid import Place, expand


def sweep(folder: Path, *varied: str) -> list[Place]:
    return expand(["model=lenet", "dataset=mnist", f"output_dir={folder}", *varied])


def record(place: Place, accuracy: float | None, status: str = "done") -> None:
    """A record as a run leaves it."""
    place.plan.folder.mkdir(parents=True)
    final = {} if accuracy is None else {"test_accuracy": accuracy, "test_loss": 1 - accuracy}
    told = {"status": status, "result": {"final": final, "best": final}}
    (place.plan.folder / "summary.json").write_text(json.dumps(told))


def test_a_row_for_every_value_with_its_spread_over_seeds(tmp_path: Path):
    places = sweep(tmp_path, "weight_decay.value=1e-4,1e-3,1e-2", "seed=0,1,2")
    accuracies = [0.90, 0.91, 0.95, 0.80, 0.82, None, None, None, None]
    for place, accuracy in zip(places, accuracies, strict=True):
        if accuracy is not None:
            record(place, accuracy)
    record(places[6], None, "diverged")
    record(places[7], None, "interrupted")
    said = results.report(places)
    head, first, second, third = said.splitlines()[:4]
    assert head.split()[:2] == ["weight_decay.value", "runs"]
    mean, std = statistics.fmean(accuracies[:3]), statistics.stdev(accuracies[:3])
    assert first.split() == [
        "0.0001",
        "3",
        f"{100 * mean:.2f}",
        "±",
        f"{100 * std:.2f}",
        *first.split()[5:],
    ]
    assert second.split()[1] == "2" and second.split()[-1] == "1"  # one of three is missing
    assert third.split() == ["0.01", "0", "1", "2"]
    (table,) = tmp_path.glob("sweeps/weight_decay-*/table.csv")
    with table.open() as file:
        rows = list(csv.DictReader(file))
    assert float(rows[0]["test_accuracy_mean"]) == mean
    assert rows[2]["diverged"] == "1" and rows[2]["missing"] == "2"
    assert table.with_name("figure.png").read_bytes().startswith(b"\x89PNG")


def test_nothing_finished_is_a_table_and_nothing_else(tmp_path: Path):
    said = results.report(sweep(tmp_path, "seed=0,1"))
    assert said.split() == ["runs", "missing", "0", "2"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "varied",
    [
        ["weight_decay.value=1e-4,1e-3", "momentum.at_max_lr=0.8,0.9"],  # a heat map
        ["weight_decay.value=1e-4,1e-3", "optimizer=sgd,nesterov"],  # two curves
        ["optimizer=sgd,nesterov"],  # words side by side
        ["duration=2ep,4ep", "schedule.stepsize=0.4dur,0.5dur", "optimizer=sgd,nesterov"],
    ],
)
def test_pictures_of_every_kind(varied: list[str], tmp_path: Path):
    places = sweep(tmp_path, *varied)
    for i, place in enumerate(places[:-1]):  # and one that is missing
        record(place, 0.5 + 0.05 * i)
    results.report(places)
    (figure,) = tmp_path.glob("sweeps/*/figure.png")
    assert figure.stat().st_size > 5000


def test_the_same_grid_has_the_same_folder_whatever_its_order(tmp_path: Path):
    one = sweep(tmp_path, "seed=0,1")
    for place in one:
        record(place, 0.5)
    first = results.report(one).splitlines()[-1]
    assert results.report(sweep(tmp_path, "seed=1,0")).splitlines()[-1] == first


@pytest.mark.parametrize(
    ("texts", "all_numbers"),
    [(["1", "2e-3"], True), (["1ep", "0.5ep"], True), (["1ep", "2it"], False), (["a", "1"], False)],
)
def test_what_an_axis_can_hold(texts: list[str], all_numbers: bool):
    grid = [cells.Cell({"key": text}) for text in texts]
    assert cells.numeric(grid, "key") is all_numbers


def test_decades():
    assert cells.over_decades([1e-3, 1e-2]) and not cells.over_decades([1.0, 5.0])
    assert not cells.over_decades([0.0, 10.0])
