"""The paper's advice: every claim it rests on exists, and its verdicts follow from theirs."""

from pathlib import Path

import pytest
from omegaconf import OmegaConf

from disciplined.mistakes import Mistake
from disciplined.studies.judging import claims_file
from disciplined.studies.judging.claims_file import OF, Advice, derive, read
from disciplined.studies.study_file import load

ONE = "disciplined/table1#shallow-equal"
TWO = "disciplined/table1#deep-cycle"
THREE = "disciplined/table2#shorter"


def test_the_advice_covers_remarks_checklist_and_knobs():
    found = claims_file.load()
    assert len(OF) == 6 + 4 + 4 * 3
    assert {advice.of for advice in found} == set(OF)
    assert all(advice.says.endswith(".") and advice.source for advice in found)
    assert all(len(set(advice.studies)) == len(advice.studies) for advice in found)


def test_twelve_claims_four_a_paper_head_the_page(tmp_path: Path):
    found = claims_file.headline()
    papers = [claim.partition("/")[0] for claim in found]
    assert papers == ["clr"] * 4 + ["superconv"] * 4 + ["disciplined"] * 4
    for claim in found:
        study, _, name = claim.partition("#")
        (told,) = [c for c in load(study).claims if c.id == name]
        assert told.primary and told.question == "as_published"
    wrong = tmp_path / "headline.yaml"
    wrong.write_text("- disciplined/table1#deep-cicle\n")
    with pytest.raises(Mistake, match="did you mean deep-cycle"):
        claims_file.headline(wrong)


def test_the_two_grids_that_no_figure_has_are_used():
    used = {bearing.partition("#")[0] for a in claims_file.load() for bearing in a.studies}
    assert {"disciplined/ramp", "disciplined/minimum_momentum"} <= used


@pytest.mark.parametrize(
    ("verdicts", "verdict", "words"),
    [
        ({}, "not run", "of 3: 3 not run"),
        ({ONE: "reproduced", TWO: "reproduced", THREE: "reproduced"}, "reproduced", "3 reproduced"),
        (
            {ONE: "reproduced", TWO: "contradicted", THREE: "contradicted"},
            "contradicted",
            "of 3: 2 contradicted, 1 reproduced",
        ),
        ({ONE: "contradicted"}, "contradicted", "of 3: 1 contradicted, 2 not run"),
        (
            {ONE: "reproduced", TWO: "reproduced"},
            "inconclusive",
            "of 3: 2 reproduced, 1 not run",
        ),
        (
            {ONE: "inconclusive", TWO: "inconclusive", THREE: "inconclusive"},
            "inconclusive",
            "of 3: 3 inconclusive",
        ),
        ({ONE: "inconclusive"}, "inconclusive", "of 3: 1 inconclusive, 2 not run"),
    ],
)
def test_a_verdict_follows_from_those_of_the_studies(verdicts, verdict: str, words: str):
    found = derive(Advice("a", "remark 1", "So.", "here", [ONE, TWO, THREE]), verdicts)
    assert found.verdict == verdict
    assert words in found.words


CORRECT = {"id": "a", "of": "remark 1", "says": "So.", "source": "here", "studies": [ONE]}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            {"studies": ["disciplined/tabel1#deep-cycle"]},
            "no such study; did you mean",
        ),
        ({"studies": ["disciplined/table1#deep-cycel"]}, "did you mean deep-cycle?"),
        ({"studies": ["disciplined/table1"]}, "expected study#claim"),
        ({"studies": []}, "expected a list of study#claim"),
        ({"of": "remark 7"}, "of=remark 7: did you mean remark"),
        ({"verdict": "reproduced"}, "unknown key verdict"),
        ({"source": None}, None),
        ({}, "no claim of remark 2"),
    ],
)
def test_a_wrong_file_is_one_clear_line(tmp_path: Path, change: dict, says: str | None):
    told = CORRECT | change
    if says is None:
        del told["source"]
        says = "source is missing"
    file = tmp_path / "claims.yaml"
    OmegaConf.save(OmegaConf.create([told]), file)
    with pytest.raises(Mistake) as caught:
        read(file)
    assert says in str(caught.value)
    assert str(caught.value).startswith("claims.yaml: ")
    assert "\n" not in str(caught.value)


def test_two_with_one_id(tmp_path: Path):
    file = tmp_path / "claims.yaml"
    OmegaConf.save(OmegaConf.create([CORRECT, CORRECT]), file)
    with pytest.raises(Mistake, match="a: two claims have this id"):
        read(file)
