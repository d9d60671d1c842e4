"""Hydra's launchers, by the name that the user gives: what trains the jobs of a sweep, and where.

`hydra/launcher=local` (the default), `submitit_slurm` and `ray` are ours: settings in a file under
`conf/hydra/launcher/` or on the command line, an object with `train`. Any other of Hydra's
launchers that is installed gets its allocations through Hydra's own interface.
"""

import importlib.util
import os
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from hydra import initialize_config_dir
from hydra._internal.callbacks import Callbacks
from hydra._internal.hydra import Hydra
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.plugins import Plugins
from hydra.errors import HydraException
from hydra.types import HydraContext, RunMode
from hydra.utils import instantiate
from omegaconf import MISSING, DictConfig, OmegaConf, read_write
from omegaconf.errors import OmegaConfBaseException

from disciplined.checks import one_of
from disciplined.mistakes import Mistake
from disciplined.sweeps import elsewhere
from disciplined.sweeps.jobs import Job
from disciplined.sweeps.pool import Outcome
from disciplined.training.config import CONF, one_line
from hydra_plugins import disciplined_slurm
from hydra_plugins.disciplined_local import LocalSettings

# A launcher that an extra brings: the package that must be there.
EXTRAS = {"submitit_slurm": ("slurm", "submitit"), "ray": ("ray", "ray")}
OURS = "hydra_plugins.disciplined"
WHOLE = ("hydra.launcher.jobs", "hydra.launcher.runs")
ALONE = ("nodes", "tasks_per_node")  # what a job may not ask for several of
# Records are the output; Hydra's own folders and logs are switched off.
QUIET = ("hydra/job_logging=none", "hydra/hydra_logging=none", "hydra.output_subdir=null")


class Launcher(Protocol):
    """What a launcher's settings become."""

    def train(
        self,
        jobs: Sequence[Job],
        *,
        of: int,
        folder: Path,
        logs: Path,
        begun: Callable[[Job], None] = ...,
        tell: Callable[[Job, str, float], None],
    ) -> Outcome:
        """Train every job of a sweep of so many and say what became of each. folder: for files that
        other machines read, which need not exist; logs: for what failed runs printed."""
        ...


@dataclass
class Placed:
    """The config of another launcher's job: the file of its allocation."""

    file: str = MISSING


ConfigStore.instance().store(name="allocation", node=Placed)


def chosen(own: Sequence[str], folder: Path) -> Launcher:
    """The launcher that Hydra's settings (`hydra/launcher=…`, `hydra.launcher.…=…`) ask for.

    folder: where what it writes may go. Raises `Mistake`, with what to install where it is missing.
    """
    check(own)
    hydra, cfg = composed(["hydra.sweep.subdir=.", *own])
    with read_write(cfg.hydra.sweep):  # not by an override, whose grammar a folder's name may break
        cfg.hydra.sweep.dir = str(folder.absolute())
    if cfg.hydra.launcher._target_.startswith(OURS):
        for key in ALONE:
            if (value := cfg.hydra.launcher.get(key, 1)) != 1:
                raise Mistake(
                    f"hydra.launcher.{key}={value}: expected 1; a sweep's run is a command on one "
                    "node. For one run over several nodes see scripts/nodes.sbatch"
                )
        return instantiate(cfg.hydra.launcher)
    context = HydraContext(config_loader=hydra.config_loader, callbacks=Callbacks())
    return elsewhere.Elsewhere(Through(cfg, context))


def folder(output: Path) -> Path:
    """A new one for what this process sends elsewhere, under the records' `output_dir`."""
    return output / "launched" / f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"


def composed(own: Sequence[str]) -> tuple[Hydra, DictConfig]:
    """Hydra, and its config with these settings of its own. Raises `Mistake`."""
    named = any(o.startswith("hydra/launcher=") for o in own)
    told = [*QUIET, *([] if named else ["hydra/launcher=local"]), *own]
    GlobalHydra.instance().clear()
    try:
        with initialize_config_dir(str(CONF), version_base="1.3", job_name="disciplined"):
            hydra = GlobalHydra.instance().hydra
            assert hydra
            cfg = hydra.compose_config(
                "allocation", told, RunMode.MULTIRUN, with_log_configuration=False
            )
    except (HydraException, OmegaConfBaseException) as error:
        raise Mistake(one_line(error, list(own))) from error
    return hydra, cfg


def check(own: Sequence[str]) -> None:
    """Raise `Mistake` for what is set of Hydra itself and cannot be meant."""
    store()
    choice = [o for o in own if o.startswith("hydra/launcher=")]
    for setting in choice:
        name = setting.partition("=")[2]
        needs(name)
        one_of(name, names(), "hydra/launcher")
    known = [f"hydra.launcher.{key}" for key in composed(choice)[1].hydra.launcher]
    for setting in own:
        if setting in choice:
            continue
        key, _, value = setting.lstrip("+").partition("=")
        if not key.startswith("hydra.launcher."):
            raise Mistake(f"{setting}: of Hydra's own, hydra/launcher and hydra.launcher.* are set")
        one_of(".".join(key.split(".")[:3]), tuple(known), "setting")
        if key in WHOLE and not (value.isdecimal() and int(value) >= 1):
            raise Mistake(f"{setting}: expected a whole number from 1 on")


def store() -> None:
    """Have Hydra know the launchers: those of installed packages, then ours, one under the name of
    submitit's. Not on import: every program with Hydra imports `hydra_plugins` and needs its own.
    """
    Plugins.instance()
    for name, settings in {"local": LocalSettings, **disciplined_slurm.SETTINGS}.items():
        ConfigStore.instance().store(group="hydra/launcher", name=name, node=settings)


def names() -> tuple[str, ...]:
    """The launchers there are: those of installed packages, and the files under `conf/`."""
    stored = ConfigStore.instance().list("hydra/launcher")
    files = (CONF / "hydra" / "launcher").glob("*.yaml")
    return tuple(sorted({Path(n).stem for n in stored} | {f.stem for f in files}))


def needs(name: str) -> None:
    """Raise `Mistake` where a launcher's extra is not installed."""
    for launcher, (extra, package) in EXTRAS.items():
        if launcher in based_on(name) and importlib.util.find_spec(package) is None:
            raise Mistake(
                f"hydra/launcher={name}: {package} is not installed; "
                f"uv sync --extra {extra}  (or: pip install 'disciplined[{extra}]')"
            )


def based_on(name: str) -> list[str]:
    """A launcher's name, and those whose settings its file under `conf/` begins with."""
    file = CONF / "hydra" / "launcher" / f"{name}.yaml"
    if not file.is_file():
        return [name]
    defaults = OmegaConf.select(OmegaConf.load(file), "defaults", default=[])
    begins = [one for one in defaults if one not in ("_self_", name)]
    return [name, *(known for one in begins for known in based_on(one))]


class Through:
    """An engine that is one of Hydra's launchers, which blocks until all has ended."""

    def __init__(self, cfg: DictConfig, context: HydraContext):
        self.cfg, self.context = cfg, context
        self.files: set[Path] = set()
        self.error = "its job ended without a word: killed?"
        self.thread = threading.Thread(target=self.launch, daemon=True)

    def submit(self, files: Sequence[Path]) -> str:
        """See `elsewhere.Engine`."""
        self.files = set(files)
        self.thread.start()
        return f"{len(files)} jobs to {self.cfg.hydra.launcher._target_.rpartition('.')[2]}"

    def launch(self) -> None:
        """In a thread, so that signals and jobs are heard meanwhile."""
        try:
            launcher = Plugins.instance().instantiate_launcher(
                hydra_context=self.context, task_function=place, config=self.cfg
            )
            launcher.launch(
                [[f"file={elsewhere.quoted(str(file))}"] for file in sorted(self.files)], 0
            )
        except Exception as error:
            self.error = f"{type(error).__name__}: {error}".splitlines()[0]
            traceback.print_exc()

    def alive(self) -> dict[Path, bool]:
        """See `elsewhere.Engine`."""
        return dict.fromkeys(self.files if self.thread.is_alive() else (), True)

    def cancel(self) -> None:
        """Its allocations see that they are cancelled; more cannot be asked of it."""

    def fate(self, file: Path) -> str:
        """See `elsewhere.Engine`."""
        return self.error


def place(cfg: DictConfig) -> None:
    """One job of such a launcher: a command of its own, whatever kind of worker this is in."""
    subprocess.run([sys.executable, "-m", "disciplined.sweeps.allocation", cfg.file])
