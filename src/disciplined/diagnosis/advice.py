"""What the papers say to change next, by finding. Theirs in our words; conf/claims.yaml has each
piece of advice as a claim, with the studies that test it."""

from dataclasses import replace

from disciplined.diagnosis.findings import Finding
from disciplined.diagnosis.seen import CYCLE, RANGE_TEST, Seen

DISCIPLINED = "1803.09820"
CHANGE = {
    "diverged": (
        "lower the (largest) learning rate: a range test shows how far it may go",
        "with a large rate, lower weight decay, and let momentum fall while the rate rises",
        "if it happened early, let the rate rise more slowly",
    ),
    "rate too large": (
        "lower the rate",
        "or bear it: less weight decay, momentum that falls as the rate rises",
    ),
    "overfitting": (
        "regularise more: weight decay first, by a coarse grid over decades",
        "a larger learning rate, or one cycle up to it, regularises too",
        "else stop where the loss was lowest, use more data, augmentation or dropout",
    ),
    "too little regularisation": (
        "raise weight decay by half a decade to a decade and compare the early loss",
        "or raise the rate; then decay must give less",
    ),
    "unstable": (
        "lower the rate or momentum, or the weight decay that goes with a large rate",
        "a larger total batch is less noisy at the same rate",
    ),
    "too much regularisation": (
        "lower weight decay by half a decade to a decade",
        "other regularisation (dropout, augmentation, small batches) counts with it",
    ),
    "rate too small": (
        "raise the learning rate tenfold, or run a range test to find the largest",
        "momentum of 0.9 or more trains faster at the same rate",
    ),
    "underfitting": (
        "raise the learning rate; one cycle up to the largest usable rate",
        "less regularisation, a larger network, or simply train longer",
    ),
    "spike": (
        "one that heals costs little; if they come more often lower the rate or clip gradients",
    ),
    "plateaued": (
        "more of the same brings nothing: let the rate fall now",
        "flat between under- and overfitting is where good settings lie; then compare levels",
    ),
}
SOURCE = {
    "diverged": f"{DISCIPLINED} figures 4a, 11b and 14; checklist 1",
    "rate too large": f"{DISCIPLINED} checklist 1; figures 4a and 11b",
    "overfitting": f"{DISCIPLINED} remarks 1 and 2; figures 1 and 4",
    "too little regularisation": f"{DISCIPLINED} remarks 3 and 6; figures 4, 9 and 11",
    "unstable": f"{DISCIPLINED} figures 4a and 7; 1506.01186 section 3.3",
    "too much regularisation": f"{DISCIPLINED} remark 3; figures 5b and 9 to 11",
    "rate too small": f"{DISCIPLINED} remark 2; figure 3a",
    "underfitting": f"{DISCIPLINED} remark 2; figure 3",
    "spike": "none of the papers",
    "plateaued": f"{DISCIPLINED} remark 2; figures 2 and 3a",
}


def advised(finding: Finding, seen: Seen) -> Finding:
    """The finding with what to change next, in this run's own numbers."""
    change = list(CHANGE[finding.name])
    lr = finding.numbers.get("lr")
    at = seen.lr_at(finding.numbers["at"]) if "at" in finding.numbers else None
    if finding.name == "rate too large" and lr and seen.kind in (RANGE_TEST, CYCLE):
        best = finding.numbers["lowest_lr"]
        change[0] = f"keep the largest rate below {lr:.2g}; the loss was lowest near {best:.2g}"
    if finding.name == "diverged" and at:
        change[0] = f"it went at rate {at:.3g}: " + change[0]
    decay = seen.curves.at("weight_decay", seen.x[-1:]) if seen.x.size else None
    if decay is not None and decay.size:
        value = float(decay[-1])
        if finding.name == "too little regularisation":
            change[0] = (
                f"weight decay is {value:.2g}: try {3.16 * value:.1g} and {10 * value:.1g}"
                if value
                else "weight decay is 0: try 1e-6 to 1e-4 (deep), 1e-4 to 1e-2 (shallow)"
            )
        if finding.name == "too much regularisation" and value:
            change[0] = f"weight decay is {value:.2g}: try {value / 3.16:.1g} and {value / 10:.1g}"
    rate = seen.lr_at(finding.end)
    if finding.name == "rate too small" and rate:
        change[0] = f"the rate is {rate:.3g}: try {10 * rate:.1g}, or run a range test"
    if finding.name == "plateaued":
        test = float(abs(seen.loss[seen.x >= finding.start]).mean())
        train = seen.train(finding.start, finding.end)
        if train is not None and train >= 0.97 * test:
            change.append(
                "no gap to training loss: less regularisation or a larger network may help"
            )
    return replace(finding, change=tuple(change), source=SOURCE[finding.name])
