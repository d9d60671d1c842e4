"""Tables of networks: beside what was published, kept until something they depend on changes."""

import json
from pathlib import Path

import pytest

from disciplined.mistakes import Mistake
from disciplined.studies import architecture
from disciplined.studies.study import Study
from disciplined.studies.study_file import load, read

TEXT = """
source: nowhere
title: A network
architecture:
  model: lenet
  dataset: mnist
  published:
    - {kind: convolution, kernel: 5, channels: 20}
    - {kind: maximum pooling, kernel: 3, stride: 2}
    - {kind: convolution, channels: 50}
    - {}
    - {channels: 500}
    - {kind: ReLU}
    - {kind: fully connected, parameters: 5010}
  counts: {convolution: 2, fully connected: 3, parameters: 431080}
notes: [told]
"""


@pytest.fixture
def planted(tmp_path: Path):
    def make(old: str = "", new: str = "") -> Study:
        assert old in TEXT
        (tmp_path / "x.yaml").write_text(TEXT.replace(old, new) if old else TEXT)
        return read(tmp_path / "x.yaml", "test/x")

    return make


def test_a_table_says_what_is_the_same_and_what_is_not(planted):
    (found,) = architecture.tables(planted())
    verdicts = ["same", "differs: kernel 3", "same", "", "same", "same", "same", ""]
    assert [row[3] for row in found["rows"]] == verdicts
    assert found["rows"][0] == ["convolution 5×5", "20×24×24", "520", "same"]
    assert found["rows"][-1] == ["all", "", "431,080", ""]
    assert found["counts"] == [
        "convolution: 2 (same)",
        "fully connected: 2 (differs: 3 published)",
        "parameters: 431,080 (same)",
    ]


def test_what_was_made_is_kept_until_the_file_changes(planted, tmp_path, monkeypatch):
    study = planted()
    made = [{"of": "kept", "rows": [], "counts": []}]
    page = architecture.write_tables(study, made, tmp_path / "kept")
    assert "* told" in page.read_text() and "figure=test/x" in page.read_text()
    monkeypatch.setattr(architecture, "tables", lambda _: "made anew")
    assert architecture.made(study, tmp_path / "none", tmp_path / "kept") == made
    assert architecture.made(study) == "made anew"
    changed = planted("title: A network", "title: Another")
    assert architecture.made(changed, tmp_path / "kept") == "made anew"
    (tmp_path / "kept" / "table.json").write_text("{")
    assert architecture.made(study, tmp_path / "kept") == "made anew"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("    - {}\n", "", "6 published layers beside 7: convolution 5×5, maximum pooling"),
        ("kernel: 3", "kernal: 3", "published kernal=3: expected kind, kernel"),
    ],
)
def test_what_cannot_be_laid_beside_the_layers(planted, old, new, said):
    with pytest.raises(Mistake, match=said):
        architecture.tables(planted(old, new))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("notes: [told]", "claims: []", "a table of an architecture: unknown key claims"),
        ("  dataset:", "  data:", "architecture: unknown key data; did you mean dataset?"),
        ("source: nowhere\n", "", "source is missing"),
    ],
)
def test_a_wrong_file_is_one_clear_line(planted, old, new, said):
    with pytest.raises(Mistake, match=f"test/x: {said}") as caught:
        planted(old, new)
    assert "\n" not in str(caught.value)


def test_the_second_papers_network_differs_in_its_stem_alone():
    (found,) = architecture.tables(load("superconv/table4"))
    told = {row[3] for row in found["rows"]}
    assert found["rows"][0][3] == "differs: stride 2" and told == {"differs: stride 2", "same", ""}
    assert all("(same)" in words for words in found["counts"])


@pytest.mark.parametrize("name", ["superconv/table2", "superconv/table3", "superconv/table4"])
def test_the_published_tables_are_the_networks(name: str):
    kept = Path(__file__).parents[2] / "outputs" / "published" / name / "table.json"
    assert json.loads(kept.read_text())["tables"] == architecture.tables(load(name)), (
        f"run `python scripts/reproduce.py figure={name} publish=true fresh=true`"
    )
