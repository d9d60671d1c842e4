"""`reproduce.py` as a user meets it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from disciplined.mistakes import Mistake

ROOT = Path(__file__).parents[2]
SCRIPT = "scripts/reproduce.py"


def test_list_says_what_there_is_and_needs_neither_torch_nor_hydra(imported, tmp_path: Path):
    done = subprocess.run(
        [sys.executable, "-X", "importtime", str(ROOT / SCRIPT), "list", f"output_dir={tmp_path}"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = imported(done.stderr)
    assert "disciplined" in found and not found & {"torch", "hydra", "matplotlib"}
    header, *rows = done.stdout.splitlines()
    assert header.split()[:4] == ["study", "title", "data", "networks"]
    found = {row.split()[0]: row for row in rows if "/" in row}
    assert "0/84" in found["disciplined/table1"] and "245.0M" in found["disciplined/table1"]


def main(arguments: list[str]) -> int:
    """`reproduce.py` in this process, which has paid for its imports."""
    sys.path.insert(0, str(ROOT / "scripts"))
    try:
        import reproduce
    finally:
        sys.path.pop(0)
    return reproduce.main(arguments)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["figure=disciplined/tabel1"], "did you mean disciplined/table1?"),
        (["figure=nothing/*"], "no study matches"),
        (["figur=disciplined/table1"], "did you mean figure?"),
        (["figure=disciplined/fig14a", "scale=papr"], "did you mean paper?"),
        (["figure=disciplined/fig14a", "seeds=x"], "seeds=x: expected a whole number"),
        (["figure=disciplined/fig14a", "seeds=0"], "seeds=0: expected a whole number"),
        (["figure=disciplined/fig14a", "run=maybe"], "run=maybe: expected true or false"),
        (["figure=disciplined/fig14a", "output_dir="], "output_dir=: expected a value"),
        (["lst"], "lst: no such command"),
        (["scale=paper"], "figure= is missing"),
    ],
    ids=lambda value: value[-1] if isinstance(value, list) else "",
)
def test_mistakes_are_one_line_and_status_2(arguments: list[str], said: str):
    with pytest.raises(Mistake) as caught:
        main(arguments)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_mistake_at_the_shell(command):
    done = command(SCRIPT, "figure=disciplined/fig14a", "arms=constnt")
    assert done.returncode == 2
    assert done.stderr == "reproduce.py: arms=constnt: did you mean constant?\n"
    assert done.stdout == ""


def test_dry_run_runs_nothing_and_says_what_it_would(command, tmp_path: Path):
    done = command(SCRIPT, "figure=disciplined/table2", "arms=primary", "dry_run=true")
    assert done.returncode == 0, done.stderr
    assert "8 of 8 runs missing, 5,758,976 images" in done.stdout
    assert done.stdout.count("\nmissing  disciplined/table2  12ep") == 8
    assert "python train.py recipe=lenet" in done.stdout
    assert not any(tmp_path.iterdir())


def test_a_figure_from_nothing_and_again_from_its_records(
    warm_server, command, tmp_path: Path, capsys
):
    asked = ["figure=calibration/aa", "scale=smoke", "seeds=2"]
    status = main([*asked, "jobs=2", f"output_dir={tmp_path}"])
    first = capsys.readouterr()
    assert status == 0, first.err
    assert "[2/2] calibration/aa same seed" in first.err
    assert "(scale smoke)" in first.out
    folder = tmp_path / "figures" / "calibration" / "aa" / "smoke"
    assert {"figure.svg", "figure.png", "table.md", "verdicts.json"} <= {
        p.name for p in folder.iterdir()
    }
    summaries = [json.loads(p.read_text()) for p in tmp_path.glob("runs/*/summary.json")]
    assert [s["status"] for s in summaries] == ["done", "done"]
    assert {s["registered"]["id"] for s in summaries} == {"calibration/aa"}
    again = command(SCRIPT, *asked)
    assert again.returncode == 0 and again.stdout == first.out
    assert again.stderr == "", "nothing is missing, so nothing is trained"
