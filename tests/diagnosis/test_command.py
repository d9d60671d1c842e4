"""`scripts/runs.py diagnose` as a user types it."""

import json
import shutil
import sys
from pathlib import Path

import pytest

from disciplined.mistakes import Mistake

ROOT = Path(__file__).parents[2]
RECORD = "mlp_blobs-blobs-constant-002ee041ada0"
PUBLISHED = ROOT / "outputs" / "published" / "tutorials" / "blobs_rate" / "records" / RECORD
LOG = ROOT / "conf" / "author" / "superconv" / "clr3SS5kWD-6Fig11.csv"


def runs_main(*arguments: str) -> int:
    sys.path.insert(0, str(ROOT / "scripts"))
    try:
        import runs
    finally:
        sys.path.pop(0)
    return runs.main(["diagnose", *arguments])


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """An output folder with one record of a real run."""
    shutil.copytree(PUBLISHED, tmp_path / "runs" / RECORD)
    return tmp_path


def test_the_authors_log_overfits(capsys, tmp_path: Path):
    picture = tmp_path / "a" / "marked.png"
    assert runs_main(str(LOG), f"picture={picture}") == 0
    said = capsys.readouterr().out
    assert said.startswith("clr3SS5kWD-6Fig11: overfitting, too little regularisation")
    assert "next  regularise more" in said and "from  1803.09820" in said
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_a_record_by_part_of_its_key_by_folder_and_among_the_published(kept: Path, capsys):
    assert runs_main("002ee041ada0", f"output_dir={kept}") == 0
    by_key = capsys.readouterr().out
    assert by_key.startswith(f"{RECORD}: ")
    assert runs_main(str(PUBLISHED), f"output_dir={kept}") == 0
    assert capsys.readouterr().out == by_key
    assert runs_main(RECORD, f"output_dir={ROOT / 'outputs'}") == 0
    assert capsys.readouterr().out == by_key


def test_several_at_once_as_json(kept: Path, capsys):
    assert runs_main(str(LOG), RECORD, "format=json", f"output_dir={kept}") == 0
    first, second = json.loads(capsys.readouterr().out)
    assert first["findings"][0]["name"] == "overfitting"
    assert first["findings"][0]["end"] == 10000
    assert second["name"] == RECORD and second["metric"] == "test_loss"


def test_a_map_and_a_path_with_an_equals_sign(tmp_path: Path, capsys):
    folder = tmp_path / "lr=0.1"
    folder.mkdir()
    lines = [f"{i},{2 - 0.01 * i},0.1" for i in range(40)]
    (folder / "x.csv").write_text("\n".join(["n,goodness,opt/rate", *lines]))
    mapped = "map=iteration=n,val_loss=goodness,lr=opt/rate"
    assert runs_main(str(folder / "x.csv"), mapped) == 0
    said = capsys.readouterr().out
    assert "rate too small" in said and "the rate is 0.1: try 1" in said
    assert "read: val_loss: goodness\n" in said


def test_a_damaged_record_is_refused(kept: Path):
    rows = kept / "runs" / RECORD / "metrics.csv"
    rows.write_text(rows.read_text().replace("3.", "9.", 1))
    with pytest.raises(Mistake, match="damaged"):
        runs_main(RECORD, f"output_dir={kept}")


def test_rows_that_are_a_link_out_of_the_record_are_not_read(kept: Path, tmp_path_factory):
    secret = tmp_path_factory.mktemp("elsewhere") / "secret.csv"
    secret.write_text("iteration,val_loss\n1,42\n")
    folder = kept / "runs" / RECORD
    (folder / "metrics.csv").unlink()
    (folder / "metrics.csv").symlink_to(secret)
    with pytest.raises(Mistake, match="damaged"):
        runs_main(RECORD, f"output_dir={kept}")
    (folder / "summary.json").unlink()
    with pytest.raises(Mistake, match="not a plain file"):
        runs_main(str(folder))


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["nothing-like-it"],
        [""],
        ["absent.csv"],
        ["../../etc/passwd"],
        [str(LOG), "map=val_loss"],
        [str(LOG), "map=val_loss=absent"],
        [str(LOG), "map=goodness=test_loss"],
        [str(LOG), "picture=x.docx"],
        [str(LOG), "format=xml"],
        [str(LOG), "thresholds=1"],
        [str(LOG), "answers=true"],
        [str(ROOT / "outputs" / "published" / "diagnosis" / "examples.png")],
        [str(ROOT / "conf")],
    ],
    ids=lambda arguments: " ".join(Path(a).name for a in arguments) or "none",
)
def test_mistakes(arguments: list[str], kept: Path):
    with pytest.raises(Mistake) as mistake:
        runs_main(*arguments, f"output_dir={kept}")
    assert "\n" not in str(mistake.value)


def test_a_mistake_is_a_line_and_status_2_without_torch(command, imported, tmp_path: Path):
    (tmp_path / "a.csv").write_text("step,weight\n1,2\n")
    refused = command("scripts/runs.py", "diagnose", str(tmp_path / "a.csv"))
    assert refused.returncode == 2 and refused.stdout == ""
    assert refused.stderr.startswith("runs.py: a: no loss in it (columns: step, weight)")
    assert refused.stderr.count("\n") == 1
    done = command("scripts/runs.py", "diagnose", str(LOG), PYTHONPROFILEIMPORTTIME="1")
    assert done.returncode == 0
    found = imported(done.stderr)
    assert not found & {"torch", "hydra", "pytorch_lightning", "matplotlib", "omegaconf", "scipy"}
