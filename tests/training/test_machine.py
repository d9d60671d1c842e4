"""The fingerprint is of what the code does: not of comments, nor of the version of Python."""

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from disciplined.training import machine
from disciplined.training.assembly import chosen_precision
from disciplined.training.config import compose
from disciplined.training.machine import fingerprint, written

SOURCE = Path(__file__).parents[2] / "src"


def text(code: str) -> str:
    return written(ast.parse(code))


def test_comments_and_docstrings_do_not_count():
    plain = "def f(x):\n    return f'{x:>3}' + x[1:2]\n"
    told = 'def f(x):\n    """What f is."""\n    # why\n    return f"{x:>3}"   + x[1:2]\n'
    assert text(plain) == text(told)


@pytest.mark.parametrize("change", ["x[1:3]", "x[:2]", "y[1:2]", "x[1:2] or None"])
def test_what_is_computed_counts(change: str):
    assert text("x[1:2]") != text(change)


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
def test_every_python_finds_the_same(version: str):
    python = shutil.which(f"python{version}")
    code = "from disciplined.training.machine import fingerprint; print(fingerprint())"
    found = python and subprocess.run(
        [python, "-c", code], env={"PYTHONPATH": str(SOURCE)}, capture_output=True, text=True
    )
    if not found or found.returncode:
        pytest.skip(f"no Python {version} here (this is {sys.version_info[:2]})")
    assert found.stdout.strip() == fingerprint()


@pytest.mark.parametrize(
    ("flags", "able"),
    [("avx512f avx512_bf16", True), ("amx_bf16", True), ("avx512f", False), (None, False)],
)
def test_bf16_is_chosen_only_where_the_processor_multiplies_it(monkeypatch, flags, able):
    known = {} if flags is None else {"flags": flags}
    monkeypatch.setattr(machine, "cpuinfo", lambda: known)
    assert machine.multiplies_bf16() is able
    cfg = compose(["model=superconv_resnet20", "dataset=digits"])
    assert chosen_precision(cfg, "cpu") == ("bf16-mixed" if able else "32-true")
