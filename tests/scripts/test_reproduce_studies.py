"""Many studies at once: what is wrong in one is said first, and the others go on."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from disciplined.studies import asked, expansion, index_file, reproduction, study_file
from disciplined.studies.shelf import Shelf
from disciplined.sweeps import launchers
from disciplined.sweeps.pool import Outcome

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
import reproduce  # noqa: E402

sys.path.pop(0)

PUBLISHED = ROOT / "outputs" / "published"
GOOD = """
source: nowhere
title: A planted study
fixed:
  {model: superconv_resnet20, dataset: digits, duration: 10it, total_batch_size: 32,
  batch_norm.groups: 4, evaluate_every: 5it, schedule: triangular, schedule.stepsize: 5it}
arms: {a: {schedule.max_lr: 1}, b: {schedule.max_lr: 2}}
seeds: {paper: 4, short: 2, smoke: 1}
panels: {p: {x: iteration, y: test_accuracy}}
claims:
  - {id: more, greater: {arm: a, than: b}, says: a is more accurate than b}
"""
WRONG = {
    "reference": ("than: b}", "than: z}", "claim more names the arm z; there are a, b"),
    "log": ("seeds:", "author: {a: clr/nothing}\nseeds:", "author a=clr/nothing: "),
    "metric": ("than: b}", "than: b, metric: test_acuracy}", "did you mean test_accuracy?"),
    "axis": ("y: test_accuracy", "y: accuracy", "y=accuracy"),
    "override": ("max_lr: 2", "top: 2", "schedule.top=2: no such setting"),
    "choice": ("model: superconv_resnet20", "model: resnet57", "model=resnet57: no such choice"),
    "value": ("duration: 10it", "duration: 10", "duration=10"),
    "predicate": ("greater:", "bigger:", "predicate=bigger"),
    "yaml": ("arms: {", "arms: [", "not YAML"),
}


@pytest.fixture
def studies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Planted studies instead of the checkout's, everything else of conf/ as it is."""

    def make(texts: dict[str, str]) -> Path:
        conf = tmp_path / "conf"
        for name, text in texts.items():
            file = conf / "study" / f"{name}.yaml"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        monkeypatch.setattr(study_file, "CONF", conf)
        monkeypatch.setattr(index_file, "CONF", conf)
        monkeypatch.setattr(index_file, "INDEX", conf / "study" / "index.json")
        monkeypatch.setattr(index_file, "made", lambda: {"choices": {}, "studies": {}})
        monkeypatch.setattr(index_file, "changed", list)
        return tmp_path / "outputs"

    return make


@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_study_is_one_line_before_anything_trains(
    kind: str, studies, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """Alone, and under a pattern that has a good one too, which goes on."""
    old, new, said = WRONG[kind]
    assert old in GOOD
    output = studies({"p/good": GOOD, "p/wrong": GOOD.replace(old, new)})
    monkeypatch.setattr(reproduction, "train", lambda *_: pytest.fail("nothing may train"))
    with pytest.raises(reproduce.Mistake) as caught:
        reproduce.main(["figure=p/wrong", f"output_dir={output}"])
    assert said in str(caught.value) and "\n" not in str(caught.value)

    told: list[str] = []

    def train(missing: list, *_: Any) -> reproduction.Trained:
        told.append(capsys.readouterr().err)
        assert {run.study for run in missing} == {"p/good"}
        return reproduction.Trained()

    monkeypatch.setattr(reproduction, "train", train)
    assert reproduce.main(["figure=p/*", f"output_dir={output}"]) == 2
    assert said in told[0] and told[0].startswith("p/wrong: ") and told[0].count("\n") == 1
    rows = capsys.readouterr().out.splitlines()
    assert rows[-1] == "2 studies, 1 failed"
    assert re.match(r"p/good .*no records$", rows[-4])
    assert re.match(r"p/wrong .*a mistake: ", rows[-3]) and said in rows[-3]


def test_a_study_that_fails_does_not_stop_the_others(
    studies, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
):
    from disciplined.studies.figures import drawing

    output = studies({f"p/{name}": GOOD.replace("planted", name) for name in "abc"})
    draw = drawing.draw

    def broken(study: Any, *others: Any) -> Any:
        if study.id == "p/a":
            raise ZeroDivisionError("nothing to divide by")
        return draw(study, *others)

    monkeypatch.setattr(drawing, "draw", broken)
    status = reproduce.main(["figure=p/c,p/a,p/*", "run=false", f"output_dir={output}"])
    told = capfd.readouterr()
    assert status == 1 and "ZeroDivisionError" in told.err
    rows = told.out.splitlines()[-5:]
    assert [row.split()[0] for row in rows[:3]] == ["p/c", "p/a", "p/b"]
    assert rows[1].endswith("failed: ZeroDivisionError: nothing to divide by")
    assert rows[4] == "3 studies, 1 failed"
    pages = sorted(f.parent.parent.name for f in output.glob("figures/p/*/paper/README.md"))
    assert pages == ["b", "c"]
    assert told.out.count("no figure: nothing run, logged or published") == 2


def test_runs_that_fail_are_told_with_their_study(studies, monkeypatch, capsys):
    output = studies({"p/a": GOOD, "p/b": GOOD.replace("duration: 10it", "duration: 20it")})

    def train(missing: list, *_: Any) -> reproduction.Trained:
        return reproduction.Trained({run.key: 1 for run in missing if run.study == "p/a"})

    monkeypatch.setattr(reproduction, "train", train)
    assert reproduce.main(["figure=all", f"output_dir={output}"]) == 1
    rows = capsys.readouterr().out.splitlines()
    assert rows[-4].endswith("runs failed; no records") and rows[-3].endswith("  no records")
    stopped = reproduction.Trained(stopped=15)
    monkeypatch.setattr(reproduction, "train", lambda *_: stopped)
    assert reproduce.main(["figure=all", f"output_dir={output}"]) == 143


def test_arms_whose_names_have_commas():
    study = study_file.load("disciplined/table2")
    names = ["a", "a, 1", "b, 2, 3"]
    object.__setattr__(study, "arms", {name: {} for name in names})
    assert asked.chosen_arms(study, "b, 2, 3,a,a, 1") == ["b, 2, 3", "a", "a, 1"]
    assert asked.chosen_arms(study, "a,x") == ["a", "x"]


@pytest.fixture
def outputs(tmp_path: Path) -> Path:
    """The published records of table 2, and nothing else."""
    there = tmp_path / "published" / "disciplined" / "table2"
    shutil.copytree(PUBLISHED / "disciplined" / "table2" / "records", there / "records")
    return tmp_path


def test_a_false_claim_is_contradicted_by_real_records(
    outputs: Path, studies, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """The published LeNets with the momentum swung and held: which of them is more accurate is
    asserted once as it is and once the other way round, and the records know."""
    text = (ROOT / "conf" / "study" / "disciplined" / "table2.yaml").read_text()
    start, claims, _ = text.partition("\nclaims:\n")
    for id, arm, than in (("planted", "12ep", "12ep-held"), ("other", "12ep-held", "12ep")):
        says = f"{arm} beats {than}"
        claims += f"  - {{id: {id}, greater: {{arm: {arm}, than: {than}}}, says: {says}}}\n"
    studies({"disciplined/table2": start + claims})
    assert reproduce.main(["figure=disciplined/table2", "run=false", f"output_dir={outputs}"]) == 0
    told = capsys.readouterr().out.splitlines()
    found = {line.strip().partition(":")[0]: line for line in told if " beats " in line}
    assert "12ep beats 12ep-held" in found["contradicted"]
    assert "12ep-held beats 12ep" in found["reproduced"]
    assert "n = 4 and 4" in found["contradicted"]
    folder = outputs / "figures" / "disciplined" / "table2" / "paper"
    verdicts = json.loads((folder / "verdicts.json").read_text())
    kept = verdicts["questions"]["as_published"]
    assert kept == [["planted", "contradicted"], ["other", "reproduced"]]


def test_a_list_of_a_hundred_studies_of_twenty_arms_takes_no_two_seconds(outputs: Path):
    """In processor time, so that busy neighbours do not count; the interpreter's start with it."""
    kept = index_file.stored()
    arm = kept["disciplined/table2"]["scales"]["paper"]["12ep"]
    arms = {str(i): arm | {"keys": f"{i:012x} {i + 1:012x} {i:012x} {i:012x}"} for i in range(20)}
    study = kept["disciplined/table2"] | {
        "scales": dict.fromkeys(("paper", "short", "smoke"), arms)
    }
    many = outputs / "many.json"
    many.write_text(json.dumps({f"p/{i:03}": study for i in range(100)}))
    program = (
        "import sys, time, json; sys.path.insert(0, 'scripts'); import reproduce; "
        "from disciplined.studies import index; "
        f"found = json.load(open({str(many)!r})); index.current = lambda: found; "
        f"reproduce.main(['list', 'output_dir={outputs}']); print(time.process_time())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True
    )
    *table, seconds = done.stdout.splitlines()
    assert len(table) == 103 and "100 studies" in table[-1]
    assert float(seconds) < 2


def test_a_study_taken_up_later_keeps_its_threads(monkeypatch, tmp_path: Path):
    """A launcher shares the machine out among all runs asked for, not those that are missing."""

    class Chosen:
        def train(self, jobs: list[Any], *, of: int, **told: Any) -> Outcome:
            seen.append((len(jobs), of))
            return Outcome()

    seen: list[tuple[int, int]] = []
    monkeypatch.setattr(launchers, "chosen", lambda *_: Chosen())
    options = reproduction.Options("disciplined/table2", "smoke", output_dir=str(tmp_path))
    study, shelf = study_file.load(options.figure), Shelf(tmp_path, False)
    runs = reproduction.runs_of(study, options, None)
    done = runs[0].key
    monkeypatch.setattr(shelf, "finished", lambda key: {} if key != done else {"status": "done"})
    reproduction.train(runs, [study], options, shelf)
    ((missing, of),) = seen
    assert of == missing + 1 == len(expansion.distinct(runs))
