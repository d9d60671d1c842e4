"""What may be asked of a step of the checklist, and what it decides itself. No torch."""

from dataclasses import dataclass, fields

from disciplined.checks import one_of
from disciplined.mistakes import Mistake

OWN = {  # the settings that only some steps have
    "lr": ("low", "high", "shape"),
    "momentum": ("values",),
    "sensitivity": ("values",),
    "weight_decay": ("values", "snapshot"),
    "batch": ("values",),
}
SHAPES = {"exponential": "range_test_exponential", "linear": "range_test"}

HERE = {  # train.py's settings that a step decides itself, and what to say instead
    "lr": {"schedule": "low=, high= and shape= say which rates are tried"},
    "momentum": {"momentum": "values= says which momenta are tried"},
    "sensitivity": {"schedule": "values= says which constant rates are tried"},
    "weight_decay": {"weight_decay": "values= says which weight decays are tried"},
    "batch": {
        "total_batch_size": "values= says which sizes are tried",
        "schedule": "time and memory know no rate; leave it out",
    },
}
EVERYWHERE = {
    "seed": "seeds= says how many there are; they are 0, 1, ...",
    "scale": "duration= says how long the short runs are",
}
RISES = "the rate rises once, from schedule.base_lr to schedule.max_lr"


@dataclass
class Options:
    """What is asked of `tune.py`; everything else on its command line is `train.py`'s.

    seeds: runs of each value. jobs: runs at a time. low, high, shape: the range test's rates.
    values: what is tried, commas between; None for the papers'. snapshot: whether the weight
    decays go on from the middle of one run (the default) or are whole runs.
    """

    step: str = ""
    seeds: int = 1
    jobs: int = 1
    dry_run: bool = False
    low: str | None = None
    high: str | None = None
    shape: str | None = None
    values: str | None = None
    snapshot: bool | None = None

    @property
    def from_snapshot(self) -> bool:
        """Whether the runs go on from the middle of one."""
        return self.step == "weight_decay" and self.snapshot is not False

    @property
    def rises(self) -> str:
        """How the range test's rate rises. Raises Mistake."""
        found = self.shape or "exponential"
        one_of(found, tuple(SHAPES), "shape")
        return found


def key(override: str) -> str:
    """The setting of an override."""
    return override.lstrip("+").partition("=")[0]


def given(overrides: list[str], setting: str) -> str | None:
    """What the command says of a setting, the last time it does; None where it does not."""
    found = [o.partition("=")[2] for o in overrides if key(o) == setting]
    return found[-1] if found else None


def check(chosen: Options, overrides: list[str]) -> None:
    """Raise Mistake for a setting of another step, and for one that the step decides itself."""
    step = chosen.step
    if not step:
        raise Mistake(f"step= is missing: there are {', '.join(OWN)}")
    one_of(step, tuple(OWN), "step")
    for f in fields(Options):
        value = getattr(chosen, f.name)
        owners = [name for name, own in OWN.items() if f.name in own]
        if value is not None and owners and step not in owners:
            raise Mistake(
                f"{f.name}={value}: step={step} has no such setting; it is one of "
                + ", ".join(f"step={name}" for name in owners)
            )
    if step == "batch" and chosen.jobs > 1:
        raise Mistake(f"jobs={chosen.jobs}: runs beside each other do not tell their time; jobs=1")
    taken = EVERYWHERE | HERE[step]
    if chosen.from_snapshot:
        taken |= {"schedule": f"{RISES}; snapshot=false takes any", "schedule.stepsize": RISES}
    for override in overrides:
        setting = key(override)
        if chosen.from_snapshot and setting in ("schedule.base_lr", "schedule.max_lr"):
            continue
        if chosen.from_snapshot and setting == "weight_decay.value":
            continue  # what it is before the snapshot
        if why := taken.get(setting) or taken.get(setting.partition(".")[0]):
            raise Mistake(f"{override}: step={step} decides that; {why}")
    if given(overrides, "dataset.validation") == "0":
        raise Mistake(
            "dataset.validation=0: only validation decides here; leave it out (a tenth of the "
            "training images) or hold some out"
        )
