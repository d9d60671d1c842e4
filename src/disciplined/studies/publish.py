"""What the project stands by: records, figure, table and verdicts of a study, small to commit.

A clone redraws and judges from there (`disciplined.studies.published` says where that is).
`remarks.md` beside a page is written by hand (why a number did not come back, what was tried) and
is put at its end.
"""

import json
import shutil
from collections import Counter
from collections.abc import Collection
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from disciplined.columns import hardware
from disciplined.studies import author, tables
from disciplined.studies.judging.calibration import Rate
from disciplined.studies.judging.judge import Judgement
from disciplined.studies.ledger import Result
from disciplined.studies.published import SHORT, VERDICTS, WHOLE, has_runs, page_folder
from disciplined.studies.study import Study
from disciplined.training.record import write
from disciplined.untrusted import parsed

FIGURE = ("figure.svg", "figure.png")
# What is written beside each other, and the hand-written remarks.
PAGE = (*FIGURE, "table.csv", "table.md", VERDICTS, "README.md")
REMARKS = "remarks.md"


def publish(
    study: Study,
    judgement: Judgement,
    results: dict[str, list[Result]],
    rates: list[Rate],
    drawn: list[Path],
    folder: Path,
    beside: Collection[str] = (),
) -> Path:
    """Write the page of a scale and its records into the study's folder; return the page.

    Records of other runs are left alone. A page without any, which has the author's curves alone,
    gives way to one of a tenth of the iterations. beside: the scales that have records.
    """
    for result in (r for found in results.values() for r in found):
        copy_record(result, folder / "records" / result.run.key)
    stands = page_folder(folder, judgement.scale)
    stands.mkdir(parents=True, exist_ok=True)
    for name in FIGURE:
        (stands / name).unlink(missing_ok=True)  # of an earlier drawing, which may have had more
    if stands != folder and any(results.values()) and not has_runs(folder):
        if (folder / REMARKS).is_file() and not (stands / REMARKS).exists():
            (folder / REMARKS).rename(stands / REMARKS)
        withdraw(folder)
    for file in drawn:
        shutil.copyfile(file, stands / file.name)
    return report(study, judgement, results, rates, stands, beside)


def withdraw(folder: Path) -> None:
    """Take a page away; hand-written remarks and records stay."""
    for name in PAGE:
        (folder / name).unlink(missing_ok=True)


def report(
    study: Study,
    judgement: Judgement,
    results: dict[str, list[Result]],
    rates: list[Rate],
    folder: Path,
    beside: Collection[str] = (),
) -> Path:
    """Write table, verdicts and page into a folder and return the page."""
    folder.mkdir(parents=True, exist_ok=True)
    write(folder / "table.csv", tables.comma_separated(study, judgement))
    write(folder / "table.md", tables.markdown(study, judgement))
    write(folder / VERDICTS, json.dumps(verdicts(judgement, results, rates), indent=1) + "\n")
    write(folder / "README.md", page(study, judgement, results, rates, folder, beside))
    return folder / "README.md"


def copy_record(result: Result, folder: Path) -> None:
    """The small files of a record."""
    if result.folder.resolve() == folder.resolve():
        return
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("summary.json", "metrics.csv", "curvature.csv"):
        if (result.folder / name).is_file() or name != "curvature.csv":
            shutil.copyfile(result.folder / name, folder / name)
    config = OmegaConf.create(parsed(result.folder / "config.yaml"))
    # Where one machine kept its files is nobody's business, and no part of the run's key.
    for key, usual in (
        ("data_dir", "data"),
        ("dataset.load.data_dir", "data"),
        ("output_dir", "outputs"),
    ):
        if OmegaConf.select(config, key) is not None:
            OmegaConf.update(config, key, usual)
    write(folder / "config.yaml", OmegaConf.to_yaml(config))


def verdicts(
    judgement: Judgement, results: dict[str, list[Result]], rates: list[Rate]
) -> dict[str, Any]:
    """The judgement with where and when its records were made."""
    return judgement.as_dict() | {
        "calibration": [vars(r) for r in rates],
        "seeds": {arm: [r.run.seed for r in found] for arm, found in results.items()},
        "records": {arm: [r.run.key for r in found] for arm, found in results.items()},
        "made": [dict(m) | {"records": n} for m, n in made(results).items()],
    }


def made(results: dict[str, list[Result]]) -> Counter[tuple[tuple[str, str], ...]]:
    """Records by hardware, precision and day."""
    counts: Counter[tuple[tuple[str, str], ...]] = Counter()
    for r in (r for found in results.values() for r in found):
        machine = r.summary.get("machine", {})
        on = (
            machine.get("hardware") if machine.get("device") in (None, "cpu") else machine["device"]
        )
        day = str(machine.get("date", ""))[:10]
        counts[
            (
                ("hardware", hardware(on)),
                ("precision", str(machine.get("precision"))),
                ("date", day),
            )
        ] += 1
    return counts


def page(
    study: Study,
    judgement: Judgement,
    results: dict[str, list[Result]],
    rates: list[Rate],
    folder: Path,
    beside: Collection[str] = (),
) -> str:
    """The study's page in Markdown. beside: the scales that have records and so a page."""
    runs = sum(map(len, results.values()))
    lines = [f"# {study.id}: {study.title}", "", f"Source: {study.source}.", ""]
    if (folder / FIGURE[0]).is_file():
        lines += [f"![figure]({FIGURE[0]})", ""]
    if judgement.numbers:
        lines.append(tables.markdown(study, judgement))
    if rates:
        lines += ["## The judge's false alarms", "", *(f"* {r.words()}" for r in rates), ""]
    for question, words in (
        ("as_published", "Claims as published"),
        ("fair", "Claims made fair"),
        ("open", "Our questions"),
    ):
        if found := judgement.of(question):
            lines += [f"## {words}", "", *(f"* {tables.claim_line(j)}" for j in found), ""]
    if judgement.effects:
        lines += ["## Effects", "", *(f"* {tables.effect_line(e)}" for e in judgement.effects), ""]
    if judgement.chosen:
        lines += ["## Chosen by validation", "", *tables.chosen_lines(study, judgement), ""]
    logs = {arm: author.log(name) for arm, name in study.author.items()}
    if told := tables.reading_lines(study, judgement.numbers, logs):
        lines += ["## Which reading?", "", *(f"* {line}" for line in told), ""]
    lines += ["## Records", ""]
    lines.append(f"* {runs} records at scale {judgement.scale}; study file {judgement.registered}.")
    for key, n in sorted(made(results).items()):
        where = dict(key)
        lines.append(f"* {n} × {where['hardware']}, {where['precision']}, {where['date']}")
    versions = ", ".join(f"{name} ({n})" for name, n in sorted(judgement.code.items()))
    lines += [f"* Fingerprint of the code that computed them (records): {versions}."] * bool(runs)
    seeds = {arm: [r.run.seed for r in found] for arm, found in results.items()}
    lines.append(f"* `{study.command(judgement.scale, seeds)}`")
    if judgement.scale == WHOLE and SHORT in beside:
        lines.append(f"* At a tenth of the iterations: [{SHORT}]({SHORT}/README.md).")
    if judgement.scale == SHORT and WHOLE in beside:
        lines.append("* Whole runs, which count where they were made: [above](../README.md).")
    for words, texts in (("Contradictions", study.contradictions), ("Notes", study.notes)):
        if texts:
            lines += ["", f"## {words}", "", *(f"* {t}" for t in texts)]
    remarks = folder / REMARKS
    if remarks.is_file():
        lines += ["", "## Remarks", "", remarks.read_text().strip()]
    return "\n".join(lines) + "\n"
