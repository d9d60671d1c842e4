"""The papers' figures and tables: run what is missing, draw, judge.

    python scripts/reproduce.py list [paper=clr] [data=cifar10]
    python scripts/reproduce.py plan budget=25min [scale=paper]
    python scripts/reproduce.py figure=disciplined/table1 [scale=paper] [seeds=1] [arms=primary]
                                [jobs=2] [run=false] [dry_run=true] [fresh=true] [publish=true]
                                [data_dir=data] [output_dir=outputs] [hydra/launcher=slurm]
    python scripts/reproduce.py page [output_dir=outputs]
    python scripts/reproduce.py keys

`figure=` takes studies, one panel of one (`disciplined/fig07c`: its arms), patterns
(`disciplined/*`) or `all`, commas between. Scales: paper (as published), short (a tenth of the
iterations), smoke (seconds, proves plumbing). `arms=` is all, primary or names with commas between.
`seeds=` of each arm are trained, the study's own number unless told otherwise; what is shown is at
least three, where they are there. `jobs=` runs are trained at a time, one unless told otherwise;
`hydra/launcher=slurm` sends the missing runs of all these studies to a cluster, as it does of
`train.py -m`. `run=false` only draws and judges, on every core; `fresh=true` trusts no published
record; `publish=true` keeps records and pages below `<output_dir>/published`, whole runs and beside
them, in `short/`, a tenth of the iterations. One study that fails does not stop the others. `list`
says what there is, what it takes and what is on disk; `plan` which missing runs settle the most
claims in a time, those left out that longer runs have settled; `page` writes
`<output_dir>/published/index.html` from the study files and what is published; `keys` writes the
generated files under conf/ anew.
Status: 0, 1 a run failed, 2 a mistake, 130/143.
"""

from dataclasses import dataclass
from pathlib import Path

from disciplined import command_line
from disciplined.checks import one_of
from disciplined.mistakes import Mistake
from disciplined.studies import index
from disciplined.studies.reproduction import Options, reproduce
from disciplined.studies.study import SCALES


@dataclass
class Listed:
    """The settings of `list`."""

    paper: str = ""
    data: str = ""
    output_dir: str = "outputs"


@dataclass
class Planned:
    """The settings of `plan`."""

    budget: str = ""
    scale: str = "paper"
    data_dir: str | None = None
    output_dir: str = "outputs"


def options(arguments: list[str]) -> Options:
    """What is asked of the figures. Raises Mistake."""
    if arguments and "=" not in arguments[0]:
        raise Mistake(
            f"{arguments[0]}: no such command; there are list, plan, page, keys and figure=..."
        )
    own = tuple(a for a in arguments if command_line.of_hydra(a))
    chosen = command_line.settings(Options, [a for a in arguments if a not in own])
    chosen.launcher = own
    if own and chosen.jobs:
        raise Mistake(f"jobs={chosen.jobs}: with {own[0]} it is hydra.launcher.jobs={chosen.jobs}")
    one_of(chosen.scale, SCALES, "scale")
    return chosen


def list_studies(chosen: Listed) -> str:
    """Every study: its data, networks, runs, images and time, and what is on disk."""
    from disciplined.studies.planning import listing

    output_dir = Path(chosen.output_dir)
    return listing.table(index.current(), output_dir, chosen.paper, chosen.data)


def plan(chosen: Planned) -> str:
    """What to run first in the time there is."""
    from disciplined.studies.planning import planner

    if not chosen.budget:
        raise Mistake("budget= is missing: how long may it take? e.g. plan budget=25min")
    one_of(chosen.scale, ("paper", "short"), "scale")
    places = (("output_dir", chosen.output_dir, "outputs"), ("data_dir", chosen.data_dir, None))
    further = [f"{key}={value}" for key, value, usual in places if value != usual]
    output_dir = Path(chosen.output_dir)
    return planner.plan(index.current(), chosen.scale, chosen.budget, output_dir, further)


def page(chosen: Options) -> str:
    """Write the page of everything; where it is and what came back."""
    from disciplined.studies.page import document

    file, summary = document.page(Path(chosen.output_dir) / "published")
    return f"{file}\n{summary}"


def only(command: str, arguments: list[str], *settings: str) -> list[str]:
    """The arguments of a command that has no other settings. Raises Mistake."""
    for argument in arguments:
        if argument.partition("=")[0] not in settings:
            takes = f"only {', '.join(settings)}=" if settings else "no settings"
            raise Mistake(f"{command} {argument}: {command} takes {takes}")
    return arguments


def main(arguments: list[str]) -> int:
    """The command; returns its status."""
    if not arguments or {"-h", "--help"} & set(arguments):
        print(__doc__)
        return 0
    command, rest = arguments[0], arguments[1:]
    if command == "list":
        print(list_studies(command_line.settings(Listed, rest)))
        return 0
    if command == "plan":
        print(plan(command_line.settings(Planned, rest)))
        return 0
    if command == "page":
        print(page(options(only(command, rest, "output_dir"))))
        return 0
    if command == "keys":
        options(only(command, rest))
        print("\n".join(map(str, index.generate())))
        return 0
    return reproduce(options(arguments))


if __name__ == "__main__":
    command_line.run(main)
