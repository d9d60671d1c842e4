"""The page put together and written: `<output_dir>/published/index.html`.

Style and behaviour are in it, pictures lie beside it by relative path, and nothing is fetched
from elsewhere: it opens from a folder as from a server. The same records give the same page.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from disciplined.studies.page import advice, front, momentum
from disciplined.studies.page.elements import Html, element, link
from disciplined.studies.page.material import DRAWN, NOT_RUN, VERDICTS, Material, gather
from disciplined.studies.page.section import section
from disciplined.studies.page.settings import DATA
from disciplined.training.record import write

HERE = Path(__file__).parent
TITLE = "Leslie Smith’s learning-rate papers, reproduced and judged"


def page(published: Path) -> tuple[Path, str]:
    """Write the page of what is in the folder `published`; its file and its summary line."""
    materials = gather(published)
    published.mkdir(parents=True, exist_ok=True)
    write(published / "index.html", document(materials))
    return published / "index.html", front.summary_line(materials)


def document(materials: Sequence[Material]) -> str:
    """The whole page."""
    body = [
        link("#content", "Skip to the content", class_="skip"),
        element(
            "header",
            element("p", "disciplined", class_="running"),
            element("h1", TITLE),
            element(
                "p",
                "Every figure, table and claim of three papers, and of four tutorials: one command "
                "makes each again, lays it over the author’s own training logs and judges it by "
                "statistics fixed beforehand. What has been run so far is here.",
                class_="abstract",
            ),
            element(
                "p",
                front.summary_line(materials).rpartition("; ")[2],
                ".",
                class_="dates",
            ),
            contents(),
        ),
        element(
            "main",
            front.came_back(materials),
            front.primary_claims(materials),
            momentum.section(materials),
            advice.section(materials),
            studies(materials),
            id="content",
        ),
        element(
            "footer",
            element(
                "p",
                "Made by ",
                element("code", "python scripts/reproduce.py page"),
                " from the study files and what is published beside this page. Verdicts are at "
                "95 %: direction by Welch’s interval beyond a margin, equality by two one-sided "
                "tests, a number by its prediction interval; fewer than three seeds decide "
                "nothing. A claim stands at the longest scale that settles it: whole runs, or a "
                "tenth of their iterations. Published numbers, the author’s curves, levels that "
                "are passed and arms of unlike length are judged by whole runs only.",
            ),
        ),
    ]
    head = [
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="description", content=front.summary_line(materials)),
        element("title", f"disciplined: {TITLE}"),
        # An icon of its own, or the browser asks for one.
        element("link", rel="icon", href="data:,"),
        element("style", Html((HERE / "style.css").read_text())),
    ]
    script = element("script", Html((HERE / "behaviour.js").read_text()))
    html = element("html", element("head", head), element("body", body, script), lang="en")
    return f"<!doctype html>\n{html}\n"


def contents() -> Html:
    """Where to go."""
    places = (
        ("came-back", "What came back"),
        ("primary", "The primary claims"),
        ("momentum", "Did cyclical momentum act?"),
        ("advice", "Does the advice hold?"),
        ("studies", "The studies"),
    )
    return element(
        "nav",
        element("ol", [element("li", link(f"#{id}", words)) for id, words in places]),
        aria_label="Contents",
    )


def studies(materials: Sequence[Material]) -> Html:
    """Every study, by paper, below the filters."""
    return element(
        "section",
        element("h2", "The studies"),
        element(
            "p",
            "Each line counts the verdicts on a study’s published numbers and on its claims; open "
            "it for the figure, the table and where everything comes from.",
        ),
        filters(materials),
        [one_paper(paper, materials) for paper in front.papers(materials)],
        element(
            "p",
            "No study is left by these filters. ",
            element("button", "Show all", type="button", data_reset=True),
            id="none",
            hidden=True,
        ),
        id="studies",
    )


def one_paper(paper: str, materials: Sequence[Material]) -> Html:
    """A paper's studies."""
    _, source, address = front.PAPERS.get(paper, ("", "", ""))
    found = [one for one in materials if one.paper == paper]
    return element(
        "section",
        element(
            "h3",
            front.paper_title(paper),
            element("span", link(address, source), class_="arxiv") if address else None,
        ),
        map(section, found),
        class_="paper",
        id=f"paper-{paper}",
    )


def filters(materials: Sequence[Material]) -> Html:
    """Search, four choices, and what is left by them."""
    data = list(dict.fromkeys(d for one in materials for d in one.data))
    there = {page.scale for one in materials for page in one.pages}
    scales = [s for s in ("paper", "short", DRAWN, NOT_RUN) if s in there]
    return element(
        "form",
        element(
            "label",
            element("span", "Search"),
            element("input", type="search", name="q", autocomplete="off", placeholder="any words"),
            class_="search",
        ),
        choice("paper", "Paper", ((p, front.paper_title(p)) for p in front.papers(materials))),
        choice("data", "Data", ((d, DATA.get(d, d)) for d in sorted(data, key=str.lower))),
        choice("verdict", "Verdict", ((v.replace(" ", "-"), v) for v in VERDICTS)),
        choice("scale", "Scale", ((s.replace(" ", "-"), front.SCALES.get(s, s)) for s in scales)),
        element(
            "p",
            element("output", f"{len(materials)} studies", id="count", aria_live="polite"),
            element(
                "span",
                element("button", "Open all", type="button", data_open=True),
                element("button", "Close all", type="button", data_close=True),
                element("button", "Clear", type="button", data_reset=True),
                class_="buttons",
            ),
            class_="left",
        ),
        id="filters",
        role="search",
        aria_label="Filter the studies",
    )


def choice(name: str, words: str, options: Iterable[tuple[str, str]]) -> Html:
    """One choice among values, or all."""
    return element(
        "label",
        element("span", words),
        element(
            "select",
            element("option", "all", value=""),
            [element("option", told, value=value) for value, told in options],
            name=name,
        ),
    )
