"""Where a study's part of the page comes from: command, records, registration, machine, files."""

from disciplined.columns import hardware
from disciplined.studies.page.elements import Html, element, items, link, text
from disciplined.studies.page.front import SCALES, precision_words
from disciplined.studies.page.material import Material

LISTED = 24  # records beyond this many are counted, not listed


def origin(one: Material) -> Html:
    """Command, records, registration, machine, files."""
    lines: list[Html] = [entry("Command", element("code", one.command, class_="command"))]
    if one.runs:
        scale = SCALES[one.scale]
        lines.append(entry("Records", text(f"{one.runs}, {scale}", records(one))))
        lines.append(entry("Study file", one.told["registered"]))
        made = [
            f"{row['records']} × {hardware(row['hardware'])}, {precision_words(row['precision'])}, "
            f"{row['date']}"
            for row in one.told["made"]
        ]
        lines.append(entry("Made on", text([element("span", m, class_="line") for m in made])))
        versions = ", ".join(f"{name} ({n})" for name, n in sorted(one.told["code"].items()))
        lines.append(entry("Code", versions))
    elif one.study.trains:
        seeds = one.study.seeds["paper"]
        runs = len(one.study.arms) * seeds
        lines.append(entry("Records", f"none; {runs} runs wait, {seeds} seeds an arm"))
    files = [link(f"{one.place}/{name}", name) for name in one.files()]
    if files:
        lines.append(entry("Files", text([element("span", f, class_="file") for f in files])))
    return element("dl", lines, class_="origin")


def entry(words: str, told: str) -> Html:
    """A line of where it comes from."""
    return element("div", element("dt", words), element("dd", told))


def records(one: Material) -> Html | None:
    """Every record by arm and seed, where they are not too many to name."""
    if one.runs > LISTED:
        return None
    lines = []
    for arm, keys in one.records.items():
        seeds = one.told.get("seeds", {}).get(arm) or range(len(keys))
        links = [
            text(" ", link(f"{place}/metrics.csv", str(seed)))
            for seed, key in zip(seeds, keys, strict=False)
            for place, folder in [one.record(key)]
            if (folder / "metrics.csv").is_file()
        ]
        lines.append(text(one.study.label(arm), ": seed", links))
    return items(lines, class_="records")
