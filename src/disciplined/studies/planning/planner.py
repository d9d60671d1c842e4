"""`reproduce.py plan`: what there is to run, read from the index and the disk, and told as text."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from disciplined.columns import aligned
from disciplined.studies.index_file import keys
from disciplined.studies.planning import budget, speeds
from disciplined.studies.planning.budget import Need, Step, Wanted
from disciplined.studies.planning.speeds import Speeds, lasting
from disciplined.studies.shelf import Shelf
from disciplined.studies.study import ENOUGH, SCALES


@dataclass(frozen=True)
class Open:
    """Every claim, and the runs they lack by key. settled: claims that lack none, at this scale or
    at a longer one; blocked: claims that read what cannot be run; whole: claims that only whole
    runs can answer, where shorter ones are asked about."""

    settled: int
    blocked: int
    whole: int
    needs: list[Need]
    runs: dict[str, Wanted]


def open_claims(
    index: dict[str, dict[str, Any]], scale: str, finished: Callable[[str], bool], known: Speeds
) -> Open:
    """What the claims of all studies lack at a scale. finished: whether a key's record is there.

    What the paper's length has settled, a tenth of it need not settle again.
    """
    done = blocked = whole = 0
    needs: list[Need] = []
    runs: dict[str, Wanted] = {}
    longer = SCALES[: SCALES.index(scale)]

    def lacks_none(about: dict[str, Any]) -> bool:
        return not budget.missing_seeds(keys(about), finished, ENOUGH)

    for study, told in index.items():
        arms = told["scales"][scale]
        lacking: dict[str, list[str]] = {}
        for arm, about in arms.items():
            names = keys(about)
            seeds = budget.missing_seeds(names, finished, ENOUGH)
            lacking[arm] = [names[seed] for seed in seeds]
            for seed in seeds:
                network = about["name"].partition("-")[0]
                lasts = known.seconds(about), known.estimated(about)
                run = Wanted(names[seed], study, arm, seed, network, about["images"], *lasts)
                runs.setdefault(run.key, run)
        for claim, reads in told["claims"].items():
            if reads is None or not reads:
                blocked += 1
                continue
            lacks = frozenset(key for arm in reads for key in lacking[arm])
            above = [[told["scales"][one][arm] for arm in reads] for one in longer]
            if any(all(map(lacks_none, arms)) for arms in above):
                done += 1
            elif longer and claim in told["whole"]:
                whole += 1
            elif not lacks:
                done += 1
            else:
                needs.append(Need(study, claim, lacks))
    return Open(done, blocked, whole, needs, runs)


def plan(
    index: dict[str, dict[str, Any]], scale: str, within: str, output_dir: Path, further: list[str]
) -> str:
    """The plan as text. within: the budget; further: settings that the commands need as well."""
    seconds = budget.seconds(within)
    shelf = Shelf(output_dir)
    benchmark = output_dir / "published" / "benchmark"
    known = speeds.measured(shelf.all(), benchmark, speeds.evaluated(index))
    found = open_claims(index, scale, lambda key: shelf.finished(key) is not None, known)
    lasts = {key: run.seconds for key, run in found.runs.items() if run.seconds is not None}
    timed = [need for need in found.needs if need.lacks <= lasts.keys()]
    return told(found, budget.steps(timed, lasts, seconds), timed, within, scale, further)


def told(
    found: Open, steps: list[Step], timed: list[Need], within: str, scale: str, further: list[str]
) -> str:
    """Steps with their runs, commands, and what is left out and why."""
    rows = [["step", "study", "arm", "seeds", "images", "time", "after", "settles"]]
    lines: list[str] = []
    spent, guessed = 0.0, False
    for number, step in enumerate(steps, 1):
        spent += step.seconds
        runs = sorted((found.runs[key] for key in step.runs), key=lambda r: (r.study, r.seed))
        lines += budget.commands(runs, scale, further)
        arms: dict[tuple[str, str], list[Wanted]] = {}
        for run in runs:
            arms.setdefault((run.study, run.arm), []).append(run)
        for place, ((study, arm), of_it) in enumerate(arms.items()):
            ends = place == len(arms) - 1
            rough = any(run.estimated for run in of_it)
            guessed = guessed or rough
            rows.append(
                [
                    *(str(number) if not place else "", study, arm),
                    ",".join(str(run.seed) for run in of_it),
                    f"{sum(run.images for run in of_it):,}",
                    lasting(sum(run.seconds or 0.0 for run in of_it), rough),
                    lasting(spent, guessed) if ends else "",
                    ", ".join(f"{n.study} {n.claim}" for n in step.settles) if ends else "",
                ]
            )
    settles = sum(len(step.settles) for step in steps)
    runs = sum(len(step.runs) for step in steps)
    words = [
        f"{runs} runs, {lasting(spent, guessed) if steps else 'no time'} of {within}, settle "
        f"{settles} of {len(found.needs)} open claims at scale {scale} ({found.settled} are "
        "settled, there or at a longer one)"
    ]
    if not steps and timed:
        lasts = {key: found.runs[key].seconds or 0.0 for need in timed for key in need.lacks}
        nearest = min(budget.cost(need.lacks, lasts) for need in timed)
        words.append(f"the shortest step takes {lasting(nearest)}: ask for a larger budget")
    if guessed:
        words.append("~: estimated from another machine's speed; the first runs here correct it")
    if len(found.needs) > len(timed):
        lacking = {key for need in found.needs for key in need.lacks}
        networks = sorted({found.runs[k].network for k in lacking if found.runs[k].seconds is None})
        words.append(
            f"{counted(len(found.needs) - len(timed))} left out: nobody has measured how fast "
            f"{', '.join(networks)} train (a run at scale=short does)"
        )
    if found.whole:
        words.append(f"{counted(found.whole)} left out: only whole runs can answer (scale=paper)")
    if found.blocked:
        words.append(f"{counted(found.blocked)} left out: arms that they read cannot be run yet")
    table = [aligned(rows), ""] if steps else []
    return "\n".join([*table, *words, *[""] * bool(lines), *lines])


def counted(claims: int) -> str:
    """So many claims are."""
    return "1 claim is" if claims == 1 else f"{claims} claims are"
