"""The scripts' `key=value` settings: typed by a dataclass, every mistake one line."""

from dataclasses import dataclass

import pytest

from disciplined import command_line
from disciplined.checks import one_of
from disciplined.mistakes import Mistake


@dataclass
class Settings:
    name: str = "all"
    seeds: int | None = None
    seconds: float = 8.0
    run: bool = True


def test_values_become_their_types():
    made = command_line.settings(Settings, ["seeds=3", "seconds=0.5", "run=false", "name=a=b"])
    assert made == Settings("a=b", 3, 0.5, False)
    assert command_line.settings(Settings, []) == Settings()


@pytest.mark.parametrize(
    ("argument", "said"),
    [
        ("sedes=3", "sedes=3: no such setting; did you mean seeds?"),
        ("bla", "bla: no such setting"),
        ("seeds=0", "seeds=0: expected a whole number from 1 on"),
        ("seeds=1.5", "seeds=1.5: expected a whole number"),
        ("seconds=x", "seconds=x: expected a positive number"),
        ("seconds=inf", "expected a positive number"),
        ("run=yes", "run=yes: expected true or false"),
        ("name=", "name=: expected a value"),
    ],
)
def test_a_mistake_is_one_line(argument: str, said: str):
    with pytest.raises(Mistake) as found:
        command_line.settings(Settings, [argument])
    assert said in str(found.value) and "\n" not in str(found.value)


def test_choices():
    one_of("paper", ("paper", "short"), "scale")
    with pytest.raises(Mistake, match="scale=papers: did you mean paper"):
        one_of("papers", ("paper", "short"), "scale")
