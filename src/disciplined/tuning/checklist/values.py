"""Which values a step tries: those that are asked for, or the papers'. No torch.

Source: 1803.09820 section 5 and its figures 7, 9 and 11 to 13; 1506.01186 section 3.3.
"""

import math

from disciplined.mistakes import Mistake
from disciplined.tuning.checklist.facts import Facts
from disciplined.tuning.checklist.options import Options

MOMENTA = (0.9, 0.95, 0.97, 0.99)
RATES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
SHALLOW, DEEP = (1e-4, 1e-3, 1e-2), (0.0, 1e-6, 1e-5, 1e-4)
BATCHES = tuple(2**n for n in range(5, 13))


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


def of(chosen: Options, known: Facts) -> list[float]:
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
