"""The page as a file: whole, closed, true to the verdict files, and made without torch."""

import json
import re
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest

from disciplined.columns import hardware
from disciplined.mistakes import Mistake
from disciplined.studies import index
from disciplined.studies.judging.judge import judge
from disciplined.studies.page import front, markdown, momentum, settings
from disciplined.studies.page.document import document
from disciplined.studies.page.elements import VOID, element, text
from disciplined.studies.page.material import Material, gather, joined, made, total
from disciplined.studies.page.section import section
from disciplined.studies.planning.speeds import cores
from disciplined.studies.publish import publish
from disciplined.studies.published import page_folder, read, told
from disciplined.studies.study import Choice
from disciplined.studies.study_file import ids, load

ROOT = Path(__file__).parents[2]
PUBLISHED = ROOT / "outputs" / "published"


class Reader(HTMLParser):
    """A strict reader: everything closed in order, attributes once; keeps ids, links, text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[tuple[str, str]] = []
        self.parents: set[tuple[str, str]] = set()
        self.words: list[str] = []
        self.pictures: list[dict[str, str | None]] = []
        self.headings: list[int] = []

    def handle_starttag(self, tag, attrs):
        told = dict(attrs)
        assert len(told) == len(attrs), f"{tag}: an attribute twice"
        self.parents.add((self.open[-1] if self.open else "", tag))
        if "id" in told:
            self.ids.append(told["id"] or "")
        for key in ("href", "src"):
            if key in told:
                self.links.append((tag, told[key] or ""))
        if tag == "img":
            self.pictures.append(told)
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert tag not in VOID
        assert self.open.pop() == tag, f"</{tag}> closes something else"

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("style", "script"):
            self.words.append(data)


def reader(html: str) -> Reader:
    found = Reader()
    found.feed(html)
    found.close()
    assert found.open == []
    return found


@pytest.fixture(scope="module")
def materials() -> list[Material]:
    return gather(PUBLISHED)


@pytest.fixture(scope="module")
def html(materials: list[Material]) -> str:
    return document(materials)


def test_everything_is_closed_and_where_it_may_be(html: str):
    found = reader(html)
    assert html.startswith("<!doctype html>\n<html lang=")
    assert len(found.ids) == len(set(found.ids))
    block = {"p", "ul", "ol", "div", "table", "section", "dl", "h2", "h3", "h5", "details"}
    inside = {(up, down) for up, down in found.parents if up in ("p", "span") and down in block}
    assert inside == set()
    assert {up for up, down in found.parents if down == "li"} <= {"ul", "ol"}
    assert {up for up, down in found.parents if down == "tr"} <= {"thead", "tbody"}
    steps = zip(found.headings, found.headings[1:], strict=False)
    assert all(after <= before + 1 for before, after in steps), "no heading level is skipped"
    assert found.headings[0] == 1 and found.headings.count(1) == 1


def test_every_link_and_picture_is_there_and_nothing_is_fetched(html: str):
    found = reader(html)
    assert found.links
    for tag, target in found.links:
        if target.startswith("https://"):
            assert tag == "a", f"{target} would be fetched"
        elif target.startswith("#"):
            assert unquote(target[1:]) in found.ids, target
        elif target != "data:,":
            assert not target.startswith("/") and (PUBLISHED / unquote(target)).is_file(), target
    for script in re.findall(r"<(?:script|style)>(.*?)</(?:script|style)>", html, re.DOTALL):
        assert "http" not in script and "@import" not in script and "url(" not in script
    for picture in found.pictures:
        assert picture["alt"] and picture["loading"] == "lazy"
        assert picture["width"] and picture["height"], "or the page jumps while it loads"
    figures = sorted(p.relative_to(PUBLISHED).as_posix() for p in PUBLISHED.glob("**/figure.png"))
    known = [file for file in figures if "/".join(file.split("/")[:2]) in ids()]
    assert sorted(str(p["src"]) for p in found.pictures) == known


def test_counts_are_those_of_the_verdict_files(materials: list[Material], html: str):
    claims: Counter[str] = Counter()
    numbers: dict[tuple, tuple[int, str]] = {}
    records: set[str] = set()
    for name in ids():
        study = load(name)
        files = (PUBLISHED / name / at / "verdicts.json" for at in (".", "short"))
        told, tenth = (
            json.loads(file.read_text()) if file.is_file() else {"claims": [], "numbers": []}
            for file in files
        )
        for one in (told, tenth):
            records |= {key for keys in one.get("records", {}).values() for key in keys}
        if study.planted:
            continue
        verdicts = {
            one["claim"]["id"]: one["verdict"]["verdict"]
            for one in (*tenth["claims"], *told["claims"])  # of whole runs, where there are any
            if one["verdict"]["verdict"] != "not run"
        }
        claims.update(verdicts.get(claim.id, "not run") for claim in study.claims)
        rows = {
            (n["arm"], n["metric"], n["published"]["at"]): (n["n"], n["verdict"]["verdict"])
            for n in told["numbers"]
            if n["published"] and n["reading_of"] is None
        }
        trainings = index.current()[name]["published"]
        for arm, printed in study.published.items():
            for p in printed:  # one of the same training counts once, by the most runs
                training = trainings.get(arm, [f"{name} {arm}"])[0]
                of = (training, p.metric, p.at, p.value, p.std)
                row = rows.get((arm, p.metric, p.at), (0, "not run"))
                if of not in numbers or row[0] > numbers[of][0]:
                    numbers[of] = row
    numbers_told = Counter(verdict for _, verdict in numbers.values())
    order = ("reproduced", "contradicted", "inconclusive", "not run")
    line = front.summary_line(materials)
    told_claims = ", ".join(f"{claims[v]} {v}" for v in order)
    told_numbers = ", ".join(f"{numbers_told[v]} {v}" for v in order)
    assert line.startswith(f"{claims.total()} claims: {told_claims}; ")
    assert f"; {numbers_told.total()} published numbers: {told_numbers}; " in line
    assert f"; {len(records):,} records of " in line
    assert made(materials).total() == len(records)
    words = " ".join(reader(html).words)
    assert re.sub(r"\s+", " ", f"● {claims['reproduced']} reproduced") in re.sub(r"\s+", " ", words)
    counted = [name for name in ids() if not load(name).planted]
    assert f"Of {claims.total()} claims in {len(counted)} studies" in words
    assert "planted, false" not in "".join(reader(momentum.section(materials)).words)
    for name in ids():
        assert f'id="{name}"' in html


def test_a_study_published_from_nothing(planted, recorded, tmp_path: Path):
    """One claim is false; labels and remarks with marks of HTML in them come out as text."""
    study = planted(("{a: the first}", '{a: "<b>first</b> & \\"best\\""}'))
    results = recorded(study, {"a": [0.80, 0.81, 0.82, 0.81], "b": [0.60, 0.61, 0.62, 0.61]})
    folder = tmp_path / "published" / "test" / "planted"
    publish(study, judge(study, "paper", results), results, [], [], folder)
    (folder / "remarks.md").write_text("Why <script>alert(1)</script> & `x < y`\n\n* one\n* two\n")
    made_of = Material(
        study, ["digits"], ["x"], "test/planted", folder, read(folder / "verdicts.json")
    )
    html = section(made_of)
    found = reader(html)
    words = " ".join("".join(found.words).split())
    assert "contradictedb is more accurate than a." in words
    assert "reproduceda is more accurate than b." in words
    assert '<b>first</b> & "best"' in words and "<b>" not in html
    assert "<script>" not in html and "alert(1)" in words
    assert "8, whole runs" in words and "a hand, fp32, 2026-01-02" in words
    assert 'data-verdicts="' in html and "contradicted" in html.partition(">")[0]
    links = [target for _, target in found.links if target.endswith("metrics.csv")]
    assert len(links) == 8
    assert all((tmp_path / "published" / target).is_file() for target in links)
    page = reader(document([made_of]))
    assert "2 claims: 1 reproduced, 1 contradicted" in front.summary_line([made_of])
    assert "test/planted" in page.ids


def both_scales(study, recorded, published: Path, whole, tenth) -> Material:
    """The study as the page finds it, published at both scales from these final accuracies."""
    pages = []
    for scale, finals in (("paper", whole), ("short", tenth)):
        results = recorded(study, finals, scale=scale)
        publish(study, judge(study, scale, results), results, [], [], published / study.id)
        stands = page_folder(published / study.id, scale)
        place = stands.relative_to(published).as_posix()
        pages.append(Material(study, ["digits"], ["x"], place, stands, told(stands)))
    return joined(*pages)


def test_a_claim_stands_at_the_longest_scale_that_settles_it(planted, recorded, tmp_path: Path):
    """Both claims read a and b; of whole runs only a is there, of a tenth both."""
    tenth = {"a": [0.70, 0.71, 0.72], "b": [0.50, 0.51, 0.52]}
    both = both_scales(planted(), recorded, tmp_path, {"a": [0.80, 0.81, 0.82]}, tenth)
    verdicts = {(one.scale, judged.verdict.verdict) for one, judged in both.settled}
    assert verdicts == {("short", "reproduced"), ("short", "contradicted")}
    counts = both.counts()
    assert counts["short", "as_published", "reproduced"] == 1
    assert all(scale != "short" for scale, question, _ in counts if question == "number")
    assert made([both]).total() == 9
    html = section(both)
    words = " ".join("".join(reader(html).words).split())
    assert 'data-scale="paper short"' in html and "short:contradicted:1" in html.partition(">")[0]
    assert re.search("contradictedb is more accurate than a.primary ?a tenth of the iter", words)
    assert "whole runs and a tenth of the iterations" in words
    links = [target for _, target in reader(html).links if target.endswith("metrics.csv")]
    assert len(links) == 9 and all((tmp_path / target).is_file() for target in links)
    assert front.primary_claims([both]).count("a tenth of the iterations</span>") == 2


def test_one_whole_seed_does_not_hide_what_three_of_a_tenth_say(planted, recorded, tmp_path: Path):
    short = {"a": [0.70, 0.71, 0.72], "b": [0.50, 0.51, 0.52]}
    one = both_scales(planted(), recorded, tmp_path, {"a": [0.8], "b": [0.7]}, short)
    assert {page.scale for page, _ in one.settled} == {"short"}


def test_a_number_that_two_studies_print_counts_once_by_whole_runs(planted, recorded, tmp_path):
    """One has three runs of a tenth, which say nothing of it, the other three whole ones."""
    study = planted()
    finals = {"a": [0.80, 0.81, 0.82], "b": [0.70, 0.71, 0.72]}
    both = []
    for name, scale in (("one", "short"), ("other", "paper")):
        results = recorded(study, finals, scale=scale)
        folder = tmp_path / name / study.id
        publish(study, judge(study, scale, results), results, [], [], folder)
        stands = page_folder(folder, scale)
        trained = {"a": "the same training"}
        both.append(Material(study, [], [], name, stands, told(stands), trained=trained))
    for order in (both, both[::-1]):
        numbers = {cell: n for cell, n in total(order).items() if cell[1] == "number"}
        assert numbers == {("paper", "number", "reproduced"): 1}
    apart = [replace(one, trained={"a": f"training {n}"}) for n, one in enumerate(both)]
    assert sum(n for (_, asked, _), n in total(apart).items() if asked == "number") == 2


def test_whole_runs_count_before_a_tenth(planted, recorded, tmp_path: Path):
    """Also against it; what the tenth said is told below, in its own part."""
    whole = {"a": [0.80, 0.81, 0.82], "b": [0.70, 0.71, 0.72]}
    tenth = {"a": [0.50, 0.51, 0.52], "b": [0.60, 0.61, 0.62]}
    both = both_scales(planted(), recorded, tmp_path, whole, tenth)
    assert {page.scale for page, _ in both.settled} == {"paper"}
    before, _, below = section(both).partition("The runs of a tenth of the iterations")
    for part, verdict in ((before, "reproduced"), (below, "contradicted")):
        words = " ".join("".join(reader(f"<div>{cut(part)}</div>").words).split())
        assert f"{verdict}a is more accurate than b." in words


def cut(html: str) -> str:
    """The claims in a part of a page, whole elements of it."""
    return "".join(re.findall(r"<li><span class=.verdict.*?</li>", html))


def test_a_study_without_records_says_so_and_shows_what_was_published():
    study = load("superconv/fig01")
    html = section(Material(study, ["cifar10"], ["superconv_resnet56"], study.id, Path("none")))
    words = "".join(reader(html).words)
    assert "not run" in words and "92.4" in words and "none; 32 runs wait, 4 seeds an arm" in words
    assert "92.44" in words, "the author's log"
    assert 'data-scale="not-run"' in html and 'data-verdicts="not-run:not-run:0"' in html


def test_choices_effects_and_lists_are_told():
    study = load("superconv/fig01")
    told = {
        "records": {"clr": ["key"]},
        "scale": "paper",
        "numbers": [],
        "claims": [],
        "made": [],
        "code": {},
        "registered": "no",
        "effects": [
            {
                "of": ["rise", "peak"],
                "metric": "test_accuracy",
                "found": {"value": -0.02, "se": 0.001, "df": 30.0},
                "runs": 64,
            }
        ],
        "chosen": {
            "best": {
                "first": {"arm": "clr", "mean": 0.92, "std": 0.001},
                "second": {"arm": "pc", "mean": 0.91, "std": 0.002},
                "seeds": 4,
                "edges": ["schedule.max_lr", "schedule.base_lr"],
            }
        },
    }
    study = replace(study, chosen={"best": Choice(["clr", "pc"])})
    html = section(Material(study, ["cifar10"], [], study.id, Path("none"), told))
    words = "".join(reader(html).words)
    assert "rise × peak: −2.00 points [−2.20, −1.80]" in words
    assert (
        f"best: {study.label('clr')} 92.00 ± 0.10, of 2 by val accuracy (%) over 4 seeds; next "
        f"{study.label('pc')} 91.00 ± 0.20; at the edge of the rates tried: the best may lie beyond"
    ) in words
    lists = settings.words({"schedule": "staged", "schedule.max_lr": [0.005, 0.001]})
    assert lists == ["staged, maximum rate 0.005, 0.001"]


def test_a_sketch_is_drawn_not_run():
    study = replace(load("superconv/fig01"), sketch=True, claims=[], published={})
    html = section(Material(study, [], [], study.id, Path("none")))
    words = "".join(reader(html).words)
    assert "not run" not in words and "wait" not in words and 'data-scale="drawn"' in html


def test_a_broken_verdict_file_is_one_line(tmp_path: Path):
    (tmp_path / "verdicts.json").write_text("{")
    with pytest.raises(Mistake, match=r"not JSON .* publish the study again"):
        read(tmp_path / "verdicts.json")


def test_the_same_records_give_the_same_page(html: str):
    again = document(gather(PUBLISHED)) == html  # not to be compared by pytest, letter by letter
    assert again


def test_the_published_page_is_that_of_its_verdicts(html: str):
    current = (PUBLISHED / "index.html").read_text() == html
    assert current, "outputs/published/index.html: python scripts/reproduce.py page"


def test_the_command_needs_no_torch_and_says_what_came_back(imported, tmp_path: Path):
    done = subprocess.run(
        [
            *(sys.executable, "-X", "importtime", str(ROOT / "scripts/reproduce.py")),
            *("page", f"output_dir={tmp_path}"),
        ],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert not imported(done.stderr) & {"torch", "matplotlib", "jinja2"}
    file, summary = done.stdout.splitlines()
    assert file == str(tmp_path / "published" / "index.html")
    assert "0 reproduced, 0 contradicted, 0 inconclusive" in summary and "0 records" in summary
    reader(Path(file).read_text())


def test_elements_escape_and_close():
    assert element("p", "a < b & ", element("em", "c"), None, class_="x") == (
        '<p class="x">a &lt; b &amp; <em>c</em></p>'
    )
    assert element("input", name='"', hidden=True, value=None) == '<input name="&quot;" hidden>'
    assert text(["a", ["b", None]], "<") == "ab&lt;"


@pytest.mark.parametrize(
    ("source", "html"),
    [
        ("one\ntwo", "<p>one two</p>"),
        ("* a\n* b `c*d*`\n  more", "<ul><li>a</li><li>b <code>c*d*</code> more</li></ul>"),
        ("1. a\n2. b", "<ol><li>a</li><li>b</li></ol>"),
        ("# T\ntext", "<h5>T</h5><p>text</p>"),
        ("a **b** *c* [d](e.md)", '<p>a <strong>b</strong> <em>c</em> <a href="e.md">d</a></p>'),
        ("2*3*4 <x>", "<p>2*3*4 &lt;x&gt;</p>"),
        ("```\na < b\n```", "<pre><code>a &lt; b</code></pre>"),
    ],
)
def test_markdown(source: str, html: str):
    assert markdown.blocks(source) == html


def test_settings_in_words():
    told = settings.words(load("disciplined/table1").arms["1cycle-cm95-85"])
    assert told == [
        "the 3-layer network on CIFAR-10 as the third paper ran it: no augmentation, Nesterov",
        "25 epochs",
        "batches of 128",
        "1cycle, rate 0.0005–0.005, step size 11 epochs",
        "momentum 0.95→0.85",
        "weight decay 0.003",
        "tested every epoch",
    ]
    (shared, _) = settings.told(load("clr/fig01"))[0]
    assert shared[0].endswith("no augmentation") and "SGD" in shared
    (shared, own) = settings.told(load("clr/fig05"))[0]
    assert "Adam instead" in own[load("clr/fig05").label("adam-clr-25k")]
    (shared, _) = settings.told(load("superconv/fig05"))[0]
    assert shared[0].endswith("SGD") and not any("SGD" in words for words in shared[1:])
    assert settings.length("0.02dur") == "2 % of the run"
    assert settings.length("10000it") == "10,000 iterations"
    assert settings.words({"dataset.order": "file"}) == ["dataset.order: file"]
    shallow, deep = settings.told(load("disciplined/table1"))
    assert "batches of 128" in shallow[0] and "batches of 512" in deep[0]
    assert len(shallow[1]) == 11 and len(deep[1]) == 10


def test_every_study_has_words_for_its_settings():
    for name in ids():
        for shared, own in settings.told(load(name)):
            assert shared or own


def test_names_of_what_there_is():
    found = index.current().values()
    assert {d for told in found for d in told["data"]} <= settings.DATA.keys()


def test_the_open_question_is_answered_from_the_rows(materials: list[Material]):
    html = momentum.section(materials)
    words = " ".join("".join(reader(html).words).split())
    assert "Did cyclical momentum act?" in words and "disciplined/table1" in words
    nothing = momentum.section([])
    assert "there is no answer" in "".join(reader(nothing).words)


@pytest.mark.parametrize(
    ("name", "caption"),
    [
        ("superconv/text-minlr", "The author’s logs; nothing of ours has been run."),
        ("superconv/table5", "Published numbers; nothing of ours has been run."),
        (
            "superconv/fig01",
            "The author’s logs and published numbers; nothing of ours has been run.",
        ),
        ("superconv/table2", "Drawn from the library’s own schedules."),
    ],
)
def test_a_caption_says_what_the_picture_shows(name: str, caption: str, tmp_path: Path):
    (tmp_path / "figure.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 16)
    html = section(Material(load(name), ["cifar10"], ["x"], name, tmp_path))
    assert caption in html
    assert ("<h5>Settings</h5>" in html) == (name != "superconv/table2"), "no empty heading"


def test_small_numbers_are_words_of_one():
    assert settings.words({"evaluate_every": "0.01dur"}) == ["tested every 1 % of the run"]
    assert settings.words({"evaluate_every": "1ep"}) == ["tested every epoch"]
    assert hardware("A processor, 1 cores") == "A processor, 1 core"
    assert hardware("A processor, 11 cores") == "A processor, 11 cores"
    assert cores("A processor, 1 core") == cores("A processor, 1 cores") == ("A processor", 1)


def test_what_only_whole_runs_answer_tells_what_a_tenth_measured(planted, recorded, tmp_path: Path):
    study = planted(
        (
            "b: {schedule.max_lr: 2}",
            "b: {schedule.max_lr: 2, duration: 200it, schedule.stepsize: 100it}",
        )
    )
    tenth = {"a": [0.70, 0.71, 0.72], "b": [0.50, 0.51, 0.52]}
    both = both_scales(study, recorded, tmp_path, {"a": [0.80, 0.81, 0.82]}, tenth)
    assert {judged.verdict.verdict for _, judged in both.settled} == {"not run"}
    assert both.counts()["not run", "as_published", "not run"] == 2
    told = "asks for whole runs (its arms differ in length); shorter ones: +20.00 points ["
    above, _, below = section(both).partition("The runs of a tenth of the iterations")
    for part in (above, below, front.primary_claims([both])):
        assert told in "".join(reader(f"<div>{cut(part)}</div>").words)
