"""The steps of the papers' checklist, each as the runs of `train.py` that it takes. No torch.

Source: 1803.09820 section 5 and its figures 7, 9 and 11 to 13; 1506.01186 section 3.3. What a step
compares is compared on validation images: where the command holds none out, a tenth of the training
images are.
"""

import math
from dataclasses import dataclass, fields
from typing import Any

from disciplined.checks import one_of
from disciplined.mistakes import Mistake
from disciplined.schedules.lengths import in_iterations
from disciplined.tuning.reading.scores import FEWEST as FEWEST_POINTS

OWN = {  # the settings that only some steps have
    "lr": ("low", "high", "shape"),
    "momentum": ("values",),
    "sensitivity": ("values",),
    "weight_decay": ("values", "snapshot"),
    "batch": ("values",),
}
SHAPES = {"exponential": "range_test_exponential", "linear": "range_test"}
MOMENTA = (0.9, 0.95, 0.97, 0.99)
RATES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
SHALLOW, DEEP = (1e-4, 1e-3, 1e-2), (0.0, 1e-6, 1e-5, 1e-4)
BATCHES = tuple(2**n for n in range(5, 13))
EPOCHS, FEWEST = 4, 200  # a short run: so many epochs, and at least so many updates
POINTS = {"lr": 50, "momentum": 20, "sensitivity": 4, "weight_decay": 40}  # evaluations of a run
IMAGES = 2000  # at most, of an evaluation while the rate rises: there are many
HELD_OUT = 10  # one of so many training images, where the command says nothing
TIMED = 512  # images at least of a batch size's updates; six updates where that is more

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
BEGINNING = (
    "disciplined.tuning.checklist.beginning.beginning"  # of the rates that its continuations have
)
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


@dataclass(frozen=True)
class Facts:
    """What the steps must know of the model and data set chosen.

    train_images: those trained on, without the `validation` images held out. max_lr, weight_decay:
    the model's suggestions; `weight_decay.value` of the command before it. maf: batch norm's
    moving-average fraction.
    """

    train_images: int
    validation: int
    total_batch_size: int
    classes: int
    max_lr: float
    weight_decay: float
    maf: float | None = None


@dataclass(frozen=True)
class Try:
    """A run: the value it tries (None: what others go on from), its seed, `train.py`'s overrides.

    begins: the overrides of the run that it goes on from; None where it is trained from nothing.
    """

    value: float | None
    seed: int
    overrides: tuple[str, ...]
    begins: tuple[str, ...] | None = None


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


def groups(chosen: Options, overrides: list[str]) -> list[str]:
    """The choices of groups that a step's runs share, less what the command chooses itself."""
    if chosen.step == "lr":
        found = [f"schedule={SHAPES[chosen.rises]}"]
    elif chosen.from_snapshot:
        # the way up of a cycle, so that a cyclical momentum has its stepsize
        found = ["schedule=triangular", "momentum=constant"]
    elif chosen.step in ("sensitivity", "batch"):
        found = ["schedule=constant"]
    else:
        found = ["schedule=range_test"]
    if chosen.step == "momentum":
        found.append("momentum=constant")
    return [choice for choice in found if given(overrides, key(choice)) is None]


def facts(cfg: Any, overrides: list[str]) -> Facts:
    """What there is to know of a composed config."""
    dataset, suggested = cfg.dataset, cfg.model.suggested
    held_out = dataset.validation or max(dataset.train_images // HELD_OUT, dataset.classes)
    decay = given(overrides, "weight_decay.value")
    return Facts(
        train_images=cfg.train_size or dataset.train_images - held_out,
        validation=held_out,
        total_batch_size=cfg.total_batch_size,
        classes=dataset.classes,
        max_lr=float(suggested.max_lr),
        weight_decay=float(suggested.weight_decay) if decay is None else float(decay),
        maf=cfg.batch_norm.maf,
    )


def planned(chosen: Options, overrides: list[str], known: Facts) -> list[list[Try]]:
    """The step's runs in waves: none is begun before the one before it is there.

    Raises Mistake for values that cannot be tried.
    """
    length = updates(overrides, known)
    said_every = given(overrides, "evaluate_every")
    every = between(said_every, length, known, POINTS.get(chosen.step, 1))
    lasting = [f"duration={length}it", f"evaluate_every={said_every or f'{every}it'}"]
    common = [
        *groups(chosen, overrides),
        *(o for o in overrides if key(o) not in ("duration", "evaluate_every")),
    ]
    if given(overrides, "dataset.validation") is None:
        common.append(f"dataset.validation={known.validation}")
    seeds = range(chosen.seeds)

    def tries(value: float, *settings: str) -> list[Try]:
        return [Try(value, s, (*common, *lasting, *settings, f"seed={s}")) for s in seeds]

    def grid(setting: str) -> list[list[Try]]:
        each = [tries(v, f"{setting}={v:g}") for v in values(chosen, known)]
        # every value's first seed first, so that a part of them is balanced
        return [sorted((one for found in each for one in found), key=lambda one: one.seed)]

    if chosen.step == "lr":
        if length // every < FEWEST_POINTS:
            more = "evaluate more often" if said_every else "make it longer"
            raise Mistake(
                f"duration={length}it, evaluated every {every}it: a range test is read from "
                f"{FEWEST_POINTS} measurements on; {more}"
            )
        low, high = bounds(chosen, known)
        few = [] if given(overrides, "evaluation.images") else [f"evaluation.images={IMAGES}"]
        if known.maf and given(overrides, "batch_norm.maf") is None:
            # batch norm is to remember a point's updates, not those of lower rates
            few.append(f"batch_norm.maf={min(known.maf, 1 - 1 / every):g}")
        return [tries(high, f"schedule.base_lr={low:g}", f"schedule.max_lr={high:g}", *few)]
    if chosen.step == "batch":
        said = given(overrides, "duration")
        return [sized(int(size), common, said, seeds) for size in values(chosen, known)]
    if chosen.from_snapshot:
        middle = every * max(1, round(length / 2 / every))
        return snapshot(values(chosen, known), common, lasting, middle, known.weight_decay, seeds)
    settings = {
        "momentum": "momentum.value",
        "sensitivity": "schedule.lr",
        "weight_decay": "weight_decay.value",
    }
    return grid(settings[chosen.step])


def snapshot(
    tried: list[float],
    common: list[str],
    lasting: list[str],
    middle: int,
    before: float,
    seeds: range,
) -> list[list[Try]]:
    """One run a seed up to update `middle`, and each weight decay from there on.

    What goes on is written as a run whose weight decay changes there: so it has a record that can
    be trained from nothing too, and the same one. Source: 1803.09820 figure 12.
    """
    length = lasting[0].partition("=")[2]
    measured = lasting[1]
    common = [*(o for o in common if key(o) != "weight_decay.value"), f"schedule.stepsize={length}"]
    first, second = [], []
    for seed in seeds:
        begins = (
            *(*common, f"duration={middle}it", measured, f"schedule._target_={BEGINNING}"),
            *(f"weight_decay.value={before:g}", f"seed={seed}"),
        )
        first.append(Try(None, seed, begins))
        for value in tried:
            changes = (
                "weight_decay=piecewise_constant",
                f"weight_decay.values=[{before:g},{value:g}]",
                f"weight_decay.milestones=[{middle}it]",
            )
            second.append(Try(value, seed, (*common, *lasting, *changes, f"seed={seed}"), begins))
    return [first, second]


def sized(size: int, common: list[str], said: str | None, seeds: range) -> list[Try]:
    """A few updates at a total batch size, evaluated as little as can be."""
    length = said or f"{max(6, math.ceil(TIMED / size))}it"
    settings = [
        *(f"total_batch_size={size}", f"duration={length}", "evaluate_every=1dur"),
        "evaluation.images=64",
    ]
    return [Try(float(size), s, (*common, *settings, f"seed={s}")) for s in seeds]


def updates(overrides: list[str], known: Facts) -> int:
    """Updates of a short run: `duration=`, or four epochs and 200 updates at least."""
    images, batch = known.train_images, known.total_batch_size
    if (asked := given(overrides, "duration")) is not None:
        return in_iterations(
            asked, setting="duration", images=images, total_batch_size=batch, duration=None
        )
    return max(FEWEST, math.ceil(EPOCHS * images / batch))


def between(asked: str | None, length: int, known: Facts, points: int) -> int:
    """Updates from an evaluation to the next: `evaluate_every=`, or as many as give the points."""
    if asked is None:
        return max(1, length // points)
    return in_iterations(
        asked,
        setting="evaluate_every",
        images=known.train_images,
        total_batch_size=known.total_batch_size,
        duration=length,
    )


def bounds(chosen: Options, known: Facts) -> tuple[float, float]:
    """The lowest and the highest rate of the range test. Raises Mistake.

    Over decades 1e-5 to 10; in a straight line from 0 to four times the model's suggestion, about
    where the papers' own range tests end.
    """
    usual = (1e-5, 10.0) if chosen.rises == "exponential" else (0.0, 4 * known.max_lr)
    low = usual[0] if chosen.low is None else number("low", chosen.low)
    high = usual[1] if chosen.high is None else number("high", chosen.high)
    if chosen.rises == "exponential" and low == 0:
        raise Mistake("low=0: decades do not begin at 0; give a small rate, or shape=linear")
    if low >= high:
        raise Mistake(f"high={high:g}: expected more than low={low:g}")
    return low, high


def values(chosen: Options, known: Facts) -> list[float]:
    """What is tried, rising. Raises Mistake for what cannot be.

    Weight decays are the paper's for deep networks where the model's own is at most 1e-4, else (and
    where it has none) those for shallow ones.
    """
    usual: dict[str, tuple[float, ...]] = {
        "momentum": MOMENTA,
        "sensitivity": RATES,
        "weight_decay": DEEP if 0 < known.weight_decay <= 1e-4 else SHALLOW,
        "batch": tuple(b for b in BATCHES if b <= known.train_images) or (known.train_images,),
    }
    if chosen.values is None:
        return list(usual[chosen.step])
    texts = chosen.values.strip("[]").split(",")
    found = sorted({number("values", text.strip()) for text in texts})
    for value in found:
        if chosen.step == "momentum" and value >= 1:
            raise Mistake(f"values={chosen.values}: a momentum is from 0 to below 1")
        if chosen.step == "sensitivity" and value == 0:
            raise Mistake(f"values={chosen.values}: a rate is more than 0")
        if chosen.step == "batch" and (value < 1 or value != int(value)):
            raise Mistake(f"values={chosen.values}: a batch size is a whole number from 1 on")
    return found


def number(setting: str, text: str) -> float:
    """A number of at least 0. Raises Mistake."""
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not 0 <= found < math.inf:
        raise Mistake(f"{setting}={text}: expected a number from 0 on")
    return found
