"""Registration by git blob, in a repository of its own."""

import subprocess
from pathlib import Path

import pytest

from disciplined.studies import registration


def git(folder: Path, *arguments: str) -> str:
    settings = ["-c", "user.name=n", "-c", "user.email=e@x", "-c", "commit.gpgsign=false"]
    done = subprocess.run(
        ["git", *settings, *arguments], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q")
    (tmp_path / "conf").mkdir()
    path = tmp_path / "conf" / "study.yaml"
    path.write_text("title: täble\n", encoding="utf8")
    return path


def test_blob_is_gits(file: Path):
    assert registration.blob(file) == git(file.parent, "hash-object", file.name)


def test_committed_only_with_exactly_this_content(file: Path):
    assert registration.committed(file) is None, "a repository without a commit cannot say"
    (file.parent / "other").write_text("")
    git(file.parent, "add", "other")
    git(file.parent, "commit", "-qm", "other")
    assert registration.committed(file) is False
    git(file.parent, "add", file.name)
    assert registration.committed(file) is False, "staged is not committed"
    git(file.parent, "commit", "-qm", "study")
    assert registration.committed(file) is True
    file.write_text("title: changed\n")
    assert registration.committed(file) is False


def test_without_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "study.yaml").write_text("x: 1\n")
    monkeypatch.setenv("PATH", str(tmp_path))
    found = registration.entry("p/f", tmp_path / "study.yaml")
    assert found["committed"] is None and len(found["blob"]) == 40


def test_what_is_said_of_records(file: Path):
    blob = registration.blob(file)
    ours = {"id": "p/f", "blob": blob, "committed": True}
    say = lambda *entries: registration.verdict("p/f", file, list(entries))  # noqa: E731
    assert say() == "no records"
    assert say(ours, ours) == f"registered ({blob[:12]})"
    assert say(None) == "not registered"
    assert say(ours | {"committed": False}) == "not registered"
    assert say(ours | {"committed": None}) == "not registered"
    assert "earlier version of the file (0000)" in say(ours | {"blob": "0000"})
    assert say(ours | {"id": "p/g"}) == "registered under p/g"
    assert say(ours, ours, None) == f"2 registered ({blob[:12]}), 1 not registered"
