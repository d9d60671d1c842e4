"""What is shown of a study: every record that is there, whoever asks."""

from dataclasses import replace
from pathlib import Path

import pytest

from disciplined.studies import published
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


def test_more_seeds_than_usual_are_shown_where_asked_for_or_published(
    planted, recorded, tmp_path: Path
):
    study = planted()
    recorded(study, {"a": [0.8] * 5}, scale="short")
    for asked, count in ((None, 3), (5, 5), (9, 5)):
        request = Request("short", tmp_path, asked, (f"output_dir={tmp_path}",))
        found = gather(study, "short", request, Shelf(tmp_path), [])
        assert [r.run.seed for r in found["a"]] == list(range(count))
    shown(study, replace(request, publish=True), Shelf(tmp_path), [])
    for asked, fresh, count in ((None, False, 5), (2, False, 5), (None, True, 3)):
        request = replace(request, seeds=asked, fresh=fresh)
        found = gather(study, "short", request, Shelf(tmp_path), [])
        assert len(found["a"]) == count, "what the project stands by is not forgotten"


def publishing(study, tmp_path: Path, scale: str) -> tuple[str, Path]:
    request = Request(scale, tmp_path, None, (f"output_dir={tmp_path}",), publish=True)
    text, _ = shown(study, request, Shelf(tmp_path), [])
    return text, tmp_path / "published" / study.id


@pytest.mark.parametrize("scale", ["paper", "short"])
def test_both_scales_are_published_whichever_is_asked_for(
    planted, recorded, tmp_path: Path, scale: str
):
    """So that neither goes stale, and each page knows of the other."""
    study = planted()
    recorded(study, {"a": [0.8, 0.81, 0.8]}, scale="short")
    recorded(study, {"a": [0.9, 0.91, 0.9], "b": [0.8, 0.81, 0.8]})
    text, stands = publishing(study, tmp_path, scale)
    assert text.count("  published: ") == 2
    whole, tenth = ((stands / at / "README.md").read_text() for at in (".", "short"))
    assert "(short/README.md)" in whole and "(../README.md)" in tenth
    assert f"figure={study.id} scale=short arms=a seeds=3`" in tenth
    assert f"figure={study.id} scale=paper arms=a,b seeds=3`" in whole, "not four, nor c"
    assert len(list((stands / "records").iterdir())) == 9
    assert {page.name for page in stands.rglob("figure.png")} == {"figure.png"}


def test_where_nothing_was_run_a_tenth_is_no_page(planted, recorded, tmp_path: Path):
    """Asked of all studies at once, it must not take away what stands there."""
    study = planted()
    _, stands = publishing(study, tmp_path, "paper")
    before = {p: p.read_bytes() for p in stands.rglob("*") if p.is_file()}
    assert stands / "figure.png" in before
    text, _ = publishing(study, tmp_path, "short")
    assert "published: nothing, for want of records" in text
    assert before == {p: p.read_bytes() for p in stands.rglob("*") if p.is_file()}
    recorded(study, {"a": [0.9, 0.91, 0.9]})
    publishing(study, tmp_path, "short")
    assert not (stands / "short").exists() and published.has_runs(stands)


def test_the_command_of_all_arms_and_seeds_needs_no_names(planted):
    study = planted()
    start = f"python scripts/reproduce.py figure={study.id}"
    assert study.command() == start
    assert study.command("paper", {}) == f"{start} scale=paper"
    ran = {"a": [0, 1, 2, 3], "b": [0, 1], "c": [0]}
    assert study.command("paper", ran) == f"{start} scale=paper"
    assert study.command("short", ran) == f"{start} scale=short seeds=4"
