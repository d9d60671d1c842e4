"""The configs of many runs: composed by Hydra once, and again only where that could matter.

Hydra takes a tenth of a second for a config, nearly all of it for the choices of groups. Runs of a
study or a sweep share those, and mostly differ in values that nothing else refers to: of a hundred
thousand configs a handful are composed. What is in doubt is composed in full.
"""

import copy
import re
from collections.abc import Collection, Iterator, Sequence
from functools import cache, lru_cache
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from disciplined.dotted import flat
from disciplined.mistakes import Mistake
from disciplined.training.config import allowed, chosen, completed, compose, groups
from disciplined.training.own_code import OWN
from disciplined.training.planning import Plan, plan
from disciplined.training.ranges import seed_fits
from disciplined.training.resolved import Resolved, resolved, wrapped

REFERENCE = re.compile(r"\$\{([A-Za-z_][\w.]*)\}")  # to another setting by its whole key
NUMBER = re.compile(r"(0|[1-9][0-9]*)(\.[0-9]+)?")


@lru_cache(maxsize=256)
def composed(overrides: tuple[str, ...]) -> DictConfig:
    """What `compose` gives, kept; not to be changed.

    The choices of groups are composed by Hydra, and kept; values are set behind that. What goes
    wrong is left to `compose` to tell.
    """
    allowed(list(overrides))
    try:
        return completed(unresolved(overrides), list(overrides))
    except (Mistake, HydraException, OmegaConfBaseException):
        return compose(list(overrides))


def unresolved(overrides: tuple[str, ...]) -> DictConfig:
    """The config before anything in it is filled in or resolved, the caller's own."""
    told = [parsed(o) for o in overrides]
    values = [
        o for o in told if o.type is OverrideType.CHANGE and o.key_or_group not in choosable()
    ]
    texts = {o.input_line for o in values}
    cfg = copy.deepcopy(with_choices(tuple(o for o in overrides if o not in texts)))
    for one in values:
        OmegaConf.update(cfg, one.key_or_group, one.value(), merge=True)
    return cfg


@lru_cache(maxsize=4096)
def parsed(override: str) -> Override:
    """An override as Hydra reads it; its parser takes a millisecond."""
    return OverridesParser.create().parse_overrides([override])[0]


@cache
def choosable() -> frozenset[str]:
    """The names of the config's groups."""
    return frozenset(groups())


@lru_cache(maxsize=64)
def with_choices(overrides: tuple[str, ...]) -> DictConfig:
    """The config of these choices of groups, unresolved, kept."""
    return chosen(list(overrides))


class Family:
    """The configs of jobs that override the same keys in the same order by other values.

    Jobs that make the same choices share what Hydra composes. A key is free where its value is
    plain and no interpolation leads to it: then nothing but itself follows from it, and a job's
    config is another's with its own value there.

    Args:
        jobs: each job's overrides, all of one length.
    """

    def __init__(self, jobs: Sequence[tuple[str, ...]]):
        columns = list(zip(*jobs, strict=True))
        keys = [column[0].partition("=")[0].lstrip("+") for column in columns]
        self.plain = {
            i: keys[i]
            for i, column in enumerate(columns)
            if not any(j != i and overlap(keys[i], key) for j, key in enumerate(keys))
            and len(overrides := set(column)) > 1
            and plain(overrides)
        }
        self.choices: dict[tuple[str, ...], Choices | None] = {}
        self.configs: dict[tuple[str, ...], Resolved] = {}
        self.plans: dict[tuple[str, ...], Plan] = {}

    def config(self, job: tuple[str, ...]) -> tuple[Resolved, set[str]]:
        """What a job composes to, and its free keys. Raises `Mistake` as `compose` does."""
        made = without(job, self.plain)
        if made not in self.choices:
            self.choices[made] = Choices.of(job, set(self.plain.values()))
        choices = self.choices[made]
        try:
            assert choices
            free = [i for i, key in self.plain.items() if key in choices.free]
            values = [(self.plain[i], choices.value(self.plain[i], job[i])) for i in free]
        except (AssertionError, OmegaConfBaseException):  # a mistake: told of this very job
            return resolved(composed(job)), set()
        shared = without(job, free)
        if shared not in self.configs:
            self.configs[shared] = resolved(composed(job))
        cfg = self.configs[shared]
        for key, value in values:
            cfg = cfg.having(key, value)
        return cfg, choices.free

    def planned(self, job: tuple[str, ...]) -> tuple[Resolved, Plan]:
        """What a job composes to, and its plan: made once for all that differ in a free seed only.
        Raises `Mistake`."""
        cfg, free = self.config(job)
        if "seed" not in free:
            return cfg, plan(cfg)
        rest = without(job, [i for i, key in self.plain.items() if key == "seed"])
        if rest in self.plans and seed_fits(cfg.seed):
            return cfg, self.plans[rest].seeded(cfg.seed)
        return cfg, self.plans.setdefault(rest, plan(cfg))


class Choices:
    """What a job comes to before anything in it is filled in or resolved.

    free: of the keys asked for, those that stand in it and nothing else follows from.
    """

    def __init__(self, cfg: DictConfig, keys: Collection[str]):
        self.cfg = cfg  # values are tried on in it
        self.values: dict[str, Any] = {}
        whole = wrapped(OmegaConf.to_container(cfg, resolve=False))
        found = list(texts(whole))
        referred = {name for text in found for name in REFERENCE.findall(text)}
        # the data's numbers are counted from what is set of them
        self.free = {
            key
            for key in flat(whole).keys() & set(keys)
            if not key.startswith("dataset.") and not any(overlap(key, r) for r in referred)
        }
        if any(text.count("${") != len(REFERENCE.findall(text)) for text in found):
            self.free = set()  # it may lead anywhere

    @classmethod
    def of(cls, job: tuple[str, ...], keys: Collection[str]) -> "Choices | None":
        """Those of a job; None where it does not compose."""
        try:
            allowed(list(job))
            return cls(unresolved(job), keys)
        except (Mistake, HydraException, OmegaConfBaseException):
            return None

    def value(self, key: str, override: str) -> Any:
        """What stands in the config where `override` sets `key`. Raises as OmegaConf does."""
        if override not in self.values:
            OmegaConf.update(self.cfg, key, value_of(override), merge=True)
            found = OmegaConf.select(self.cfg, key)
            self.values[override] = list(found) if OmegaConf.is_config(found) else found
        return self.values[override]


def plain(overrides: Collection[str]) -> bool:
    """Whether overrides of one key set it to values that mean nothing but themselves."""
    one = parsed(next(iter(overrides)))
    key = one.key_or_group
    if one.type is OverrideType.DEL or one.package is not None or key in choosable():
        return False
    if key.rpartition(".")[2] in OWN:
        return False
    values = list(map(value_of, overrides))
    parts = [part for v in values for part in (v if isinstance(v, list) else [v])]
    return not any(isinstance(p, dict | list) or "${" in str(p) or p == "???" for p in parts)


def value_of(override: str) -> Any:
    """The value in an override, as Hydra reads it; what is plainly a number without its parser."""
    text = override.partition("=")[2]
    if NUMBER.fullmatch(text):
        return float(text) if "." in text else int(text)
    return parsed(override).value()


def overlap(one: str, other: str) -> bool:
    """Whether one dotted key is the other, or leads to it."""
    return f"{one}.".startswith(f"{other}.") or f"{other}.".startswith(f"{one}.")


def without(job: tuple[str, ...], left_out: Collection[int]) -> tuple[str, ...]:
    """A job's overrides less some of their places."""
    return tuple(o for i, o in enumerate(job) if i not in left_out)


def texts(value: Any) -> Iterator[str]:
    """Every text in nested mappings and lists."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from texts(part)
