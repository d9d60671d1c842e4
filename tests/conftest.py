"""Fixtures that more than one folder of tests needs: real data, the author's logs, whole commands.

Real data sets are looked for in `$DISCIPLINED_DATA` (or `data/` in the checkout), the author's logs
in `$DISCIPLINED_SHARED/paper/curves`. Tests that need them skip where they are absent, and fail
where `$DISCIPLINED_REQUIRE_DATA` is set, as it is in continuous integration.
"""

import itertools
import multiprocessing
import os
import subprocess
import sys
from collections.abc import Callable
from multiprocessing import forkserver
from pathlib import Path

import pytest
from processes import ROOT, WARM, script
from required import absent

# One thread a process: the tests' networks are small, and several processes share the cores. Where
# a test asks for two, they sleep for each other and do not spin on cores that others need.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("WANDB_MODE", "offline")


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder that holds CIFAR-10, CIFAR-100 and MNIST in their usual layouts."""
    folder = Path(os.environ.get("DISCIPLINED_DATA", ROOT / "data")).resolve()
    if not (folder / "cifar-10-batches-py").is_dir() or not (folder / "MNIST").is_dir():
        return absent(f"real data ({folder}; set DISCIPLINED_DATA)")
    return folder


@pytest.fixture(scope="session")
def curves_dir() -> Path:
    """The folder of the author's logs as CSV."""
    shared = os.environ.get("DISCIPLINED_SHARED")
    folder = Path(shared or "absent").resolve() / "paper" / "curves"
    if not folder.is_dir():
        return absent("the author's logs (set DISCIPLINED_SHARED)")
    return folder


@pytest.fixture
def command(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs a script of the checkout as a user would, with records under `tmp_path`."""

    def run(
        script: str, *arguments: str, timeout: float = 240, output: bool = True, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        extra = [f"output_dir={tmp_path}"] if output else []
        return subprocess.run(
            [sys.executable, str(ROOT / script), *arguments, *extra],
            capture_output=True,
            text=True,
            timeout=timeout,
            cwd=ROOT,
            env={**os.environ, **environment},
        )

    return run


@pytest.fixture(scope="session")
def warm_server() -> None:
    """The server that runs are forked from has imported torch and Lightning, once for all tests
    that fork: one started by a test without it would have each run import them again."""
    multiprocessing.get_context("forkserver").set_forkserver_preload(WARM)
    forkserver.ensure_running()


@pytest.fixture
def warm_command(
    warm_server: None, tmp_path: Path
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """As `command`, but forked from the warm server: a second and not twenty where torch is
    needed. What is imported, and how, only `command` can tell."""
    count = itertools.count()

    def run(
        name: str, *arguments: str, timeout: float = 240, output: bool = True, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        extra = [f"output_dir={tmp_path}"] if output else []
        said = tmp_path.with_name(f"{tmp_path.name}-said{next(count)}")
        process = script(ROOT / name, [*arguments, *extra], said, environment)
        process.join(timeout)
        if process.is_alive():
            process.kill()
            raise subprocess.TimeoutExpired(name, timeout)
        texts = [said.with_suffix(end).read_text() for end in (".out", ".err")]
        return subprocess.CompletedProcess([name, *arguments], process.exitcode or 0, *texts)

    return run


@pytest.fixture
def no_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    """A short run's picture is half of it; tests/training/test_run.py looks at one."""
    monkeypatch.setattr("disciplined.training.curves.draw", lambda *_: None)


@pytest.fixture(scope="session")
def imported() -> Callable[[str], set[str]]:
    """Reads what a command imported from its standard error under PYTHONPROFILEIMPORTTIME=1."""

    def packages(told: str) -> set[str]:
        lines = [line for line in told.splitlines() if line.startswith("import time:")]
        return {line.rpartition("|")[2].strip().partition(".")[0] for line in lines}

    return packages
