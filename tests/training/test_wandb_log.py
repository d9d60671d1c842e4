"""Whatever wandb does, the run goes on: one that hangs, raises, dies or is slow; names and groups.

The helper process imports a `wandb` written here, first on its path.
"""

import json
import multiprocessing
import os
import signal
import time
from pathlib import Path

import pytest
from processes import running

from disciplined.sweeps.grid import expand
from disciplined.sweeps.sweep import logged
from disciplined.training import assembly, wandb_log
from disciplined.training.config import compose
from disciplined.training.planning import plan
from disciplined.training.wandb_log import WandbLog

RECORDING = """
import json, pathlib
class Settings:
    def __init__(self, **_): pass
class Run:
    def __init__(self, told): self.told, self.rows, self.summary = told, [], {}
    def log(self, row, step): self.rows.append(row)
    def finish(self, exit_code):
        told = {"init": self.told, "rows": self.rows, "summary": self.summary, "exit": exit_code}
        pathlib.Path(self.told["dir"], "told.json").write_text(json.dumps(told))
def init(settings, **told):
    return Run(told)
"""
FAULTS = {
    "hangs": RECORDING.replace("return Run(told)", "import time; time.sleep(1000)"),
    "raises": RECORDING.replace("return Run(told)", "raise ConnectionError('no such host')"),
    "cannot be imported": "raise ImportError('broken')",
    "dies": RECORDING.replace("return Run(told)", "import os; os._exit(9)"),
    "ignores signals and hangs": "import signal\n"
    + RECORDING.replace(
        "return Run(told)",
        "import time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(1000)",
    ),
    "hangs at a row": RECORDING.replace("self.rows.append(row)", "import time; time.sleep(1000)"),
    "hangs at the end": RECORDING.replace("told = {", "import time; time.sleep(1000); told = {", 1),
}
ROWS = [{"iteration": i, "test_loss": 1 / i} for i in (1, 2, 3)]
SUMMARY = {"status": "done", "result": {"final": {"test_accuracy": 0.5}}}


@pytest.fixture
def wandb(tmp_path: Path, monkeypatch):
    """Puts a module in wandb's place, for this process and the helper."""

    def put(source: str) -> None:
        (tmp_path / "modules").mkdir()
        (tmp_path / "modules" / "wandb.py").write_text(source)
        monkeypatch.syspath_prepend(str(tmp_path / "modules"))

    return put


def logs(folder: Path, **settings) -> float:
    """Log a run as training does; the seconds that the run waited for wandb."""
    folder.mkdir()
    log = WandbLog(folder, "a-key", {"seed": 0}, "disciplined", **settings)
    started = time.perf_counter()
    log.begin()
    for row in ROWS:
        log.row(row)
    log.end(SUMMARY)
    return time.perf_counter() - started


@pytest.mark.parametrize("fault", FAULTS)
def test_a_run_is_not_held_up(fault, wandb, tmp_path, monkeypatch):
    wandb(FAULTS[fault])
    monkeypatch.setattr(wandb_log, "PATIENCE", 1.0)
    assert logs(tmp_path / "record") < 1 + 10  # the helper's start is waited for as well


def begin_and_die(folder: Path, pid: Path) -> None:
    """As a run that is killed while wandb hangs."""
    log = WandbLog(folder, "a-key", {}, "disciplined")
    log.begin()
    log.row(ROWS[0])
    pid.write_text(str(log.process.pid))
    os.kill(os.getpid(), signal.SIGKILL)


def test_the_helper_ends_with_a_run_that_was_killed(wandb, warm_server, tmp_path):
    wandb(FAULTS["hangs"])
    (tmp_path / "record").mkdir()
    context = multiprocessing.get_context("forkserver")
    run = context.Process(target=begin_and_die, args=(tmp_path / "record", tmp_path / "pid"))
    run.start()
    run.join(60)
    helper = int((tmp_path / "pid").read_text())
    deadline = time.monotonic() + 30
    while running(helper):
        assert time.monotonic() < deadline, "the helper outlived its run"
        time.sleep(0.1)


def test_what_arrives(wandb, tmp_path):
    wandb(RECORDING)
    logs(tmp_path / "record", group="a-sweep", title="model=lenet seed=0")
    told = json.loads((tmp_path / "record" / "wandb" / "told.json").read_text())
    assert told["init"]["name"] == "model=lenet seed=0"
    assert told["init"]["group"] == "a-sweep" and told["init"]["id"] == "a-key"
    assert told["init"]["config"] == {"seed": 0} and told["init"]["resume"] == "allow"
    assert told["rows"] == ROWS
    assert told["summary"] == {"status": "done", "test_accuracy": 0.5} and told["exit"] == 0


def test_a_sweeps_runs_are_grouped_and_named_by_what_it_varies(wandb, tmp_path):
    wandb(RECORDING)
    grid = ["model=three_layer,superconv_resnet20", "dataset=digits", "weight_decay.value=1e-4"]
    places = expand([*grid, "seed=0,1", "logger=wandb", f"output_dir={tmp_path}"])
    extra = logged(places)
    cfg = compose([*places[3].overrides, *extra])
    (log,) = assembly.logger(cfg, plan(cfg))
    assert log.settings["title"] == "model=superconv_resnet20 seed=1"
    assert log.settings["group"].startswith("model-")
    assert plan(cfg).key == places[3].plan.key
    assert logged(expand(["seed=0,1", "dataset=digits", f"output_dir={tmp_path}"])) == []
    assert logged(expand(["seed=0,1", "logger=wandb", "logger.group=mine"])) == []
