"""What the optimisers ask of their settings; each refusal is one line that names the setting."""

from disciplined.mistakes import Mistake

WITHOUT_MOMENTUM = ("disciplined.optimizers.adaptive.AdaGrad",)


def no_momentum(momentum: float) -> None:
    """Raise Mistake for any but 0, of an optimiser that has no use for it."""
    if momentum != 0:
        raise Mistake(
            f"momentum={momentum:g}: AdaGrad has no momentum; choose momentum=none, or another "
            "optimizer"
        )


def convention(asked: str, known: tuple[str, ...]) -> str:
    """`asked`. Raises Mistake unless it is one of `known`."""
    if asked not in known:
        raise Mistake(f"optimizer.convention={asked}: expected one of {', '.join(known)}")
    return asked


def decay(setting: str, value: float) -> float:
    """The decay of a running average. Raises Mistake unless it is from 0 to below 1."""
    if not 0 <= value < 1:
        raise Mistake(f"{setting}={value}: expected a fraction from 0 to below 1, such as 0.99")
    return value


def epsilon(setting: str, value: float) -> float:
    """What keeps a division from 0. Raises Mistake unless it is positive and finite."""
    if not 0 < value < float("inf"):
        raise Mistake(f"{setting}={value}: expected a small positive number, such as 1e-8")
    return value


def not_negative(setting: str, value: float) -> float:
    """`value`. Raises Mistake unless it is a finite number of at least 0."""
    if not 0 <= value < float("inf"):
        raise Mistake(f"{setting}={value}: expected a finite number, 0 or more, such as 0.1")
    return value
