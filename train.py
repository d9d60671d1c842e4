"""Train one network with one policy, or a sweep of them with -m.   python train.py --help

Owns its process: a user's mistake is one line and status 2, a divergence status 3, a fault status 1
with its traceback, SIGINT 130 and SIGTERM 143. Torch is imported only to train.
"""

import os
import sys

from omegaconf import DictConfig

from disciplined import command_line
from disciplined.ending import DIVERGED, DONE
from disciplined.training import config, launch, words
from disciplined.training.own_code import notice, own_code
from disciplined.training.planning import Plan, plan
from disciplined.training.record import Record


def main(arguments: list[str]) -> int:
    """The command; returns its exit status."""
    if {"--help", "-h"} & set(arguments):
        print(config.help_text())
        return 0
    if {"--multirun", "-m"} & set(arguments):
        from disciplined.sweeps import sweep

        return sweep.main([a for a in arguments if a not in ("--multirun", "-m")])
    started = launch.found(arguments)
    if started.size == 1:
        return one(arguments, launch.Ranks(started))
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")  # no traces of connections that end
    from disciplined.training.joined import Joined

    with Joined(started) as ranks:
        return ranks.left(one(arguments, ranks))


def one(arguments: list[str], ranks: launch.Ranks) -> int:
    """One run, of one process or of those that were started together."""

    def asked_for() -> tuple[DictConfig, Plan]:
        cfg = config.compose(arguments)
        return cfg, plan(cfg)

    cfg, asked = ranks.in_turn(asked_for)
    if cfg.dry_run:
        if ranks.leads:
            print(words.dry_run(cfg, asked))
        return 0
    if (status := ranks.decided(lambda: before(cfg, asked))) is not None:
        return status
    ranks.agreed(lambda: ranks.launch.check(cfg))
    from disciplined.training.run import run

    return run(cfg, ranks=ranks)


def before(cfg: DictConfig, asked: Plan) -> int | None:
    """The status of a run that is done, which it shows; None where there is something to train."""
    done = Record(asked.folder).finished()
    if not done or cfg.force:
        return None
    print(words.already(done, asked))
    if said := notice(own_code(cfg), [done]):
        print(said, file=sys.stderr)
    return DONE if done["status"] == "done" else DIVERGED


if __name__ == "__main__":
    command_line.run(main)
