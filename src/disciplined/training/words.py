"""What a run says in words: before it (`dry_run=true`) and at its end. No torch."""

from typing import Any

from omegaconf import DictConfig, OmegaConf

from disciplined.mistakes import Mistake
from disciplined.training.config import CONF
from disciplined.training.planning import Plan


def schedules(asked: Plan) -> list[str]:
    """Rate, momentum, decay and clipping, if any, over the run, a line each."""
    per_epoch = asked.iterations_per_epoch
    return [
        f"rate          {asked.learning_rate.describe(per_epoch)}",
        f"momentum      {asked.momentum.describe(per_epoch)}",
        f"weight decay  {asked.weight_decay.describe(per_epoch)}",
        *([f"clipping      {asked.clipping.describe(per_epoch)}"] if asked.clipping else []),
    ]


def beginning(asked: Plan, first: int = 0) -> str:
    """The run in words: schedules, iterations, epochs, images and the record's folder.

    first: the updates that an earlier process made.
    """
    resuming = [f"resuming      behind update {first:,}, from its checkpoint"] if first else []
    return "\n".join(
        [
            *schedules(asked),
            *resuming,
            f"length        {asked.iterations:,} iterations of {asked.total_batch_size} images = "
            f"{asked.epochs:.4g} epochs of {asked.train_images:,} = {asked.images:,} images",
            f"record        {asked.folder}",
        ]
    )


def published(trained: str) -> list[dict[str, Any]]:
    """The accuracies published for what a run trains (`Plan.trained`): `conf/published.yaml`."""
    path = CONF / "published.yaml"
    if not path.is_file():
        return []
    found = OmegaConf.to_container(OmegaConf.load(path))
    assert isinstance(found, dict)
    told = [e for e in found.get(trained, []) if e["metric"].endswith("accuracy")]
    # a later table may print the same number again
    once = {(e["metric"], e["at"], e["value"], e["std"]): e for e in reversed(told)}
    return list(once.values())[::-1]


def ending(summary: dict[str, Any], asked: Plan, *, forced: bool = False) -> str:
    """Final and best values, time, folder, and the published value where the run is one."""
    result, machine = summary["result"], summary["machine"]
    lines = []
    if summary["status"] == "diverged":
        lines.append(
            f"diverged: the loss after {result['diverged_at']:,} updates is not finite "
            f"(rate {asked.learning_rate.value(max(0, result['diverged_at'] - 1)):.4g})"
        )
    elif summary["status"] != "done":
        lines.append(
            f"{summary['status']} after {result['iteration']:,} of {asked.iterations:,} updates; "
            f"the same command{' without force=true' * forced} goes on from there"
        )
    final, best = result["final"], result["best"]
    for split, word in (("test", "test"), ("val", "validation"), ("train", "training")):
        accuracy, loss = f"{split}_accuracy", f"{split}_loss"
        said = [
            f"{measure} {form.format(final[name])} (best {form.format(best[name])})"
            for measure, name, form in (("accuracy", accuracy, "{:.2%}"), ("loss", loss, "{:.4f}"))
            if name in final  # a diverged run's loss may not be
        ]
        if said:
            lines.append(f"{word:<11} {'  '.join(said)}")
    if (share := result.get("majority")) is not None:
        lines.append(
            f"majority    {share:.2%} of the test set is one class: what always saying it scores"
        )
    for found in published(asked.trained):
        ours = final.get(found["metric"])
        deviation = f" ± {found['std']:.2%}" if found.get("std") is not None else ""
        here = f"; here {ours:.2%}, {100 * (ours - found['value']):+.2f} points" if ours else ""
        lines.append(
            f"published   {found['value']:.2%}{deviation} ({found['study']}, {found['arm']}){here}"
        )
    lines.append(
        f"{machine['wall_seconds']:.1f} s, {machine['images_per_second']:,.0f} images/s of "
        f"training on {machine['device']} ({machine['hardware']})"
    )
    lines.append(f"record      {asked.folder}")
    return "\n".join(lines)


def already(summary: dict[str, Any], asked: Plan) -> str:
    """What is said of a run that is done: its result, and how to train it again."""
    return ending(summary, asked) + "\n(done before; force=true trains it again)"


def dry_run(cfg: DictConfig, asked: Plan) -> str:
    """Everything resolved, and the schedule as `schedule.csv` and `schedule.png` in the record."""
    import numpy as np

    from disciplined.training import preview

    try:
        preview.write(asked, np.arange(asked.iterations))
    except OSError as error:
        raise Mistake(f"output_dir={cfg.output_dir}: cannot be written to ({error})") from error
    return OmegaConf.to_yaml(cfg) + "\n" + beginning(asked)
