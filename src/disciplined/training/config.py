"""From the command line to a composed, typed config; every user's mistake as one line.

Imports Hydra but not torch: `--help`, `dry_run=true` and the studies compose many configs.
"""

import difflib
import re
import textwrap
from pathlib import Path
from typing import Any

from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from disciplined.mistakes import Mistake
from disciplined.training import counting, settings
from disciplined.training.ranges import TARGETS

CONF = Path(__file__).parents[3] / "conf"
TRAIN = CONF.parent / "train.py"  # what a run in a process of its own is started with
CALLS = tuple(f"{setting}." for setting in (*TARGETS, "model.input"))


def compose(overrides: list[str]) -> DictConfig:
    """The config of one run: `conf/train.yaml` with Hydra overrides (`model=lenet seed=1`).

    Raises `Mistake` for an unknown choice or key and for a value of the wrong type.
    """
    for override in overrides:
        if override.startswith("~"):
            raise Mistake(f"{override}: nothing can be left out; choose something else instead")
        # what is added to a call is checked against its signature; nothing would read the rest
        if override.startswith("+") and not override.lstrip("+").startswith(CALLS):
            raise Mistake(f"{override}: no such setting (train.py --help lists them)")
    return completed(chosen(overrides), overrides)


def chosen(overrides: list[str]) -> DictConfig:
    """Hydra's part of `compose`: what refers to other settings is not yet resolved."""
    settings.register()
    GlobalHydra.instance().clear()
    try:
        with initialize_config_dir(str(CONF), version_base="1.3"):
            return hydra_compose("train", overrides)
    except (HydraException, OmegaConfBaseException, ValueError) as error:
        raise Mistake(one_line(error, overrides)) from error


def completed(cfg: DictConfig, overrides: list[str]) -> DictConfig:
    """The same config with what its files say of the data, and everything resolved."""
    try:
        counting.fill(cfg)
        OmegaConf.resolve(cfg)
    except OmegaConfBaseException as error:
        raise Mistake(one_line(error, overrides)) from error
    return cfg


def one_line(error: Exception, overrides: list[str]) -> str:
    """What Hydra or OmegaConf said over several lines, as one that names the setting."""
    text = str(error.__cause__ or error) if "Error merging" in str(error) else str(error)
    text = re.sub(r"\x1b\[[0-9;]*m", "", text)
    if found := re.search(r"Could not find '(\w+)/([^']*)'", text):
        group, choice = found.groups()
        return f"{group}={choice}: no such choice; there are {', '.join(choices(group))}"
    if found := re.search(r"(?:Key '([^']+)' is not in struct|Could not override '([^']+)')", text):
        full = re.search(r"full_key: (\S+)", text)
        key = full.group(1) if full else next(k for k in found.groups() if k)
        value = next((o for o in overrides if o.lstrip("+~").startswith(f"{key}=")), key)
        close = difflib.get_close_matches(key, known_keys(), n=1, cutoff=0.5)
        hint = f"; did you mean {close[0]}?" if close else ""
        if close and close[0] == key:  # the bare command's choice has it
            hint = f"; it is one of another choice of {key.partition('.')[0]}"
        return f"{value}: no such setting{hint} (train.py --help lists them)"
    if found := re.search(
        r"Value '(.*?)'.*?(?:converted to|valid) (\w+).*?full_key: (\S+)", text, re.S
    ):
        value, kind, key = found.groups()
        kinds = {"Integer": "a whole number", "Float": "a number", "bool": "true or false"}
        return f"{key}={value}: expected {kinds.get(kind, kind)}"
    if found := re.search(r"is not Optional.*?full_key: (\S+)", text, re.S):
        return f"{found[1]}=null: expected a value"
    if found := re.search(r"Invalid value '(.*?)', expected one of (\[.*?\])", text):
        key = re.search(r"full_key: (\S+)", text)
        return f"{key.group(1) if key else 'a setting'}={found[1]}: expected one of {found[2]}"
    if found := re.search(r"Interpolation key '([^']+)' not found.*?full_key: (\S+)", text, re.S):
        return (
            f"{found[2]} is missing: it takes {found[1]}, which this choice does not have; set it"
        )
    return " ".join(text.split())


def groups() -> dict[str, list[str]]:
    """The config groups of `train.py` and their choices, as the files under `conf/` say."""
    names = sorted(
        p.name for p in CONF.iterdir() if p.is_dir() and p.name not in ("study", "author")
    )
    return {name: choices(name) for name in names}


def choices(group: str) -> list[str]:
    """The choices of one config group."""
    return sorted(p.stem for p in (CONF / group).glob("*.yaml"))


def group_words(group: str, found: list[str]) -> str:
    """A group's choices with what can be set of them: once where they have the same settings."""
    told = {choice: choice_settings(group, choice) for choice in found}
    if len(set(told.values())) == 1:
        (same,) = set(told.values())
        return ", ".join(found) + (f"; settings: {same}" if same else "")
    return ", ".join(f"{c} ({keys})" if keys else c for c, keys in told.items())


def choice_settings(group: str, choice: str) -> str:
    """What can be set of a choice; networks' and data sets' facts are left out."""
    if group in ("model", "recipe"):
        return ""
    if group == "dataset":
        written = OmegaConf.to_container(OmegaConf.load(CONF / group / f"{choice}.yaml"))
        load: dict[str, Any] = written["load"]  # pyright: ignore
        settled = ("_target_", "data_dir", "download")  # but where nothing says where data lie
        return ", ".join(f"load.{k}" for k, v in load.items() if v is None or k not in settled)
    keys = [str(key) for key in OmegaConf.load(CONF / group / f"{choice}.yaml")]
    return ", ".join(key for key in keys if key not in ("_target_", "defaults"))


def known_keys() -> list[str]:
    """Every key of the bare command's config, dotted, for "did you mean"."""
    cfg = compose([])

    def walk(node: DictConfig, prefix: str) -> list[str]:
        keys = []
        for name in node:
            keys.append(f"{prefix}{name}")
            if isinstance(child := node._get_node(name), DictConfig) and not child._is_none():
                keys += walk(child, f"{prefix}{name}.")
        return keys

    return walk(cfg, "")


def help_text() -> str:
    """Groups with their choices, and the keys with what `conf/train.yaml` says of them."""
    lines = [
        "Train one network with one policy:  python train.py schedule=onecycle model=resnet56",
        "A sweep, one job a combination:     python train.py -m model=lenet,three_layer seed=0,1",
        "  so many at a time:                hydra.launcher.jobs=2",
        "  on a cluster:                     hydra/launcher=slurm (copy it: conf/hydra/launcher/)",
        "  Ctrl-C and SIGTERM stop a sweep: its runs save; on a cluster, its jobs are cancelled.",
        "  A command that is killed, or whose terminal closes, leaves a cluster's jobs to go on.",
        "",
        "Groups (choose with group=choice; the settings of a choice with group.setting=value):",
    ]
    for name, found in groups().items():
        line = f"  {name:<13} {group_words(name, found)}"
        if name == "dataset":
            line += "; settings: validation (training images held out), order (shuffled, file)"
        lines.append(textwrap.fill(line, 99, subsequent_indent=" " * 16))
    lines += ["", "Keys (set with key=value):"]
    body = (CONF / "train.yaml").read_text().split("- recipe: null")[1]
    for line in body.splitlines():
        if not line.strip():
            continue
        setting, _, comment = line.partition(" #")
        key, _, value = setting.partition(":")
        lines.append(f"  {key:<20} {comment.strip()} [{value.strip()}]" if value else f"  {key}")
    lines += [
        "",
        "Lengths carry their unit: 41ep, 4003it, 0.45dur (of the run). Status: 0 done, 3 diverged,",
        "2 a mistake in the settings, 1 a fault, 130/143 stopped by a signal.",
    ]
    return "\n".join(lines)
