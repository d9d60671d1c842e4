"""Train one network with one policy, or a sweep of them with -m.   python train.py --help

Owns its process: a user's mistake is one line and status 2, a divergence status 3, a fault status 1
with its traceback, SIGINT 130 and SIGTERM 143. Torch is imported only to train.
"""

import sys

from disciplined import command_line
from disciplined.ending import DIVERGED, DONE
from disciplined.training import config, words
from disciplined.training.own_code import notice, own_code
from disciplined.training.planning import plan
from disciplined.training.record import Record


def main(arguments: list[str]) -> int:
    """The command; returns its exit status."""
    if {"--help", "-h"} & set(arguments):
        print(config.help_text())
        return 0
    if {"--multirun", "-m"} & set(arguments):
        from disciplined.sweeps import sweep

        return sweep.main([a for a in arguments if a not in ("--multirun", "-m")])
    cfg = config.compose(arguments)
    asked = plan(cfg)
    if cfg.dry_run:
        print(words.dry_run(cfg, asked))
        return 0
    done = Record(asked.folder).finished()
    if done and not cfg.force:
        print(words.already(done, asked))
        if said := notice(own_code(cfg), [done]):
            print(said, file=sys.stderr)
        return DONE if done["status"] == "done" else DIVERGED
    from disciplined.training.run import run

    return run(cfg)


if __name__ == "__main__":
    command_line.run(main)
