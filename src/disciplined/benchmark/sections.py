"""Parts of the benchmark's page that compare no speeds: sweeps, shares, range tests and others."""

import statistics
from typing import Any

from disciplined.benchmark import ledger_table, nodes
from disciplined.benchmark.finders import PROTOCOL, table
from disciplined.benchmark.wording import TITLES, about, commands, medians, spread, stem

SWEEPS = {  # what is to be known of each kind's ways
    "launchers": "Our jobs are processes of their own, forked from one that has imported torch; "
    "Hydra's basic launcher trains in its own process, joblib's workers import torch each.",
    "clusters": "A Slurm of two nodes on this one host, whose cores they share. An allocation "
    "imports torch once for all of its runs; bare submitit's jobs do nothing.",
    "ray": "Our jobs are processes of their own, forked from one that has imported torch, one for "
    "each of Ray's workers; bare Ray's workers import torch each and train in their own process. A "
    "Ray of two cores is started and ended with each sweep.",
}


def sweeps(found: dict[str, Any]) -> str:
    """The table of sweeps by several launchers."""
    head = ["launcher", "jobs", "at once", "seconds in all", "of these training"]
    head.append("a job's seconds besides training")
    rows = [head, ["---"] * len(head)]
    for case in found["cases"]:
        for ways in case["sweeps"]:
            one = ways[0]
            row = [one["name"], str(one["jobs"]), str(one["at_once"])]
            row += [f"{statistics.median(w[k] for w in ways):.0f}" for k in ("wall", "training")]
            outside = sorted(w["outside"] for w in ways)
            among = f" [{outside[0]:.2f}, {outside[-1]:.2f}]" if len(outside) > 1 else ""
            rows.append([*row, f"{statistics.median(outside):.2f}{among}"])
    return "\n".join(
        [
            f"## {TITLES[found['what']]} ({found['device']})",
            "",
            *(f"| {' | '.join(row)} |" for row in rows),
            "",
            "From the command to its end, imports and all; training is the time of the jobs' "
            f"updates over the jobs at once. {SWEEPS[found['what']]}",
            "",
            about(found) + medians(found) + ".",
            "",
            commands(found),
        ]
    )


def profiles(found: dict[str, Any]) -> str:
    """The table of shares of an update's time."""
    kinds = list(found["cases"][0]["shares"])
    rows = [["network, total batch", *kinds], ["---"] * (len(kinds) + 1)]
    for case in found["cases"]:
        rows.append([case["name"], *(f"{case['shares'][kind]:.0%}" for kind in kinds)])
    return "\n".join(
        [
            f"## {TITLES[found['what']]} ({found['device']})",
            "",
            *(f"| {' | '.join(row)} |" for row in rows),
            "",
            "Of the time within operations, forwards and backwards, in the bare loop under "
            "torch's profiler.",
            "",
            about(found),
            "",
            commands(found),
        ]
    )


def finders(found: dict[str, Any]) -> str:
    """The table of range tests, with its protocol."""
    seeds = spread(case["rounds"] for case in found["cases"])
    return "\n".join(
        [
            f"## {TITLES[found['what']]} ({found['device']})",
            "",
            f"![test error of 1cycle, and the rates suggested]({stem(found)}.png)",
            "",
            *(f"| {' | '.join(row)} |" for row in table.rows(found)),
            "",
            f"{seeds} seeds. Rates: median [lowest, highest]. Accuracy on the test set: mean ± "
            "std. Differences in points, paired within seeds, 95 % intervals; in bold those that "
            "stay decided after Holm's correction for all of the table's. Near: seeds within a "
            "point of the grid's best rate. Images read: training + validation, medians.",
            "",
            PROTOCOL,
            "",
            about(found),
            "",
            commands(found),
        ]
    )


def ledgers(found: dict[str, Any]) -> str:
    """The table of commands over large ledgers."""
    cases = sorted(found["cases"], key=lambda case: case["records"])
    return "\n".join(
        [
            f"## {TITLES[found['what']]} ({found['device']})",
            "",
            *(f"| {' | '.join(row)} |" for row in ledger_table.rows(cases)),
            "",
            "Seconds from the command to its end, imports and all (in brackets the processors'), "
            "and the most memory that one of its processes held; files in the system's cache. A "
            "further record: processor time between the last two sizes. The records are LeNet's on "
            "MNIST, made by the project's own writer without training: "
            f"{cases[-1]['files']} files and {cases[-1]['bytes'] / 1000:.1f} kB each.",
            "",
            about(found),
            "",
            commands(found),
            ledger_table.CLUSTER,
        ]
    )


def several_nodes(found: dict[str, Any]) -> str:
    """The table of runs over several nodes."""
    return "\n".join(
        [
            f"## {TITLES[found['what']]} ({found['device']})",
            "",
            f"![curves]({stem(found)}.png)",
            "",
            *(f"| {' | '.join(row)} |" for row in nodes.rows(found)),
            "",
            "The largest difference over all rows of `metrics.csv`: of losses relative, of "
            "accuracies in points. The nodes are two agents of torchrun on one machine, a process "
            "each; batch norm, where there is any, in four groups. Sums over two halves of a batch "
            "round otherwise than over the whole: the first rows differ in their last bits, later "
            "ones by what training makes of that. The control is one process that takes the same "
            "halves one after the other (trainer.accumulate=2): it is apart from one process by "
            "rounding alone, and what the second node adds is its distance from the control.",
            "",
            about(found),
            "",
            commands(found),
        ]
    )
