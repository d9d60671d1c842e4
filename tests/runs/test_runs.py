"""`scripts/runs.py` over records written here, honest ones and hostile ones."""

import csv
import io
import json
import sys
from pathlib import Path

import pytest

from disciplined.mistakes import Mistake
from disciplined.runs import listing, reading
from disciplined.training import machine
from disciplined.training.record import Record, sha256

ROOT = Path(__file__).parents[2]


def runs_main(arguments: list[str]) -> int:
    sys.path.insert(0, str(ROOT / "scripts"))
    try:
        import runs
    finally:
        sys.path.pop(0)
    return runs.main(arguments)


def keep(folder: Path, seed: int, accuracy: float, status="done", decay=1e-3, code=None) -> str:
    """A record as a run leaves it; its key."""
    key = f"lenet-mnist-onecycle-{seed:04x}{round(decay * 1e6):08x}"
    place = folder / "runs" / key
    (place / "checkpoints").mkdir(parents=True)
    (place / "checkpoints" / "000000010it.ckpt").write_bytes(b"x" * 1000)
    final = {"test_accuracy": accuracy, "test_loss": 1 - accuracy} if status == "done" else {}
    summary = {
        "name": "lenet-mnist-onecycle",
        "setting": f"{round(decay * 1e6):012x}",
        "status": status,
        "result": {"iterations": 10, "final": final, "best": final},
        "machine": {"fingerprint": code or machine.fingerprint(), "versions": {"torch": "2.15"}},
    }
    (place / "summary.json").write_text(json.dumps(summary))
    (place / "config.yaml").write_text(
        f"seed: {seed}\nmodel:\n  name: lenet\nweight_decay:\n  value: {decay}\n"
        "schedule:\n  _target_: disciplined.schedules.learning_rate.onecycle\n"
    )
    return key


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """Two settings of two seeds each, and one run that was stopped."""
    for seed, decay, accuracy in ((0, 1e-3, 0.9), (1, 1e-3, 0.8), (0, 1e-2, 0.7), (1, 1e-2, 0.6)):
        keep(tmp_path, seed, accuracy, decay=decay)
    keep(tmp_path, 2, 0.0, "interrupted")
    return tmp_path


def told(capsys, folder: Path, *arguments: str) -> str:
    assert runs_main([*arguments, f"output_dir={folder}"]) == 0
    return capsys.readouterr().out


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_filtered_and_sorted(kept: Path, capsys):
    columns = "columns=seed,weight_decay.value,test_accuracy,model,schedule"
    said = told(
        capsys, kept, "table", "where=status=done,weight_decay.value<=0.005",
        "sort=test_accuracy", columns, "format=csv",
    )  # fmt: skip
    found = rows(said)
    assert [r["test_accuracy"] for r in found] == ["0.8", "0.9"]
    assert {r["model"] for r in found} == {"lenet"}
    assert {r["schedule"] for r in found} == {"onecycle"}
    down = rows(told(capsys, kept, "sort=-test_accuracy", columns, "format=csv"))
    assert [r["test_accuracy"] for r in down] == ["0.9", "0.8", "0.7", "0.6", ""]


def test_grouped_over_seeds(kept: Path, capsys):
    said = told(
        capsys, kept, "group=true", "columns=weight_decay.value,test_accuracy", "format=json"
    )
    found = {row["weight_decay.value"]: row for row in json.loads(said)}
    assert found[0.001]["n"] == 2, "the run that was stopped is not counted"
    assert found[0.001]["test_accuracy_mean"] == pytest.approx(0.85)
    assert found[0.01]["test_accuracy_std"] == pytest.approx(0.1 / 2**0.5)
    text = told(capsys, kept, "group=true")
    assert "85.00%" in text and "5 records, 2 settings" in text


def test_show_and_diff(kept: Path, capsys):
    keys = sorted(p.name for p in (kept / "runs").iterdir())
    assert "weight_decay.value" in told(capsys, kept, "show", keys[0])
    assert runs_main(["diff", keys[0], keys[1], f"output_dir={kept}"]) == 1
    said = capsys.readouterr().out
    assert "weight_decay.value" in said and "result.final.test_accuracy" in said
    assert "model.name" not in said, "what is equal is not told"
    assert runs_main(["diff", keys[0], keys[0], f"output_dir={kept}"]) == 0


def test_stale_is_what_other_code_computed(kept: Path, capsys):
    old = keep(kept, 9, 0.5, code="0123456789ab")
    assert told(capsys, kept, "stale").split() == [old]


def test_prune_asks_and_leaves_what_is_being_trained(kept: Path, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))  # not a terminal: nobody agreed
    assert "nothing removed" in told(capsys, kept, "prune", "what=unfinished")
    assert len(list((kept / "runs").iterdir())) == 5
    told(capsys, kept, "prune", "what=checkpoints", "yes=true", "where=seed=0")
    left = {p.parent.name for p in kept.glob("runs/*/checkpoints")}
    assert len(left) == 3
    assert told(capsys, kept, "prune", "yes=true").strip() == "nothing to remove"
    assert "removed 1 folders" in told(capsys, kept, "prune", "what=unfinished", "yes=true")
    assert len(list((kept / "runs").iterdir())) == 4
    assert told(capsys, kept, "prune", "what=unfinished", "yes=true").strip() == "nothing to remove"


def test_a_run_in_progress_is_never_removed(kept: Path, capsys):
    (stopped,) = (p for p in (kept / "runs").iterdir() if "-0002" in p.name)
    record = Record(stopped)
    record.claim()
    try:
        said = told(capsys, kept, "prune", "what=unfinished", "yes=true")
        assert "removed 0 folders" in said and "1 are being trained" in said
    finally:
        record.release()
    assert stopped.is_dir()


@pytest.mark.parametrize(
    "arguments",
    [
        ["tabel"],
        ["table", "wher=x"],
        ["table", "where=model~lenet"],
        ["table", "format=xml"],
        ["show"],
        ["show", "nothing-like-it"],
        ["show", "../../etc/passwd"],
        ["show", "lenet"],
        ["diff", "one"],
        ["prune", "what=everything"],
    ],
    ids=" ".join,
)
def test_mistakes(arguments: list[str], kept: Path):
    with pytest.raises(Mistake) as mistake:
        runs_main([*arguments, f"output_dir={kept}"])
    assert "\n" not in str(mistake.value)


BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join([f'*{chr(97 + i)}'] * 9)}]\n" for i in range(12)
)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (BOMB, "anchors"),
        ("!!python/object/apply:os.system ['touch PWNED']\n", "not a run's config"),
        ("- a\n- list\n", "not a run's config"),
        ("a: {" * 3000, "not a run's config"),
        ("x" * (2 << 20), "larger"),
    ],
    ids=["bomb", "tag", "list", "nesting", "size"],
)
def test_a_hostile_config_is_refused_in_one_line(content: str, why: str, kept: Path, monkeypatch):
    monkeypatch.chdir(kept)
    folder = next(iter((kept / "runs").iterdir()))
    (folder / "config.yaml").write_text(content)
    with pytest.raises(Mistake) as mistake:
        runs_main(["show", folder.name, f"output_dir={kept}"])
    assert why in str(mistake.value) and "\n" not in str(mistake.value)
    assert not (kept / "PWNED").exists()


def test_a_target_in_a_record_is_a_text(kept: Path, capsys, monkeypatch):
    monkeypatch.chdir(kept)
    folder = next(iter((kept / "runs").iterdir()))
    (folder / "config.yaml").write_text("model:\n  _target_: os.system\n  command: touch PWNED\n")
    assert "os.system" in told(capsys, kept, "show", folder.name)
    assert not (kept / "PWNED").exists()


def test_a_link_out_of_the_folder_is_not_followed(kept: Path, tmp_path_factory):
    secret = tmp_path_factory.mktemp("elsewhere") / "secret.yaml"
    secret.write_text("password: 1\n")
    folder = next(iter((kept / "runs").iterdir()))
    (folder / "config.yaml").unlink()
    (folder / "config.yaml").symlink_to(secret)
    with pytest.raises(Mistake, match="not a plain file"):
        runs_main(["show", folder.name, f"output_dir={kept}"])


@pytest.mark.parametrize("content", ["", "[]", "{", "null", "[" * 100_000])
def test_a_summary_that_is_none_leaves_the_others(content: str, kept: Path):
    folder = next(iter((kept / "runs").iterdir()))
    (folder / "summary.json").write_text(content)
    statuses = [record.value("status") for record in reading.every(kept)]
    assert statuses.count("damaged") == 1 and len(statuses) == 5
    assert runs_main([f"output_dir={kept}"]) == 0


def test_what_says_running_and_is_not_was_killed(kept: Path):
    key = keep(kept, 8, 0.5, status="running")
    record = Record(kept / "runs" / key)
    assert reading.one(kept, key).value("status") == "killed"
    record.claim()
    assert reading.one(kept, key).value("status") == "running"
    record.release()


def test_rows_that_were_changed_are_damage(kept: Path):
    key = keep(kept, 7, 0.5)
    record = Record(kept / "runs" / key)
    record.restore()
    summary = record.summary() or {}
    summary["result"]["metrics_sha256"] = sha256(record.metrics_file.read_bytes())
    record.write_summary(summary)
    assert reading.one(kept, key).value("status") == "done"
    record.metrics_file.write_text(record.metrics_file.read_text() + "1,2,3\n")
    assert reading.one(kept, key).value("status") == "damaged"


@pytest.mark.parametrize("result", ["null", "[]", "3"])
def test_nonsense_in_a_summary_is_no_result(result: str, kept: Path):
    folder = next(iter((kept / "runs").iterdir()))
    (folder / "summary.json").write_text(f'{{"status": "done", "result": {result}}}')
    assert Record(folder).finished() is None


def test_a_checksum_cannot_be_taken_off(kept: Path):
    """Its name changed by a byte, and an accuracy with it."""
    record = Record(next(iter((kept / "runs").iterdir())))
    summary = record.summary() or {}
    summary["result"]["metrics_sha256"] = "0" * 64
    record.write_summary(summary)
    path = record.folder / "summary.json"
    path.write_text(path.read_text().replace('"sha256"', '"sha257"').replace("0.9", "0.8"))
    assert record.summary() is None


def test_a_summary_that_was_changed_is_damaged(kept: Path, capsys):
    """A flipped digit of an accuracy must not move a mean."""
    record = Record(sorted((kept / "runs").iterdir())[0])
    record.write_summary(record.summary() or {})
    path = record.folder / "summary.json"
    assert [r["status"] for r in rows(told(capsys, kept, "format=csv"))].count("damaged") == 0
    path.write_text(path.read_text().replace("0.9", "0.8", 1))
    assert [r["status"] for r in rows(told(capsys, kept, "format=csv"))].count("damaged") == 1
    assert record.summary() is None and record.finished() is None


def test_odd_values_are_shown_as_they_are():
    assert listing.shown(float("nan"), "test_loss") == "nan"
    assert listing.shown(None, "test_loss") == ""
    assert listing.shown(True, "committed") == "True"


def test_no_torch_is_imported(kept: Path, command, imported):
    done = command("scripts/runs.py", "table", PYTHONPROFILEIMPORTTIME="1")
    assert done.returncode == 0
    found = imported(done.stderr)
    assert "disciplined" in found and not found & {"torch", "hydra", "matplotlib"}
