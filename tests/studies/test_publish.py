"""From records to figure, table and page, and back from what was published."""

import csv
import io
import json
from pathlib import Path

import pytest

from disciplined.studies import index_file, ledger, publish, published, tables
from disciplined.studies.expansion import expand, indexed
from disciplined.studies.figures import drawing, ends, series
from disciplined.studies.judging import calibration
from disciplined.studies.judging.judge import judge
from disciplined.studies.shelf import Shelf
from disciplined.studies.study_file import load

FINALS = {"a": [0.801, 0.799, 0.802, 0.800], "b": [0.701, 0.699]}


@pytest.fixture
def made(planted, recorded):
    study = planted()
    found = recorded(study, FINALS)
    return study, found, judge(study, "paper", found)


def test_table_says_published_ours_and_difference(made):
    study, _, judgement = made
    first = tables.markdown(study, judgement).splitlines()[2]
    assert first.startswith(
        "| the first | test accuracy (%) | 80.0 ± 0.1 | 92.44 | 80.05 ± 0.13 (4) | +0.05 points | "
        "reproduced ["
    )
    rows = list(csv.DictReader(io.StringIO(tables.comma_separated(study, judgement))))
    assert rows[0]["published"] == "0.8" and float(rows[0]["mean"]) == pytest.approx(0.8005)
    assert rows[1]["reading_of"] == "a" and rows[1]["verdict"] == "inconclusive"
    assert "could have seen" in tables.text(study, judgement)


def test_rows_without_anything_to_tell_are_counted(planted, recorded):
    """c is not run and nothing was published of it; a, not run either, has a number."""
    study = planted()
    judgement = judge(study, "paper", recorded(study, {"b": FINALS["b"]}))
    table = tables.markdown(study, judgement)
    assert table.endswith("\n\nNot run and not shown: 1 row without a published value.\n")
    assert len(table.splitlines()) == 2 + 2 + 2 and "| c |" not in table
    assert tables.text(study, judgement).splitlines()[-1].startswith("Not run and not shown: 1 row")
    lines = tables.comma_separated(study, judgement).splitlines()
    assert any(line.startswith("c,") for line in lines), "the whole table has it"
    bare = planted(
        ("  a: {value: 0.80, std: 0.001, n: 4, test_images: 10000}", "  {}"),
        ("author: {a: superconv/clr3SS5kFig1a}", ""),
        ("readings: {b: a}", ""),
    )
    nothing = judge(bare, "paper", {})
    nothing_told = "Not run and not shown: 3 rows without a published value"
    assert tables.markdown(bare, nothing) == f"{nothing_told}.\n"
    assert tables.text(bare, nothing) == nothing_told


def test_inconclusive_claims_say_what_could_have_been_seen(made):
    _, _, judgement = made
    line = tables.claim_line(judgement.claims[0])
    assert line.startswith("inconclusive: a is more accurate than b (primary) — n = 4 and 2")
    assert "could have seen " in line or ("seeds could see" in line and line.endswith("points"))


def test_figure_is_drawn_twice_the_same(made, tmp_path: Path):
    study, found, _ = made
    first = drawing.draw(study, "paper", found, tmp_path / "1")
    second = drawing.draw(study, "paper", found, tmp_path / "2")
    assert [f.name for f in first] == ["figure.svg", "figure.png"]
    assert first[0].read_bytes() == second[0].read_bytes()
    text = first[0].read_text()
    for words in ("the first, author (1 run)", "the first, ours (4 runs)", "(%)"):
        assert words in text, words
    assert "not run: c</text>" in text


def test_without_records_the_authors_curve_is_drawn(planted, tmp_path: Path):
    svg = drawing.draw(planted(), "paper", {}, tmp_path)[0].read_text()
    assert "the first, author (1 run)" in svg and "not run: b, c</text>" in svg


def test_short_runs_are_stretched_to_the_papers_length(planted, recorded):
    study = planted()
    found = recorded(study, {"a": [0.5, 0.6]}, scale="short")
    x, _ = series.ours(found["a"][0], study.panels["p"], "test_accuracy", "short")
    assert x[-1] == pytest.approx(100)


OVER = ("p: {x: iteration,", "p: {x: schedule.max_lr,")


def test_a_panel_over_a_setting_has_an_arm_a_point(planted, recorded, tmp_path: Path):
    study = planted(OVER)
    found = recorded(study, {"a": [0.5, 0.6, 0.7], "b": [0.8, 0.8, 0.8], "c": [0.3, 0.3, 0.3]})
    svg = drawing.draw(study, "paper", found, tmp_path)[0].read_text()
    assert "mean ± std of 3 runs an arm" in svg
    assert "maximum learning rate" in svg


def test_many_runs_are_a_band_and_few_are_lines(planted, recorded, tmp_path: Path):
    study = planted()
    few = recorded(study, {"a": [0.5] * ends.MANY})
    svg = drawing.draw(study, "paper", few, tmp_path / "few")[0].read_text()
    assert f"({ends.MANY} runs)" in svg and "± std" not in svg.replace("mean ± std", "")
    many = recorded(study, {"a": [0.5] * (ends.MANY + 1)})
    svg = drawing.draw(study, "paper", many, tmp_path / "many")[0].read_text()
    assert f"({ends.MANY + 1} runs, ± std)" in svg


def test_a_rate_is_drawn_as_it_was_set(planted, recorded):
    study = planted(("y: test_accuracy}}\npublished", "y: lr}}\npublished"))
    found = recorded(study, {"a": [0.5]})
    x, y = series.ours(found["a"][0], study.panels["p"], "lr", "paper")
    assert x.size > 90
    assert y[50] == y.max() == 1
    assert study.metric == "test_accuracy"


def test_what_is_published_can_be_judged_without_the_ledger(made, tmp_path: Path):
    study, found, judgement = made
    drawn = drawing.draw(study, "paper", found, tmp_path / "figures")
    stands = tmp_path / "clone" / "published" / "test" / "planted"
    stands.mkdir(parents=True)
    (stands / "remarks.md").write_text("It was the weather.\n")
    page = publish.publish(study, judgement, found, [], drawn, stands)
    text = page.read_text()
    for words in (
        "figure.svg",
        "Claims as published",
        "a hand",
        "weather",
    ):
        assert words in text, words
    files = {p.name for p in stands.rglob("*") if p.is_file()}
    assert files == {
        *("config.yaml", "summary.json", "metrics.csv", "remarks.md", "README.md"),
        *("figure.svg", "figure.png", "table.csv", "table.md", "verdicts.json"),
    }
    elsewhere = expand(study, "paper", places=(f"output_dir={tmp_path / 'fresh'}",))
    clone = tmp_path / "clone"
    assert ledger.results(elsewhere, Shelf(clone, fresh=True)) == {}
    again = judge(study, "paper", ledger.results(elsewhere, Shelf(clone)))
    kept = json.loads((stands / "verdicts.json").read_text())
    assert kept["numbers"] == json.loads(json.dumps(again.as_dict()))["numbers"]


PUBLISHED = Path(__file__).parents[2] / "outputs" / "published"


@pytest.mark.parametrize(
    "name",
    [
        page.parent.relative_to(PUBLISHED).as_posix()
        for page in sorted(PUBLISHED.glob("*/*/**/verdicts.json"))
    ],
)
def test_published_pages_are_what_their_records_say(name: str, tmp_path: Path):
    stands = PUBLISHED / name
    name = name.removesuffix("/short")
    study, folder = load(name), PUBLISHED / name
    told = index_file.kept(name)
    assert told, f"conf/study/index.json is not current for {name}"
    places = (f"output_dir={tmp_path}",)
    verdicts = json.loads((stands / "verdicts.json").read_text())
    scale = verdicts["scale"]
    assert published.page_folder(folder, scale) == stands
    seeds = study.seeds_shown(scale, published.seeds(stands))
    runs = indexed(study, told, scale, seeds=seeds, places=places)
    if runs is None:  # more seeds than the index holds
        runs = expand(study, scale, seeds=seeds, places=places)
    (tmp_path / "published" / name).parent.mkdir(parents=True)
    (tmp_path / "published" / name).symlink_to(folder)  # and no runs of this machine
    found = ledger.results(runs, Shelf(tmp_path))
    shown = {run.key for results in found.values() for run in (r.run for r in results)}
    assert shown == {key for keys in verdicts["records"].values() for key in keys}
    rates = calibration.of(study, found)
    beside = [s for s in published.SCALES if published.seeds(published.page_folder(folder, s))]
    page = publish.page(study, judge(study, scale, found), found, rates, stands, beside)
    assert page == (stands / "README.md").read_text(), (
        f"publish again: python scripts/reproduce.py figure={name} run=false publish=true"
    )


def test_every_published_record_is_judged_on_a_page():
    """Whole runs on one, those of a tenth of the iterations on another, and none on neither."""
    for folder in PUBLISHED.glob("*/*/records"):
        pages = [*folder.parent.glob("verdicts.json"), *folder.parent.glob("short/verdicts.json")]
        told = [json.loads(page.read_text())["records"] for page in pages]
        keys = {key for records in told for of_arm in records.values() for key in of_arm}
        assert keys == {record.name for record in folder.iterdir()}, folder.parent


def test_a_tenth_takes_the_place_of_the_authors_curves_alone(planted, recorded, tmp_path: Path):
    study, stands = planted(), tmp_path / "published" / "test" / "planted"
    publish.publish(study, judge(study, "paper", {}), {}, [], [], stands)
    (stands / "remarks.md").write_text("His.\n")
    nothing = publish.publish(study, judge(study, "short", {}), {}, [], [], stands)
    assert nothing.is_file() and (stands / "README.md").is_file(), "nothing gives way to nothing"
    short = recorded(study, {"b": [0.7, 0.7, 0.71]}, scale="short")
    page = publish.publish(study, judge(study, "short", short), short, [], [], stands)
    assert page == stands / "short" / "README.md" and "His." in page.read_text()
    assert {p.name for p in stands.iterdir()} == {"short", "records"}


def test_what_has_not_been_run_can_be_published(planted, tmp_path: Path):
    """The author's curves alone."""
    study = planted()
    drawn = drawing.draw(study, "paper", {}, tmp_path / "figures")
    stands = tmp_path / "published" / "test" / "planted"
    page = publish.publish(study, judge(study, "paper", {}), {}, [], drawn, stands)
    assert "0 records" in page.read_text() and (stands / "figure.png").is_file()
