"""The cluster that a module's tests share; where there can be none, why. With `--publish` what came
of each test goes to outputs/published/benchmark."""

import contextlib
import subprocess
from collections.abc import Generator, Iterator
from typing import Any

import pytest
import slurm
from processes import ROOT

from disciplined.benchmark import faults, report
from disciplined.training import machine

FOLDER = ROOT / "outputs" / "published" / "benchmark"
FOUND: dict[str, dict[str, Any]] = {}  # a test's id -> its case


@pytest.fixture(scope="module")
def cluster() -> Iterator[slurm.Cluster]:
    """A Slurm of two nodes."""
    if why := slurm.absent():
        pytest.skip(why)
    with contextlib.ExitStack() as stack:
        try:
            running = stack.enter_context(slurm.two_nodes())
        except RuntimeError as error:  # as in a container that may not start it
            pytest.skip(f"Slurm is installed and does not start here: {error}")
        yield running


def pytest_addoption(parser: pytest.Parser) -> None:
    """The option."""
    parser.addoption("--publish", action="store_true", help="put what came of each on the page")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Function, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A case of the record for each test, and for a set-up or an end that fails."""
    told = yield
    if call.when == "call" or told.failed:
        FOUND[item.nodeid] = faults.case(
            item.path.stem, item.name, item.function.__doc__, told.outcome, call.duration
        )
    return told


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Put the cases into the record; what was not tried leaves what another run told."""
    if session.config.getoption("--publish", default=False) and FOUND:
        now = machine.description()
        shared = {"commit": now["commit"], "date": now["date"], "command": faults.COMMAND}
        same = setting(now["hardware"])
        for case in FOUND.values():
            report.add(FOLDER, same, case | shared)
        report.pages(FOLDER)


def setting(hardware: str) -> dict[str, Any]:
    """What the cases of a record share."""
    versions = machine.versions("submitit", "ray")
    if not slurm.absent():  # its other programs say nothing without a slurm.conf
        asked = ["slurmctld", "-V"]
        told = subprocess.run(asked, capture_output=True, text=True, env={"PATH": slurm.PATH})
        versions["slurm"] = told.stdout.split()[-1]
    return {"what": "faults", "device": "cpu", "hardware": hardware, "versions": versions}
