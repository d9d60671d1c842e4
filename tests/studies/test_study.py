"""Study files: every one loads, and whatever can be wrong in one is said in a line."""

import re
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from disciplined.checks import arm_name
from disciplined.mistakes import Mistake
from disciplined.studies import recipes, study
from disciplined.studies.arms import expand_arms
from disciplined.studies.judging import predicates
from disciplined.studies.study_file import CONF, ids, load, read


@pytest.mark.parametrize("name", ids())
def test_every_study_loads(name: str):
    found = load(name)
    first = found.file.read_text().splitlines()[0]
    assert first.endswith(f"reproduce.py figure={name}"), "the first line gives the command"
    assert found.seeds["paper"] >= 4 or not found.published
    assert all(arm in found.rows() for arm in found.primary)


def test_every_entry_of_the_reference_has_a_study(curves_dir: Path):
    """By name, or as one of a range (`fig13a to fig13d`), in a study's source; one has nothing to
    reproduce, which a note says."""
    told = OmegaConf.load(curves_dir.parent / "reference.yaml")
    text = "; ".join(load(name).source for name in ids())
    ranges = re.findall(r"(\w+/fig\d+)([a-z]) to fig\d+([a-z])", text)
    named = {figure + chr(n) for figure, a, b in ranges for n in range(ord(a), ord(b) + 1)}
    named |= {
        f"{paper}/{other}"
        for paper, others in re.findall(r"reference (\w+)/([^();]*)", text)
        for other in re.findall(r"[\w.-]+", others)
    }
    named |= set(re.findall(r"\w+/[\w-]+", text))
    entries = {entry["id"] for entry in told["entries"]}
    assert len(entries) > 90
    assert entries - named == {"superconv/fig03"}
    assert any("superconv/fig03), has nothing" in n for n in load("superconv/fig02").notes)


def test_the_test_images_of_an_arm():
    """By its data set or its recipe's; a chosen arm has those of all among which it is chosen."""
    assert recipes.images_tested(load("tutorials/ionosphere"), "time") == 116
    assert recipes.images_tested(load("disciplined/table1"), "1cycle-95") == 10_000
    assert recipes.images_tested(load("disciplined/fig16"), "resnet-1e-5") == 50_000
    assert recipes.images_tested(load("superconv/fair"), "cycle") == 10_000
    assert recipes.images_tested(load("superconv/fair"), "nothing") is None


def test_the_slice_has_its_studies():
    expected = {
        "disciplined/table1",
        "disciplined/table2",
        "disciplined/fig14",
        "disciplined/cifar100_three_layer",
        "superconv/fig01",
        "calibration/aa",
    }
    assert expected <= set(ids())


def test_unknown_study_suggests_another():
    with pytest.raises(Mistake, match=r"figure=disciplined/tabel1: .*did you mean disciplined/tab"):
        load("disciplined/tabel1")


def test_predicates_of_files_and_of_code_are_the_same_list():
    assert set(study.PREDICATES) == set(predicates.PREDICATES)


WRONG = [
    ("title: A planted study\n", "", "title is missing"),
    ("title:", "titel:", "unknown key titel; did you mean title?"),
    ("{arm: a, than: b}", "{arm: a, than: z}", "claim True names the arm z"),
    ("{arm: a, than: b}", "{arm: a}", "greater needs than"),
    ("{arm: a, than: b}", "{arm: a, than: b, by: 1}", "unknown key by"),
    ("greater: {arm: a, than: b}", "bigger: {arm: a, than: b}", "predicate=bigger"),
    ("greater: {arm: a, than: b}, ", "", "expected one predicate of greater, equivalent"),
    ("{arm: a, than: b}", "{arm: a, than: b, metric: test_acuracy}", "did you mean test_accuracy?"),
    ("{arm: a, than: b}", "{arm: a, than: b, at: last}", "at=last"),
    ("id: planted", "id: true", "two claims are called True"),
    ("y: test_accuracy", "y: accuracy", "y=accuracy"),
    ("x: iteration", "x: time", "x=time"),
    ("x: iteration", "x: schedule", "x: schedule of a=triangular: not a length"),
    ("x: iteration", "x: weight_decay.value", "x=weight_decay.value"),
    ("y: test_accuracy", "y: test_accuracy, at: last", "at=last"),
    ("seeds: {paper: 4, short: 2, smoke: 1}", "seeds: {paper: 4}", "seeds.short=None"),
    ("readings: {b: a}", "readings: {b: q}", "readings names the arm q"),
    ("n: 4, test_images: 10000", "runs: 4", "unknown key runs"),
    ("arms: {", "arms: [", "not YAML"),
    ("labels: {a: the first}", "labels: {d: the fourth}", "labels names the arm d"),
    (
        "greater: {arm: b, than: a}",
        "shape: {arm: b, metric: test_loss, within: 0.1}",
        "no author's log",
    ),
]

HELD_OUT = [("dataset: digits,", "dataset: digits, dataset.validation: 300,")]
CHOSEN = [("readings: {b: a}\n", "readings: {b: a}\nchosen: {best: {among: [a, b]}}\n")]
DRAWN = "panels: {p: {x: iteration, y: test_accuracy}}"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (CHOSEN, "chosen best: by=val_accuracy: the arm a holds no images out to choose by; set "),
        (
            [*HELD_OUT, ("b: {schedule.max_lr: 2}", "b: {dataset: digits}"), *CHOSEN],
            "the arm b holds no images out",  # choosing the data anew, it drops what was fixed
        ),
        (
            [
                *HELD_OUT,
                *CHOSEN,
                (DRAWN, "panels: {p: {x: schedule.max_lr, y: test_loss, arms: [best, c]}}"),
            ],
            "x=schedule.max_lr: best is chosen among arms that do not share it (1, 2)",
        ),
        (
            [
                *HELD_OUT,
                *CHOSEN,
                ("c: {schedule.max_lr: 3}", "c: {duration: 3ep}"),
                (DRAWN, "panels: {p: {x: duration, y: test_loss, arms: [best, c]}}"),
            ],
            "x=duration: best in it, c in ep: expected one unit",
        ),
    ],
)
def test_a_chosen_arm_is_held_to_what_it_is_chosen_among(planted, changes: list, said: str):
    with pytest.raises(Mistake) as caught:
        planted(*changes)
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_a_chosen_arm_sets_what_all_of_those_set(planted):
    study = planted(*HELD_OUT, *CHOSEN)
    assert study.setting("best", "duration") == "100it"
    assert study.setting("best", "schedule.max_lr") is None


def test_no_choice_of_the_config_holds_images_out_by_itself():
    """The check of `chosen` reads an arm's own settings only."""
    files = [f for group in ("recipe", "dataset", "model") for f in (CONF / group).glob("*.yaml")]
    told = [OmegaConf.load(f) for f in (*files, CONF / "train.yaml")]
    assert {OmegaConf.select(one, "validation") for one in told} <= {0, None}
    assert {OmegaConf.select(one, "dataset.validation") for one in told} == {None}


@pytest.mark.parametrize(("old", "new", "said"), WRONG, ids=[w[2][:30] for w in WRONG])
def test_a_wrong_file_is_one_clear_line(planted, old: str, new: str, said: str):
    with pytest.raises(Mistake) as caught:
        planted((old, new))
    message = str(caught.value)
    assert said in message
    assert message.startswith("test/planted: ")
    assert "\n" not in message


def test_an_empty_file(tmp_path: Path):
    (tmp_path / "x.yaml").write_text("")
    with pytest.raises(Mistake):
        read(tmp_path / "x.yaml", "x")


def test_arms_inherit_what_is_fixed_and_an_arm_that_chooses_anew_drops_it():
    found = {
        "recipe": "lenet",
        "fixed": {"momentum": "cyclical", "momentum.at_max_lr": 0.8, "duration": "1ep"},
        "arms": {"swing": {}, "held": {"momentum": "constant", "momentum.value": 0.95}},
    }
    arms = expand_arms(found, "x")
    assert arms["swing"]["momentum.at_max_lr"] == 0.8
    assert arms["held"] == {
        "recipe": "lenet",
        "duration": "1ep",
        "momentum": "constant",
        "momentum.value": 0.95,
    }


def test_vary_crosses_and_names_its_arms():
    arms = expand_arms({"vary": {"weight_decay.value": [1e-3, 1e-4], "seed": [0]}}, "x")
    assert list(arms) == ["0.001, 0", "0.0001, 0"]
    assert arm_name(1e-3) == "0.001"
