"""What a diagnosis is made of."""

from dataclasses import dataclass, field

NAMES = (  # the gravest first
    *("diverged", "rate too large", "overfitting", "too little regularisation", "unstable"),
    *("too much regularisation", "rate too small", "underfitting", "spike", "plateaued"),
)
NOTHING = "nothing"


@dataclass(frozen=True)
class Finding:
    """One sign, with what shows it.

    name: of `NAMES`. metric: the curve. start, end: iterations of the evidence. evidence: it in
    words and numbers. strength: how far the evidence is beyond what is asked of it, as a factor.
    change: what to do next, in the papers' order. source: where they say so.
    """

    name: str
    metric: str
    start: float
    end: float
    evidence: str
    strength: float
    change: tuple[str, ...] = ()
    source: str = ""
    numbers: dict[str, float] = field(default_factory=dict)

    @property
    def confidence(self) -> str:
        """The strength in a word."""
        return "weak" if self.strength < 1.5 else "clear" if self.strength < 4 else "strong"
