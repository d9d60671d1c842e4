"""Which column is what: told, or guessed from the names that trainers and loggers use."""

import difflib
import re
from collections.abc import Mapping, Sequence
from itertools import pairwise

from disciplined.mistakes import Mistake

CLOCKS = {
    "iteration": ("iteration", "step", "globalstep", "trainerglobalstep", "iter", "update"),
    "epoch": ("epoch",),
}
SETTINGS = {
    "lr": ("lr", "learningrate"),
    "momentum": ("momentum",),
    "weight_decay": ("weightdecay", "wd"),
}
SPLITS = {
    "train": ("train", "training", "tr"),
    "val": ("val", "valid", "validation", "eval", "dev"),
    "test": ("test",),
}
MEASURES = {
    "loss": ("loss", "ce", "nll", "bce", "mse", "xent", "crossentropy"),
    "accuracy": ("accuracy", "acc", "top1", "acc1"),
}
OURS = (
    *(*CLOCKS, *SETTINGS),
    *(f"{split}_{measure}" for measure in MEASURES for split in SPLITS),
)
EXTREMES = re.compile(r"__(MIN|MAX)$")  # the band that an export of Weights & Biases adds
IDLE = {"epoch", "step", "mean", "avg", "average", "epochs"}


def parsed(text: str) -> dict[str, str]:
    """`val_loss=valid/ce,lr=opt/lr` as a mapping. Raises Mistake."""
    found = {}
    for part in filter(None, text.split(",")):
        ours, equals, theirs = (p.strip() for p in part.partition("="))
        if not equals or not theirs:
            raise Mistake(f"map={part}: expected OURS=THEIRS, e.g. map=val_loss=valid/ce")
        found[ours] = theirs
    return found


def taken(
    name: str, columns: Sequence[str], told: Mapping[str, str]
) -> tuple[dict[str, str], list[str]]:
    """Their column for each of ours that there is, and in words what was told or guessed."""
    for ours, theirs in told.items():
        if ours not in OURS:
            raise Mistake(f"map={ours}=...: {close(ours, OURS)}")
        if theirs not in columns:
            raise Mistake(
                f"map={ours}={theirs}: no such column in {name}; {close(theirs, columns)}"
            )
    guesses: dict[str, list[tuple[int, str]]] = {}
    for column in columns:
        guess = ours_of(column)
        if guess and guess[0] not in told:
            guesses.setdefault(guess[0], []).append((guess[1], column))
    runs = {c.rpartition(" - ")[0] for found in guesses.values() for _, c in found if " - " in c}
    if len(runs) > 1:
        raise Mistake(
            f"{name}: has {len(runs)} runs ({', '.join(sorted(runs)[:3])}); name one's columns, "
            "e.g. map=val_loss=RUN - val_loss"
        )
    best = {ours: min(found, key=lambda one: one[0])[1] for ours, found in guesses.items()}
    chosen = {ours: told.get(ours, best.get(ours)) for ours in OURS}
    found = {ours: theirs for ours, theirs in chosen.items() if theirs is not None}
    said = [
        f"{ours}: {theirs}{'' if ours in told else ' (by its name)'}"
        for ours, theirs in found.items()
        if ours != theirs
    ]
    return found, said


def ours_of(column: str) -> tuple[str, int] | None:
    """What a column's name says it is, and how far the name is from ours; None for another."""
    if column in OURS:
        return column, 0
    if EXTREMES.search(column):
        return None
    own = column.rpartition(" - ")[2]
    words = [
        w for w in re.split(r"[^a-z0-9]+", re.sub(r"([a-z])([A-Z])", r"\1 \2", own).lower()) if w
    ]
    joined = "".join(words)
    for table in (CLOCKS, SETTINGS):
        for ours, names in table.items():
            if joined in names:
                return ours, 1 + names.index(joined)
    if words and (words[0] == "lr" or words[-1] == "lr" or words[-2:] == ["learning", "rate"]):
        if words[-1] == "momentum" or words[-2:] == ["weight", "decay"]:  # lr-SGD-momentum
            return ("momentum" if words[-1] == "momentum" else "weight_decay"), 5 + len(words)
        return "lr", 5 + len(words)
    splits = [s for s, names in SPLITS.items() if set(words) & set(names)]
    two = {a + b for a, b in pairwise(words)}
    measures = [m for m, names in MEASURES.items() if (set(words) | two) & set(names)]
    if len(splits) > 1 or len(measures) != 1:
        return None
    if not splits and words[0] not in MEASURES[measures[0]]:
        return None
    known = {w for names in (*SPLITS.values(), *MEASURES.values()) for w in names} | IDLE
    further = sum(w not in known for w in words)
    by_step = 1 if "step" in words else 0  # a mean over an epoch is less noisy than a batch's
    return f"{splits[0] if splits else 'train'}_{measures[0]}", 10 * further + 2 + 2 * by_step + (
        len(words) > 2
    )


def close(wrong: str, known: Sequence[str]) -> str:
    """What may have been meant, or what there is."""
    near = difflib.get_close_matches(wrong, known, n=1, cutoff=0.6)
    return f"did you mean {near[0]}?" if near else f"there are {', '.join(known[:12])}"
