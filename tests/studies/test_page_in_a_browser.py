"""The page as a reader has it: opened from its folder by a real browser, without a server."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import chromium
import pytest

from disciplined.studies.page.document import document
from disciplined.studies.page.material import Material, gather

PUBLISHED = Path(__file__).parents[2] / "outputs" / "published"
SHOWN = "[...document.querySelectorAll('details.study:not([hidden])')].map(one => one.id)"
pytestmark = pytest.mark.skipif(chromium.PROGRAM is None, reason="chromium is not installed")


@pytest.fixture(scope="module")
def materials() -> list[Material]:
    return gather(PUBLISHED)


@pytest.fixture(scope="module")
def address(materials: list[Material], tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page in a folder of its own, the pictures beside it as they are published."""
    folder = tmp_path_factory.mktemp("published")
    for one in PUBLISHED.iterdir():
        if one.is_dir():
            (folder / one.name).symlink_to(one)
    (folder / "index.html").write_text(document(materials))
    return (folder / "index.html").as_uri()


@pytest.fixture(scope="module")
def browser() -> Iterator[chromium.Tab]:
    with chromium.tab() as one:
        yield one


@pytest.fixture
def tab(browser: chromium.Tab) -> Iterator[chromium.Tab]:
    """The browser; afterwards nothing may have been said on its console."""
    browser.told.clear()
    browser.size(1280)
    yield browser
    assert browser.told == []


def choose(tab: chromium.Tab, name: str, value: str) -> None:
    """What a hand does: set a field and let the page hear of it."""
    tab.run(
        f"(() => {{ const field = document.getElementById('filters').elements[{name!r}];"
        f" field.value = {json.dumps(value)};"
        " field.dispatchEvent(new Event('input', {bubbles: true})); })()"
    )


def test_opens_folded_and_pictures_load_when_opened(tab, address, materials):
    tab.open(address)
    assert tab.run(SHOWN) == tab.run(
        "[...document.querySelectorAll('details.study')].map(one => one.id)"
    )
    assert sorted(tab.run(SHOWN)) == sorted(m.study.id for m in materials)
    assert tab.run("document.querySelectorAll('details.study[open]').length") == 0
    loaded = "[...document.images].filter(one => one.complete && one.naturalWidth > 0).length"
    assert tab.run(loaded) == 0, "nothing is fetched that nobody has opened"
    tab.run("document.querySelector('[data-open]').click()")
    tab.run("[...document.images].forEach(one => { one.loading = 'eager'; })")
    pictures = sum(page.figure() is not None for m in materials for page in m.pages)
    assert pictures > 0
    tab.until(f"{loaded} === {pictures}")
    sizes = tab.run(
        "[...document.images].map(i => i.width / i.height - i.naturalWidth / i.naturalHeight)"
    )
    assert max(map(abs, sizes)) < 0.02, "no picture is out of shape"


@pytest.mark.parametrize(
    ("name", "value", "fits"),
    [
        ("paper", "tutorials", lambda m: m.paper == "tutorials"),
        ("data", "mnist", lambda m: "mnist" in m.data),
        ("scale", "not-run", lambda m: m.scale == "not run"),
        ("verdict", "contradicted", lambda m: "contradicted" in {v for *_, v in m.counts()}),
        ("q", "SHALLOW  deep", None),
        ("q", "no such words", None),
    ],
)
def test_filters_and_search(tab, address, materials, name, value, fits):
    tab.open(address)
    choose(tab, name, value)
    shown = tab.run(SHOWN)
    if fits:
        assert sorted(shown) == sorted(m.study.id for m in materials if fits(m))
    elif value == "no such words":
        assert shown == []
    else:
        assert "disciplined/table1" in shown and "calibration/aa" not in shown
    counts: Counter[str] = Counter()
    for m in materials:
        if m.study.id in shown:
            for (*_, verdict), n in m.counts().items():
                counts[verdict] += n * bool(m.runs)
    words = f"{len(shown)} of {len(materials)} studies"
    told = [f"{counts[v]} {v}" for v in ("reproduced", "contradicted", "inconclusive") if counts[v]]
    words += f"; claims and numbers: {', '.join(told)}" if told else ""
    assert tab.run("document.getElementById('count').textContent") == words
    assert tab.run("document.getElementById('none').hidden") is bool(shown)
    kept = tab.run("location.href")
    tab.open(kept)
    assert tab.run(SHOWN) == shown, "the address says what was chosen"
    tab.run("document.querySelector('[data-reset]').click()")
    assert len(tab.run(SHOWN)) == len(materials) and tab.run("location.hash") == ""


def test_two_filters_at_once_from_the_address(tab, address, materials):
    tab.open(f"{address}#?paper=disciplined&data=mnist&q=lenet")
    assert tab.run(SHOWN) == [
        m.study.id for m in materials if m.paper == "disciplined" and "mnist" in m.data
    ]
    tab.open(f"{address}#?paper=nonsense")
    assert len(tab.run(SHOWN)) == len(materials), "an unknown value is no filter"


def test_an_anchor_opens_its_study_even_when_filtered_away(tab, address):
    tab.open(f"{address}#disciplined/table1")
    opened = "[...document.querySelectorAll('details.study[open]')].map(one => one.id)"
    top = "Math.round(document.getElementById('disciplined/table1').getBoundingClientRect().top)"
    assert tab.run(opened) == ["disciplined/table1"]
    tab.until(f"Math.abs({top}) < 40")
    tab.until("document.activeElement.tagName === 'SUMMARY'")
    choose(tab, "paper", "tutorials")
    tab.run("document.querySelector('#primary a[href=\"#disciplined/table1\"]').click()")
    tab.until("!document.getElementById('disciplined/table1').hidden")
    # opened and closed by hand, the address follows
    tab.run("document.querySelector('[id=\"disciplined/table2\"] > summary').click()")
    assert tab.run("location.hash") == "#disciplined/table2"
    tab.run("document.querySelector('[id=\"disciplined/table2\"] > summary').click()")
    assert tab.run("location.hash") == ""


def test_nothing_is_wider_than_the_window_and_all_text_can_be_read(tab, address):
    tab.open(address)
    tab.run("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    for width in (320, 390, 768, 960, 1280):
        tab.size(width)
        assert tab.run("document.documentElement.scrollWidth") <= width
    for scheme in ("dark", "light"):
        tab.scheme(scheme)
        assert tab.run(CONTRAST) == [], f"WCAG AA, {scheme}: 4.5 to 1"


# Every colour of text against the page's own ground.
CONTRAST = """
(() => {
  const light = (colour) => {
    const [r, g, b] = colour.match(/[\\d.]+/g).slice(0, 3).map((one) => {
      const c = one / 255;
      return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = light(getComputedStyle(document.body).backgroundColor);
  const poor = new Set();
  for (const one of document.querySelectorAll("body *")) {
    if (![...one.childNodes].some((c) => c.nodeType === 3 && c.textContent.trim())) continue;
    const ink = light(getComputedStyle(one).color);
    const [high, low] = [Math.max(ink, ground), Math.min(ink, ground)];
    if ((high + 0.05) / (low + 0.05) < 4.5) poor.add(one.className + " " + one.tagName);
  }
  return [...poor];
})()
"""


def test_printing_opens_everything_and_folds_it_again(tab, address):
    tab.open(address)
    closed = "document.querySelectorAll('details:not([open])').length"
    before = tab.run(closed)
    tab.run("dispatchEvent(new Event('beforeprint'))")
    assert tab.run(closed) == 0
    tab.run("dispatchEvent(new Event('afterprint'))")
    assert tab.run(closed) == before > 0
