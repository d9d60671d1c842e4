"""The papers' checklist on any model and data set, a step at a time; only validation decides.

    python scripts/tune.py step=lr model=lenet dataset=mnist [seeds=3] [jobs=2]
                           [shape=exponential|linear] [low=1e-5] [high=10]
    python scripts/tune.py step=momentum ... [values=0.9,0.95,0.97,0.99] schedule.max_lr=0.1
    python scripts/tune.py step=sensitivity ... [values=1e-4,1e-3,1e-2,1e-1,1]
    python scripts/tune.py step=weight_decay ... [values=1e-4,1e-3,1e-2] [snapshot=false]
    python scripts/tune.py step=batch ... [values=32,64,128,256]

`lr`: a range test, and the rates read off it; the average of the papers' batch norm is shortened to
a point's updates for it, other networks' is as it is. `momentum`: short runs, the rate rising, a
constant momentum each. `sensitivity`: a constant rate each, over decades. `weight_decay`: one run
to its middle, from there a run for each value; `snapshot=false` gives each a whole short run.
`batch`: a few updates at each total batch size, for time and memory.

Everything else is `train.py`'s: model=, dataset=, recipe=, duration=, output_dir=, ... Short runs
have four epochs and 200 updates at least. A tenth of the training images is held out unless
dataset.validation says how many. Three seeds tell what is beyond the noise. `dry_run=true` says
what would be run. Runs are records under <output_dir>/runs; the same command again trains only what
is missing. Table and picture go to <output_dir>/tuning.
Status: 0, 1 a run failed, 2 a mistake, 3 nothing could be read off (all diverged, or no rate stands
out), 130/143.
"""

import sys
from dataclasses import fields
from pathlib import Path

from disciplined import command_line
from disciplined.ending import DIVERGED, DONE
from disciplined.tuning.checklist import facts, options, running, showing, steps, tables
from disciplined.tuning.checklist.options import Options

OWN = [f.name for f in fields(Options)]


def main(arguments: list[str]) -> int:
    """The command; returns its status."""
    if not arguments or {"-h", "--help"} & set(arguments):
        print(__doc__)
        return DONE
    own = [a for a in arguments if a.partition("=")[0] in OWN]
    overrides = [a for a in arguments if a not in own]
    chosen = command_line.settings(Options, own)
    options.check(chosen, overrides)
    from disciplined.training.config import compose  # Hydra's imports take half a second

    cfg = compose([*steps.groups(chosen, overrides), *overrides])
    known = facts.of(cfg, overrides)
    name = tables.NAMES[chosen.step] + " up to" * (chosen.step == "lr")
    waves = running.placed(steps.planned(chosen, overrides, known), name)
    if not cfg.dataset.validation:
        print(
            f"{known.validation:,} of {cfg.dataset.train_images:,} training images are held out "
            "to decide (dataset.validation=)",
            file=sys.stderr,
        )
    if chosen.dry_run:
        print(showing.plan_text(waves, Path(cfg.output_dir)))
        return DONE
    ended = running.train(waves, chosen.jobs, until_full=chosen.step == "batch")
    if ended.stopped:
        return ended.status
    text, found = showing.shown(chosen, overrides, known, waves, ended.too_large)
    print(text)
    return ended.status or (DONE if found else DIVERGED)


if __name__ == "__main__":
    command_line.run(main)
