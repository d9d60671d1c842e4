"""Range tests beside each other: what is measured, once each, and the table and picture of it."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from disciplined.benchmark import report
from disciplined.benchmark.finders import measured, ours, picture, problems, table
from disciplined.benchmark.finders.measured import Row, Task
from disciplined.benchmark.finders.problems import PROBLEMS, attempt, parts

SMALL = replace(PROBLEMS["digits"], images=256, validation=128, epochs=2)


def one(rule: str, seed: int, lr: float | None, accuracy: float | None) -> Row:
    found = {"finder": rule, "rule": rule, "seed": seed, "lr": lr, "accuracy": accuracy}
    return found | {"validation": accuracy, "trained": 6400, "validated": 100}


def tried(lr: float, seed: int, validation: float, accuracy: float) -> Row:
    return {"lr": lr, "seed": seed, "validation": validation, "accuracy": accuracy}


def test_training_validation_and_test_images_are_apart():
    three = parts(replace(PROBLEMS["digits"], images=1077, validation=360), "nowhere")
    seen = [{row.numpy().tobytes() for row in part.tensors[0]} for part in vars(three).values()]
    assert [len(part) for part in vars(three).values()] == [1077, 360, 360]
    assert not seen[0] & seen[1] and not seen[0] & seen[2] and not seen[1] & seen[2]
    assert abs(float(three.train.tensors[0].mean())) < 1e-4


def test_a_seed_is_the_same_weights_and_batches_and_another_is_not():
    def drawn(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
        of = attempt(SMALL, parts(SMALL, "nowhere"), seed)
        return next(iter(of.train))[0], next(of.model.parameters()).detach()

    same = zip(drawn(1), drawn(1), strict=True)
    assert all(torch.equal(a, b) for a, b in same)
    assert not any(torch.equal(a, b) for a, b in zip(drawn(1), drawn(2), strict=True))


def test_seeds_differ_even_for_a_finder_that_seeds_the_loader():
    def batch(seed: int) -> torch.Tensor:
        of = attempt(SMALL, parts(SMALL, "nowhere"), seed)
        assert of.train.generator is not None
        of.train.generator.manual_seed(0)
        return next(iter(of.train))[0]

    assert not torch.equal(batch(1), batch(2))


def test_a_finder_has_its_rate_the_run_with_it_and_the_images_it_read():
    _, (row, half) = measured.done(Task(SMALL, 0, "nowhere", finders=(ours.OURS,)))
    assert row["rule"] == ours.OURS and 1e-4 < row["lr"] <= 10
    assert row["accuracy"] > 0.2, "chance is a tenth"
    assert half["rule"] == ours.HALVED and half["lr"] == row["lr"] / 2
    assert 0 < row["trained"] <= 6400 and row["validated"] % 128 == 0
    _, (rate,) = measured.done(Task(SMALL, 0, "nowhere", lr=row["lr"]))
    assert rate["accuracy"] == row["accuracy"], "a suggestion is worth what its rate is"
    _, (seconds,) = measured.done(Task(SMALL, 0, "nowhere", finders=(ours.BLIND,), timed=True))
    assert seconds["seconds"] > 0 and "lr" not in seconds


def test_no_suggestion_has_no_run(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(measured.FINDERS, "nothing", lambda _: {"a": None, "b": float("nan")})
    _, rows = measured.done(Task(SMALL, 0, "nowhere", finders=("nothing",)))
    assert [(r["rule"], r["lr"], r["accuracy"]) for r in rows] == [
        ("a", None, None),
        ("b", None, None),
    ]


def test_what_is_done_is_not_done_again(tmp_path: Path):
    asked: list[Task] = []
    stops = 10

    def some(do: Callable[[Task], Any], tasks: Iterable[Task]) -> Iterable[Any]:
        for task in tasks:
            if len(asked) == stops:
                raise KeyboardInterrupt
            asked.append(task)
            lr, names = task.lr, task.finders
            rows = [{"finder": n, "rule": n, "seed": task.seed} for n in names] or [
                tried(lr or 0, task.seed, 0.9 if lr == 0.1 else 0.5, 0.8)
            ]
            yield task, rows

    lines = tmp_path / "finders.jsonl"
    given = (SMALL, [ours.OURS, ours.LINEAR], range(4), lines, some, "nowhere", print)
    with pytest.raises(KeyboardInterrupt):
        measured.measured(*given)
    stops = 1000
    found = measured.measured(*given)
    assert len(set(asked)) == len(asked) == 3 * 8 + 1 + 4 * 2 + 3
    assert [row["lr"] for row in found["grid"]].count(0.1) == 4, "the best has every seed"
    assert len(found["grid"]) == 25 and len(found["found"]) == 8 and len(found["seconds"]) == 6
    assert measured.measured(*given) == found and len(asked) == 36


def test_a_line_holds_for_the_code_that_made_it(monkeypatch: pytest.MonkeyPatch):
    names = [Task(SMALL, 0, "x", finders=("fastai",)).name, Task(SMALL, 0, "x", lr=0.1).name]
    assert len({name.rpartition(" ")[2] for name in names}) == 2
    assert Task(replace(SMALL, epochs=3), 0, "x", lr=0.1).name != names[1]


def record() -> dict[str, Any]:
    grid = [tried(0.1, 0, 0.8, 0.9), tried(0.1, 1, 0.9, 0.8), tried(0.1, 2, 0.9, 0.85)]
    grid += [tried(0.01, seed, 0.8, 0.99) for seed in range(3)]
    found = [one(ours.OURS, seed, 0.2 + 0.1 * seed, 0.9 - 0.05 * seed) for seed in range(3)]
    found += [one("b", 0, None, None), one("b", 1, 0.01, 0.7), one("b", 2, 0.02, 0.66)]
    seconds = [{"finder": name, "seed": 0, "seconds": 2.0} for name in (ours.OURS, "b")]
    case = {"name": "p", "found": found, "grid": grid, "seconds": seconds}
    more = {"rounds": 3, "precision": "fp32", "date": "2026-11-28", "command": "benchmark.py"}
    setting = {"what": "finders", "device": "cpu", "hardware": "h", "threads": 1, "first": ""}
    return setting | {"compiled": False, "versions": {}, "cases": [case | more]}


def test_the_table_says_spread_failures_differences_and_cost():
    _, _, a, b, best = table.rows(record())
    assert a[:4] == ["p", ours.OURS, "0.3 [0.2, 0.4]", "85.00 ± 5.00"]
    assert a[4] == "+0.00 [-12.42, +12.42]", "0, 5 and -5 points"
    assert a[5:] == ["", "2 of 3", "6,400 + 100", "2.0"]
    assert b[:4] == ["p", "b", "0.015 [0.01, 0.02], none 1 times", "68.00 ± 2.83"]
    assert b[5] == "+14.50 [+8.15, +20.85]" and b[6] == "0 of 3", "Holm leaves 0.022 undecided"
    assert best[:4] == ["p", "the best of 2 rates", "0.1, the grid's edge", "85.00 ± 5.00"]


def test_a_difference_that_stays_decided_is_bold():
    found = record()
    for row in found["cases"][0]["found"]:
        if row["rule"] == "b":
            row |= {"lr": 0.01, "accuracy": 0.7 - 0.05 * row["seed"] + 0.0001 * (row["seed"] == 2)}
    cell = table.rows(found)[3][5]
    assert cell.startswith("**+20.00**") or cell.startswith("**+19.99**")


def test_the_page_has_protocol_remarks_and_picture(tmp_path: Path):
    found = record()
    setting = {name: told for name, told in found.items() if name != "cases"}
    report.add(tmp_path, setting, found["cases"][0])
    (tmp_path / "cpu-finders.md").write_text("What was found out.\n")
    assert [file.name for file in report.pages(tmp_path)] == ["README.md", "cpu-finders.png"]
    page = (tmp_path / "README.md").read_text()
    assert "* Three parts of the images" in page and "What was found out." in page
    assert (tmp_path / "cpu-finders.png").stat().st_size > 10_000


def test_the_picture_takes_problems_with_other_finders(tmp_path: Path):
    found = record()
    other = {"name": "q", "found": [one("c", 0, 0.1, 0.5)], "grid": found["cases"][0]["grid"]}
    path = picture.draw(tmp_path / "x.png", found | {"cases": [*found["cases"], other]})
    assert path.is_file()


def test_runs_diverge_to_chance_not_to_an_error():
    of = attempt(SMALL, parts(SMALL, "nowhere"), 0)
    found = problems.trained(SMALL, of, parts(SMALL, "nowhere").test, 1e4)
    assert found["accuracy"] == pytest.approx(0.1, abs=0.02)
