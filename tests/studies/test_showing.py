"""What is shown of a study: every record that is there, whoever asks."""

import json
from pathlib import Path

import pytest

from disciplined.studies import publish
from disciplined.studies.shelf import Shelf
from disciplined.studies.showing import Request, gather, shown


@pytest.mark.parametrize("asked", [None, 1, 3])
def test_a_third_seed_that_is_there_decides(planted, recorded, tmp_path: Path, asked):
    """A tenth trains two seeds by itself, which decide nothing; nobody need ask again for more."""
    study = planted()
    assert study.seeds["short"] == 2
    recorded(study, {"a": [0.8, 0.81, 0.8], "b": [0.7, 0.71, 0.7]}, scale="short")
    request = Request("short", tmp_path, asked, (f"output_dir={tmp_path}",))
    text, outcome = shown(study, request, Shelf(tmp_path), [])
    assert outcome.words == "6 records at short"
    assert "reproduced: a is more accurate than b" in text


def test_more_seeds_than_usual_are_shown_where_asked_for(planted, recorded, tmp_path: Path):
    study = planted()
    recorded(study, {"a": [0.8] * 5}, scale="short")
    for asked, count in ((None, 3), (5, 5), (9, 5)):
        request = Request("short", tmp_path, asked, (f"output_dir={tmp_path}",))
        found = gather(study, "short", request, Shelf(tmp_path), [])
        assert [r.run.seed for r in found["a"]] == list(range(count))


def test_a_published_page_tells_the_seeds_that_its_scale_does_not_train(
    planted, recorded, tmp_path: Path
):
    study = planted()
    recorded(study, {"a": [0.8, 0.81, 0.8]}, scale="short")
    request = Request("short", tmp_path, None, (f"output_dir={tmp_path}",), publish=True)
    shown(study, request, Shelf(tmp_path), [])
    page = tmp_path / "published" / study.id / "short" / "README.md"
    assert f"figure={study.id} scale=short seeds=3`" in page.read_text()
    assert json.loads((page.parent / "verdicts.json").read_text())["seeds"] == {"a": [0, 1, 2]}
    assert study.command("paper", 4).endswith("scale=paper")
    assert publish.FIGURE[1] in {file.name for file in page.parent.iterdir()}
