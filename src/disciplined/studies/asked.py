"""Which studies, panels, arms and runs the words of a command name. No torch."""

import fnmatch
from typing import TYPE_CHECKING

from disciplined.checks import one_of
from disciplined.mistakes import Mistake
from disciplined.studies.study import Study
from disciplined.studies.study_file import ids, load

if TYPE_CHECKING:
    from disciplined.studies.expansion import Run


def chosen_ids(figure: str) -> dict[str, str | None]:
    """The studies of `figure=`, each once, in its order, and the panel that alone was named.

    Raises Mistake where there is none.
    """
    if not figure:
        raise Mistake(
            f"figure= is missing: there are {', '.join(ids())}; or give list, plan, page or keys"
        )
    found: dict[str, str | None] = {}
    for pattern in figure.split(","):
        if pattern == "all" or set("*?[") & set(pattern):
            these = fnmatch.filter(ids(), "*" if pattern == "all" else pattern)
            if not these:
                raise Mistake(f"figure={pattern}: no study matches; there are {', '.join(ids())}")
        elif pattern not in ids() and pattern[:-1] in ids():  # a panel: disciplined/fig07c
            panels = load(pattern[:-1]).panels
            one_of(pattern[-1], tuple(panels), f"figure={pattern}: panel")
            found.setdefault(pattern[:-1], pattern[-1])
            continue
        else:
            one_of(pattern, tuple(ids()), "figure")
            these = [pattern]
        found |= dict.fromkeys(these)
    return found


def chosen_arms(study: Study, arms: str, panel: str | None = None) -> list[str]:
    """The arms of `arms=`, or those that a panel shows; a name may have commas of its own."""
    if panel and arms == "all":
        shown = study.panels[panel].named() or list(study.arms)
        each = [study.chosen[arm].among if arm in study.chosen else [arm] for arm in shown]
        return [arm for arms in each for arm in arms if arm in study.arms]
    if arms in ("all", "primary"):
        return list(study.arms) if arms == "all" else study.primary
    found, parts = [], arms.split(",")
    while parts:
        heads = [",".join(parts[:n]).strip() for n in range(len(parts), 0, -1)]
        name = next((head for head in heads if head in study.arms), parts[0].strip())
        found.append(name)
        parts = parts[name.count(",") + 1 :]
    return found


def plan_text(asked: list["Run"], missing: list["Run"]) -> str:
    """What would be run: of the runs asked for those that are missing, and how to start each."""
    from disciplined.columns import aligned
    from disciplined.studies import expansion

    wanted, lacking = expansion.distinct(asked), {run.key for run in missing}
    rows = [["", "study", "arm", "seed", "iterations", "images", "record"]]
    for run in wanted:
        word = "missing" if run.key in lacking else "there"
        size = [f"{run.iterations:,}", f"{run.images:,}"]
        rows.append([word, run.study, run.arm, str(run.seed), *size, run.key])
    images = sum(run.images for run in missing)
    lines = [aligned(rows), "", f"{len(missing)} of {len(wanted)} runs missing, {images:,} images"]
    for run in {(r.study, r.arm): r for r in reversed(missing)}.values():
        lines.append(f"python train.py {' '.join(run.overrides)}")
    return "\n".join(lines)
