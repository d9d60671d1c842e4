"""The steps of the papers' checklist, each as the runs of `train.py` that it takes. No torch.

Source: 1803.09820 section 5 and its figures 7, 9 and 11 to 13; 1506.01186 section 3.3. What a step
compares is compared on validation images: where the command holds none out, a tenth of the training
images are.
"""

import math
from dataclasses import dataclass

from disciplined.mistakes import Mistake
from disciplined.schedules.lengths import in_iterations
from disciplined.tuning.checklist import values
from disciplined.tuning.checklist.facts import Facts
from disciplined.tuning.checklist.options import SHAPES, Options, given, key
from disciplined.tuning.reading.scores import FEWEST as FEWEST_POINTS

EPOCHS, FEWEST = 4, 200  # a short run: so many epochs, and at least so many updates
POINTS = {"lr": 50, "momentum": 20, "sensitivity": 4, "weight_decay": 40}  # evaluations of a run
IMAGES = 2000  # at most, of an evaluation while the rate rises: there are many
TIMED = 512  # images at least of a batch size's updates; six updates where that is more

BEGINNING = (
    "disciplined.tuning.checklist.beginning.beginning"  # of the rates that its continuations have
)


@dataclass(frozen=True)
class Try:
    """A run: the value it tries (None: what others go on from), its seed, `train.py`'s overrides.

    begins: the overrides of the run that it goes on from; None where it is trained from nothing.
    """

    value: float | None
    seed: int
    overrides: tuple[str, ...]
    begins: tuple[str, ...] | None = None


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
        each = [tries(v, f"{setting}={v:g}") for v in values.of(chosen, known)]
        # every value's first seed first, so that a part of them is balanced
        return [sorted((one for found in each for one in found), key=lambda one: one.seed)]

    if chosen.step == "lr":
        if length // every < FEWEST_POINTS:
            more = "evaluate more often" if said_every else "make it longer"
            raise Mistake(
                f"duration={length}it, evaluated every {every}it: a range test is read from "
                f"{FEWEST_POINTS} measurements on; {more}"
            )
        low, high = values.bounds(chosen, known)
        few = [] if given(overrides, "evaluation.images") else [f"evaluation.images={IMAGES}"]
        if known.maf and given(overrides, "batch_norm.maf") is None:
            # batch norm is to remember a point's updates, not those of lower rates
            few.append(f"batch_norm.maf={min(known.maf, 1 - 1 / every):g}")
        return [tries(high, f"schedule.base_lr={low:g}", f"schedule.max_lr={high:g}", *few)]
    if chosen.step == "batch":
        said = given(overrides, "duration")
        return [sized(int(size), common, said, seeds) for size in values.of(chosen, known)]
    if chosen.from_snapshot:
        middle = every * max(1, round(length / 2 / every))
        return snapshot(
            values.of(chosen, known), common, lasting, middle, known.weight_decay, seeds
        )
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
