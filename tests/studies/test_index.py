"""The generated files are current: the keys of what is published do not change by accident."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from disciplined.studies import expansion, index, index_file
from disciplined.studies.expansion import expand
from disciplined.studies.study import Study
from disciplined.studies.study_file import ids, load
from disciplined.training.config import compose
from disciplined.training.planning import plan
from disciplined.training.words import published

AGAIN = "run `python scripts/reproduce.py keys` if that was meant; old records lose their names"


KEPT = index_file.stored()
PUBLISHED = Path(__file__).parents[2] / "outputs" / "published"
# Studies with records to stand by: each of their arms is composed anew, of the others one.
STOOD_BY = {name for name in KEPT if (PUBLISHED / name / "records").is_dir()}


def part(name: str) -> Study:
    """A study with those of its arms that a default test composes."""
    study = load(name)
    arms = dict(list(study.arms.items())[: None if name in STOOD_BY else 1])
    return replace(study, arms=arms, published={})


def same(name: str, now: dict[str, Any]) -> None:
    """Whether arms composed now are what the index has of them."""
    for scale, arms in now["scales"].items():
        for arm, made in arms.items():
            was = KEPT[name]["scales"][scale][arm]
            assert made == was, f"{name}, {arm}, {scale} is another run than before; {AGAIN}"


def test_the_index_has_every_study_as_its_file_is():
    assert set(KEPT) == set(ids())
    stale = [name for name in ids() if index_file.kept(name) is None]
    assert not stale, f"conf/study/index.json is not current for {', '.join(stale)}; {AGAIN}"
    assert len(STOOD_BY) >= 8


@pytest.mark.parametrize("name", sorted(STOOD_BY))
def test_what_is_stood_by_composes_to_the_settings_it_had(name: str):
    same(name, index.entry(part(name)))


@pytest.mark.parametrize("paper", sorted({name.partition("/")[0] for name in KEPT}))
def test_an_arm_of_every_other_study_composes_to_what_it_was(paper: str):
    for name in (n for n in KEPT if n.startswith(f"{paper}/") and n not in STOOD_BY):
        same(name, index.entry(part(name)))


@pytest.mark.parametrize(
    ("study", "of", "arms"),
    [
        ("clr/fig01_budget", "clr/fig01", 40),
        ("disciplined/held", "disciplined/fig14", 1),
        ("disciplined/held", "disciplined/table2", 1),
        ("superconv/fair_budget", "superconv/fair", 40),
        ("superconv/fig02", "clr/fig07", 2),
        ("superconv/v3-fig06", "disciplined/fig16", 6),
        ("superconv/v3-table2", "disciplined/table2", 40),
    ],
)
def test_arms_said_to_be_those_of_another_study_are(study: str, of: str, arms: int):
    """They are trained once, and stay the same where one file is edited and not the other."""
    for scale in ("paper", "short"):
        both = [KEPT[name]["scales"][scale].values() for name in (study, of)]
        first, second = ({arm["keys"] for arm in found} for found in both)
        assert len(first & second) == arms


@pytest.mark.slow
def test_every_arm_composes_to_the_settings_it_had():
    """Minutes: every arm of every study at every scale."""
    text = index.index_text()
    for name, now in json.loads(text)["studies"].items():
        same(name, now)
    assert text == index_file.INDEX.read_text(), f"conf/study/index.json is not current; {AGAIN}"


def test_published_settings_are_current():
    made = index.published_text(KEPT)
    assert made == index.PUBLISHED.read_text(), f"conf/published.yaml is not current; {AGAIN}"
    found: Any = OmegaConf.to_container(OmegaConf.load(index.PUBLISHED))
    told = [entry for entries in found.values() for entry in entries]
    assert {e["study"] for e in told} >= {"disciplined/table1", "disciplined/table1_reasons"}
    assert all(0 <= e["value"] < 10 and e["source"] for e in told)


def test_the_bare_command_is_a_published_run():
    bare = plan(compose(["schedule=onecycle", "model=resnet56"]))
    assert [e["arm"] for e in published(bare.trained)] == ["resnet56-1cycle-cm95-85"]
    shallow = plan(compose(["schedule=step", "model=three_layer", "momentum.value=0.95"]))
    assert [e["arm"] for e in published(shallow.trained)] == ["step-95"]
    lenet = plan(compose(["model=lenet", "dataset=mnist"]))
    assert [e["arm"] for e in published(lenet.trained)] == ["12ep"]


def test_the_index_gives_the_runs_that_composing_gives(planted, recorded):
    study = planted()
    told = index.entry(study)
    for scale in ("paper", "short"):
        composed = expand(study, scale, seeds=3)
        indexed = expansion.indexed(study, told, scale, seeds=3)
        assert indexed == composed and [r.made for r in indexed] == [None] * 9
        assert indexed[-1].plan.asked == composed[-1].plan.asked
    elsewhere = expansion.indexed(study, told, "paper", seeds=1, places=("output_dir=/x",))
    assert elsewhere[0].folder.parent.as_posix() == "/x/runs"
    assert expansion.indexed(study, told, "paper", seeds=5) is None, "four keys are kept"
    assert expansion.indexed(study, told, "smoke") is None


def test_claims_name_the_arms_whose_runs_settle_them(planted):
    every = "best: {arm: a, margin: 0.1}"
    found = index.entry(planted(("greater: {arm: b, than: a}", every)))
    assert found["claims"] == {"True": ["a", "b"], "planted": ["a", "b", "c"]}
    old = "greater: {arm: b, than: a}"
    among = ("readings: {b: a}", "readings: {b: a}\nchosen: {top: {among: [b, c]}}")
    held_out = ("dataset: digits,", "dataset: digits, dataset.validation: 300,")
    found = index.entry(planted(held_out, among, (old, "greater: {arm: top, than: a}")))
    assert found["claims"]["planted"] == ["b", "c", "a"]
    later = ("readings: {b: a}", "missing: {d: no network}")
    found = index.entry(planted(later, (old, "greater: {arm: d, than: a}")))
    assert found["claims"]["planted"] is None


def test_a_part_is_current_while_what_it_was_made_of_is(planted, monkeypatch, tmp_path: Path):
    study = planted()
    told = index.entry(study)
    conf = tmp_path / "conf"
    for file, text in {
        "study/p/f.yaml": study.file.read_text(),
        "train.yaml": "a: 1",
        "model/lenet.yaml": "b: 1",
        f"model/{told['models'][0]}.yaml": "c: 1",
        "recipe/superconv.yaml": "d: 1",
        "author/index.yaml": "e: 1",
    }.items():
        (conf / file).parent.mkdir(parents=True, exist_ok=True)
        (conf / file).write_text(text)
    monkeypatch.setattr(index_file, "CONF", conf)
    there = {"choices": index_file.choices(), "studies": {"p/f": told}}
    assert len(there["choices"]) == 4

    def current() -> bool:
        index_file.changed.cache_clear()
        return index_file.kept("p/f") is not None

    monkeypatch.setattr(index_file, "made", lambda: there)
    try:
        assert current()
        for file in ("author/index.yaml", "model/lenet.yaml"):
            (conf / file).write_text("changed")
            assert current(), f"{file} is no part of the study"
        (conf / "model/own.yaml").write_text("new")
        assert current()
        for file in (f"model/{told['models'][0]}.yaml", "train.yaml", "recipe/superconv.yaml"):
            text = (conf / file).read_text()
            (conf / file).write_text("changed")
            assert not current(), file
            (conf / file).write_text(text)
        (conf / "recipe/superconv.yaml").unlink()
        assert not current()
    finally:
        index_file.changed.cache_clear()
