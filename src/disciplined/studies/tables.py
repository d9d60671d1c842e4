"""The table of a study: published, the author's log, ours, the difference, the verdict."""

import csv
import io
import math
from collections.abc import Sequence

from disciplined.columns import aligned, shown
from disciplined.studies.author import Log
from disciplined.studies.judging import readings
from disciplined.studies.judging.choosing import Chosen, Standing
from disciplined.studies.judging.effects import Effect
from disciplined.studies.judging.evidence import CONTRADICTED, INCONCLUSIVE, amount, bare, differing
from disciplined.studies.judging.judge import Judged, Judgement
from disciplined.studies.judging.numbers import Number
from disciplined.studies.study import Published, Study
from disciplined.style import words

HEADER = ("arm", "metric", "published", "author's log", "ours (n)", "difference", "number")

RATES = ("schedule.lr", "schedule.max_lr", "schedule.base_lr")


def metric_words(metric: str) -> str:
    """A metric with its unit."""
    return metric.replace("_", " ") + (" (%)" if metric.endswith("accuracy") else "")


def printed(published: Published) -> str:
    """A published value with the digits it was printed with."""
    if published.std is None and published.metric.endswith("accuracy"):
        return f"{100 * published.value:.4g}"
    fine = published.std is not None and published.std < 0.001
    return shown(published.value, published.metric, published.std, 2 if fine else 1)


def cells(study: Study, row: Number) -> list[str]:
    """A row as text."""
    label = study.label(row.arm)
    if row.reading_of:
        label += f" (read as {row.reading_of})"
    published = row.published
    # A log speaks for the row it was made for, not for another reading of it.
    log = None if row.reading_of else row.log_final
    ours = shown(row.mean, row.metric, row.std)
    runs = f"{row.n}, {row.without}" if row.without else f"{row.n}"
    verdict = row.verdict.verdict if published else ""
    if row.interval:
        low, high = (shown(end, row.metric) for end in row.interval)
        verdict += f" [{low}, {high}]"
    if row.verdict.detectable is not None and row.verdict.verdict != CONTRADICTED:
        # a number that comes back was only not rejected: a noisy arm passes easily
        verdict += f" ({row.verdict.sensitivity()})"
    return [
        label,
        metric_words(row.metric),
        printed(published) if published else "",
        shown(log, row.metric),
        f"{ours} ({runs})" if ours else row.without,
        amount(row.difference, row.metric, sign=True) if row.difference is not None else "",
        verdict,
    ]


def reading_lines(study: Study, numbers: Sequence[Number], logs: dict[str, Log]) -> list[str]:
    """How likely each published number is under each way it may have been run, the likeliest as 1
    (`likelihood`: all else equal)."""
    lines = []
    for row, ways in readings.by_arm(study, numbers, logs):
        assert row.published
        top = max(ways.values())
        names = dict(zip(ways, differing([study.label(arm) for arm in ways]), strict=True))
        told = "; ".join(f"{names[arm]}, {share(v - top)}" for arm, v in ways.items())
        lines.append(
            f"{study.label(row.arm)}, {metric_words(row.metric)} {printed(row.published)}. "
            f"Relative likelihood by what was run: {told}."
        )
    return lines


def share(log: float) -> str:
    """A likelihood as a share of the greatest, from the logarithm of that."""
    return f"{math.exp(log):.2g}" if log > math.log(1e-6) else "under a millionth"


def not_shown(rows: Sequence[Number], others: int = 0) -> str:
    """What the table leaves out, in words: rows with nothing to tell (whole grids of rates), and
    `others` that are other readings of rows, not run either."""
    bare = sum(row.empty for row in rows)
    parts = [f"{bare} row{'s' * (bare > 1)} without a published value"] * bool(bare)
    parts += [f"{others} other reading{'s' * (others > 1)} of these"] * bool(others)
    return f"Not run and not shown: {', '.join(parts)}" if parts else ""


def markdown(study: Study, judgement: Judgement) -> str:
    """The table in Markdown, below it what it leaves out."""
    told = [row for row in judgement.numbers if not row.empty]
    told.sort(key=lambda row: not row.n)  # what was run stands first
    lines = [f"| {' | '.join(row)} |\n" for row in [HEADER, *(cells(study, row) for row in told)]]
    lines.insert(1, f"|{'|'.join(['---'] * len(HEADER))}|\n")
    words = not_shown(judgement.numbers)
    parts = ["".join(lines)] * bool(told) + [f"{words}.\n"] * bool(words)
    return "\n".join(parts)


def text(study: Study, judgement: Judgement) -> str:
    """The table for a terminal, columns aligned, below it what it leaves out."""
    told = [cells(study, row) for row in judgement.numbers if not row.empty]
    words = not_shown(judgement.numbers)
    return "\n".join([aligned([list(HEADER), *told])] * bool(told) + [words] * bool(words))


def comma_separated(study: Study, judgement: Judgement) -> str:
    """The table as CSV, numbers as they are (accuracies as fractions)."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(
        (
            *("arm", "label", "reading_of", "metric"),
            *("published", "published_std", "published_n"),
            *("author_log", "mean", "std", "n", "without", "difference"),
            *("verdict", "statistic", "detectable"),
        )
    )
    for r in judgement.numbers:
        p = r.published
        writer.writerow(
            "" if v is None else v
            for v in (
                *(r.arm, study.label(r.arm), r.reading_of, r.metric),
                *((p.value, p.std, p.n) if p else (None, None, None)),
                *(r.log_final, r.mean, r.std, r.n, r.without, r.difference),
                *(r.verdict.verdict, r.verdict.statistic, r.verdict.detectable),
            )
        )
    return out.getvalue()


def effect_line(effect: Effect) -> str:
    """A factor's effect, or an interaction, in one line."""
    low, high = effect.found.interval() if effect.found.df else (float("nan"), float("nan"))
    value = amount(effect.found.value, effect.metric, sign=True)
    between = f"[{bare(low, effect.metric)}, {bare(high, effect.metric)}]"
    return (
        f"{' × '.join(effect.of)}: {value} {between} "
        f"({effect.metric.replace('_', ' ')}, {effect.runs} runs)"
    )


def chosen_lines(study: Study, judgement: Judgement) -> list[str]:
    """Which arm each choice fell on, as Markdown."""
    return [f"* {chosen_line(study, name, one)}" for name, one in judgement.chosen.items()]


def chosen_line(study: Study, name: str, chosen: Chosen) -> str:
    """Which arm a choice fell on, by how many seeds and how far before the next, in one line."""
    choice = study.chosen[name]

    def told(one: Standing) -> str:
        return f"{study.label(one.arm)} {shown(one.mean, choice.by, one.std)}"

    line = (
        f"{study.label(name)}: {told(chosen.first)}, of {len(choice.among)} by "
        f"{metric_words(choice.by)} over {chosen.seeds} seed{'s' * (chosen.seeds > 1)}"
    )
    if chosen.second:
        line += f"; next {told(chosen.second)}"
    elif len(choice.among) > 1:
        line += "; the others diverged"
    tried = ["rates" if key in RATES else f"values of {words(key)}" for key in chosen.edges]
    if tried:
        ends = " and ".join(dict.fromkeys(tried))
        line += f"; at the edge of the {ends} tried: the best may lie beyond"
    return line


def claim_line(judged: Judged) -> str:
    """A claim's verdict in one line."""
    claim, verdict = judged.claim, judged.verdict
    line = f"{verdict.word}: {claim.says}"
    if claim.primary:
        line += " (primary)"
    line += f" — {verdict.statistic}"
    if verdict.verdict == INCONCLUSIVE:
        line += f"; {verdict.sensitivity()}"
    return line
