"""A ledger of some hundred records: what is read of it, counted, and what comes of it."""

import collections
import json
import subprocess
import sys
from pathlib import Path

import pytest

from disciplined.benchmark import ledger
from disciplined.dotted import flat
from disciplined.mistakes import Mistake
from disciplined.runs import listing, reading
from disciplined.training.config import CONF, compose
from disciplined.training.planning import plan
from disciplined.untrusted import by_lines, parsed

ROOT = CONF.parent
RECORDS = 300
COUNTING = """
import collections, contextlib, io, json, sys
opened = collections.Counter()
def count(event, arguments):
    if event == "open" and str(arguments[0]).startswith(sys.argv[1]):
        opened[str(arguments[0])] += 1
sys.addaudithook(count)
sys.path.insert(0, sys.argv[2])
import importlib
script = importlib.import_module(sys.argv[3])
told = io.StringIO()
with contextlib.redirect_stdout(told):
    status = script.main(sys.argv[4:])
print(json.dumps([status, told.getvalue(), opened]))
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """A folder with so many records."""
    folder = tmp_path_factory.mktemp("ledger")
    ledger.made(folder, 0, RECORDS // 2)
    ledger.made(folder, RECORDS // 2, RECORDS)
    return folder


def counted(made: Path, script: str, *arguments: str) -> tuple[str, collections.Counter[str]]:
    """What a command says, and how many files of each name it opened in the ledger, none twice."""
    places = {"train": ROOT, "runs": ROOT / "scripts", "reproduce": ROOT / "scripts"}
    command = [sys.executable, "-c", COUNTING, str(made / "runs"), str(places[script]), script]
    given = [*arguments, f"output_dir={made}"]
    done = subprocess.run([*command, *given], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    status, told, opened = json.loads(done.stdout.splitlines()[-1])
    assert status == 0
    there = {path: times for path, times in opened.items() if Path(path).exists()}
    assert max(there.values()) == 1
    return told, collections.Counter(Path(path).name for path in there)


def test_the_records_are_finished_and_say_that_nothing_was_trained(made: Path):
    kept = list(reading.every(made))
    assert len(kept) == RECORDS
    assert {k.value("status") for k in kept} == {"done"}
    assert all("nothing was trained" in k.value("made") for k in kept)
    assert all(k.settings["seed"] == k.value("seed") for k in kept)
    one = kept[17]
    again = compose([f"{k}={v}" for k, v in (
        ("model", "lenet"), ("dataset", "mnist"), ("precision", "fp32"), ("output_dir", made),
        *((k, one.settings[k]) for k in ("total_batch_size", "schedule.max_lr", "seed",
                                         "weight_decay.value", "momentum.at_max_lr")),
    )])  # fmt: skip
    assert plan(again).key == one.key


def test_a_table_reads_two_files_a_record(made: Path):
    told, opened = counted(made, "runs", "table")
    assert opened == {"summary.json": RECORDS, "metrics.csv": RECORDS}
    assert told.rstrip().endswith(f"{RECORDS} records")


def test_the_config_too_where_a_setting_is_asked_for(made: Path):
    told, opened = counted(made, "runs", "where=weight_decay.value<=2e-5", "group=true")
    assert opened["config.yaml"] == RECORDS
    assert told.rstrip().endswith("200 records, 20 settings")


def test_one_record_is_found_by_its_name(made: Path):
    key = reading.names(made)[123]
    for asked in (key, key[-9:]):
        _, opened = counted(made, "runs", "show", asked)
        assert opened["summary.json"] == 1


def test_the_studies_read_a_summary_each_for_their_speeds(made: Path):
    _, opened = counted(made, "reproduce", "list")
    assert opened["summary.json"] == RECORDS and not opened["metrics.csv"]


def test_a_sweep_reads_two_files_a_job(made: Path):
    told, opened = counted(made, "train", "-m", "dry_run=true", *ledger.jobs(made, 64, ["0.01"]))
    assert opened == {"summary.json": RECORDS, "metrics.csv": RECORDS}
    assert "700 of 1000 jobs missing" in told


def test_many_processes_read_the_same_table(made: Path, monkeypatch):
    columns, tests = ["key", "seed", "test_loss"], listing.conditions("seed<7")
    alone = listing.rows(made, columns, tests, "-test_loss")
    monkeypatch.setattr(listing, "AT_ONCE", 7)
    assert listing.rows(made, columns, tests, "-test_loss") == alone
    assert len(alone) == RECORDS * 7 // 10
    folder = made / "runs" / alone[0][0]
    config = (folder / "config.yaml").read_text()
    (folder / "config.yaml").write_text("a: &a 1\n")
    try:
        with pytest.raises(Mistake, match="anchors"):
            listing.rows(made, ["weight_decay.value"], [], "key")
    finally:
        (folder / "config.yaml").write_text(config)


def test_configs_are_read_by_lines_as_yaml_reads_them():
    configs = sorted((ROOT / "outputs" / "published").glob("*/*/records/*/config.yaml"))
    by_line = 0
    for path in configs[::7]:
        found = by_lines(path.read_text())
        by_line += found is not None
        assert found is None or list(found.items()) == list(flat(parsed(path)).items())
    assert by_line > 0.9 * len(configs[::7])


@pytest.mark.parametrize(
    "content",
    [
        *("a: 1\nb: 0x1f\nc: 1_000\nd: 1e-5\ne: 1.e-5\nf: .5\ng: -3\n", "a: yes\nb: no\nc: ~\n"),
        *("a:\nb: 2026-11-28\nc: 1:30\n", "a: 1 # one\n", "a: 'x'\nb: \"y\"\n", "a: []\nb: {}\n"),
        *("a:\n- 1\n- x\nb:\n  c:\n  - 2\n", "a:\n  - 1\n", "a:\n- - 1\n", "a:\n- b: 1\n", "a\n"),
        *("a: 1\na: 2\n", "a:\n  b: 1\na:\n  c: 2\n", "yes: 1\n", "null: 1\n", "a:\n    b: 1\n"),
        *("a:\n  b: 1\n c: 2\n", "  a: 1\n", "a: 1\n  b: 2\n", "a: x\n  y\n", "a: |\n  text\n"),
        *("- a: 1\n", "a: 1\n---\nb: 2\n", "a: ...\n", "a: .\n", "a: -\n", "a: =\n", "a: <<\n"),
        *("<<: {a: 1}\n", "a: 1\n\nb: 2\n", "", "a: 1", "é: 1\n", "a: ü\n", "a: ok\r\nb: 1\r\n"),
        *("a:\n  b:\nc: 1\n", "a:\n- 1\n  b: 2\n", "a:\n  b: 1\n- 2\n", "a: 012\nb: 1.2.3\n"),
        *("a: .inf\nb: -.inf\nc: .nan\n", "a: b: c\n", "_1: 2\n", "a: /x/y-z.csv\n", "a:\tb\n"),
    ],
)  # fmt: skip
def test_odd_lines_are_read_the_same_or_left_to_yaml(content: str, tmp_path: Path):
    found = by_lines(content)
    if found is not None:
        path = tmp_path / "config.yaml"
        path.write_text(content)
        assert str(list(found.items())) == str(list(flat(parsed(path)).items()))


def test_more_records_than_the_grid_has_are_refused(tmp_path: Path):
    with pytest.raises(Mistake, match="at most 100,000"):
        ledger.made(tmp_path, 0, 100_001)
