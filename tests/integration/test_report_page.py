"""A report in a real browser: opened from a disk, searched, compared, read at its lines, in light and dark, by keys."""

from __future__ import annotations

import itertools
import json
import re
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from prober.capabilities.capabilities import Capabilities
from prober.capabilities.diff import diff
from prober.pages.report import render_report
from tests.browser import Visit, apart, start_browser, visit
from tests.conftest import CHECKOUT
from tests.unit.pages.books import EXAMPLE, HOSTILE, REFUSED, book_of, bundled, small

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.slow]

VERSIONS = ("5.2.0", "7.2.22", "10.0.13", "11.1.2")
#: One that a newer QEMU has no machine for.
BREAKS = (CHECKOUT / "tests" / "cases" / "hotplug-default-pc-2-9.xml").read_text()
DOMAINS = [("example.xml", EXAMPLE), ("refused.xml", REFUSED), ("breaks.xml", BREAKS)]

#: What is compared: each with the next, the first with the last and back, and one with itself.
PAIRS = [*itertools.pairwise(VERSIONS), (VERSIONS[0], VERSIONS[-1]), (VERSIONS[-1], VERSIONS[0]), (VERSIONS[0],) * 2]

#: All that the page works out of two QEMUs, as a text: a browser is driven by messages, which are slow.
_COMPARE = """async (pairs) => {
  const book = await unpackBook(document.getElementById("book").textContent);
  const qemus = Object.fromEntries(book.qemus.map((qemu) => [qemu.label, qemu]));
  const told = pairs.map(([a, b]) => {
    const one = new Comparison(qemus[a], qemus[b]);
    return {
      changes: one.changes, unknown: one.unknown, accelerator: one.accelerator,
      properties_compared: one.propertiesCompared, defaults_compared: one.defaultsCompared,
    };
  });
  return JSON.stringify(told);
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with start_browser() as started:
        yield started


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of a report of the bundled QEMUs and three domains."""
    return _write(
        tmp_path_factory.mktemp("report"), {version: apart(partial(bundled, version)) for version in VERSIONS}
    )


def _write(place: Path, qemus: dict[str, Capabilities], domains: Any = DOMAINS, title: str = "QEMUs") -> str:
    path = place / "report.html"
    path.write_text(apart(lambda: render_report(book_of(qemus, domains, title))))
    return path.as_uri()


@pytest.fixture
def opened(browser: Browser, report: str) -> Iterator[Visit]:
    with visit(browser, report) as made:
        yield made


def test_each_qemu_is_told_at_a_glance(opened: Visit) -> None:
    rows = opened.page.locator("table.qemus tbody tr")
    assert rows.locator(".version").all_inner_texts() == list(VERSIONS)
    assert f"{len(bundled('7.2.22').machines or ())}" in rows.nth(1).locator("[data-label=machines]").inner_text()
    crashing = rows.nth(1).locator("details")
    crashing.locator("summary").click()
    assert sorted(crashing.locator("li code").all_inner_texts()) == sorted(bundled("7.2.22").crashing_types)


def test_a_search_finds_types_by_their_names_and_their_properties(opened: Visit) -> None:
    page = opened.page
    opened.go("types")
    page.keyboard.press("/")
    page.keyboard.type("e1000 romfile")
    page.locator("form output", has_text=re.compile(r"^\d{1,2} types$")).wait_for()
    names = page.locator("nav.types code").all_inner_texts()
    assert {"e1000", "e1000e", "e1000-82544gc"} <= set(names)
    page.locator("nav.types a").first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.locator("#type-name").wait_for()
    assert "romfile" in page.locator("tr.meant th").all_inner_texts()
    page.select_option("label:has-text('of') select", label="5.2.0 · x86_64")
    page.get_by_label("Search").fill("PIIX4_PM acpi-root")
    page.locator("output", has_text="1 type").wait_for()


def test_a_property_says_which_qemus_have_it(opened: Visit) -> None:
    opened.go("types?type=ICH9-LPC")
    row = opened.page.locator("table.properties tr", has_text="acpi-pci-hotplug-with-bridge-support")
    assert "from 7.2.22" in row.inner_text()
    opened.go("types?type=colo-compare")
    assert "died of the question" in opened.page.locator("dl.facts").inner_text()


def test_the_difference_of_any_two_is_that_of_the_command(opened: Visit) -> None:
    told = json.loads(opened.page.evaluate(_COMPARE, PAIRS))
    for (a, b), found in zip(PAIRS, told, strict=True):
        expected = diff(bundled(a), bundled(b))
        for name in ("accelerator", "properties_compared", "defaults_compared"):
            assert found[name] == getattr(expected, name)
        for group in expected.groups:
            changes = [change.model_dump(mode="json") for change in group.changes]
            assert _sorted(found["changes"][group.name]) == _sorted(changes), (a, b, group.name)
            assert found["unknown"][group.name] == group.unknown


def _sorted(changes: list[dict[str, Any]]) -> list[str]:
    return sorted(json.dumps(change, sort_keys=True) for change in changes)


def test_what_breaks_for_a_domain_stands_first_and_with_its_reason(opened: Visit) -> None:
    page = opened.page
    opened.go("difference?a=0&b=3")
    first = page.locator(".domain-change").first
    assert "breaks.xml" in first.inner_text() and "breaks" in first.locator(".badge").inner_text()
    assert "has no machine pc-i440fx-2.9" in first.inner_text()
    assert "example.xml" in page.locator(".for-domains").inner_text()
    every = page.locator("form output").inner_text()
    page.select_option("label:has-text('what concerns') select", label="example.xml")
    page.wait_for_function("said => document.querySelector('form output').textContent !== said", arg=every)
    facts = page.locator(".group .changes code").all_inner_texts()
    assert facts and not any(fact.startswith("e1000") for fact in facts)


def test_the_matrix_opens_the_xml_with_refusals_at_their_lines_and_the_buses_beside(opened: Visit) -> None:
    page = opened.page
    opened.go("domains")
    cells = page.locator("table.matrix tbody tr")
    assert [row.split("\t")[0] for row in cells.all_inner_texts()] == [name for name, _ in DOMAINS]
    page.get_by_role("link", name="example.xml, QEMU 5.2.0: accepted").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.locator("#cell-title", has_text="refused.xml on QEMU 7.2.22").wait_for()
    number = REFUSED[: REFUSED.index("acpi-root-hotplug")].count("\n")
    line = page.locator(".code li").nth(number)
    assert line.get_attribute("class") == "no"
    assert "only pc has it" in line.locator(".said").inner_text()
    assert page.locator(".code li.no").count() == 1
    tree = page.locator(".tree")
    nested = tree.locator(".bus .bus", has_text="pci.1")
    assert "PCI Express hot-plug" in nested.inner_text() and "no hot-plug" in tree.inner_text()
    nested.locator("summary").click()
    assert "hw/pci/pcie.c" in nested.inner_text()


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 360)])
def test_all_of_it_is_for_everybody(browser: Browser, report: str, scheme: Any, width: int) -> None:
    """By axe, in light and dark, wide and on a phone; and nothing is wider than the phone but what scrolls itself."""
    with visit(browser, report, scheme=scheme, width=width) as made:
        grounds = made.page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
        assert (sum(map(int, grounds[4:-1].split(","))) < 150) == (scheme == "dark")
        for place in ("qemus", "types?q=e1000&type=e1000", "difference?a=0&b=3", "domains?domain=1&qemu=1"):
            made.go(place)
            made.page.locator(".opened" if "domain=" in place else "main h2").first.wait_for()
            assert made.faults() == []
            assert made.page.evaluate("document.documentElement.scrollWidth") <= width


def test_on_paper_nothing_lies_on_anything(opened: Visit) -> None:
    """What sticks to an edge as one scrolls has its own place there, wherever one was when it is printed."""
    page = opened.page
    page.set_viewport_size({"width": 1000, "height": 500})
    opened.go("domains?domain=1&qemu=1")
    page.locator(".opened").wait_for()
    page.emulate_media(media="print")
    page.evaluate("scrollTo(0, 150)")
    places = page.evaluate("""() => ["thead th:nth-child(2)", "tbody td"].map((name) => {
      const { top, bottom } = document.querySelector(`.matrix ${name}`).getBoundingClientRect();
      return [top, bottom];
    })""")
    assert places[0][1] <= places[1][0] + 1


def test_what_has_the_focus_is_seen(opened: Visit) -> None:
    page = opened.page
    for _ in range(8):
        page.keyboard.press("Tab")
        style = page.evaluate("""() => {
          const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement);
          return [document.activeElement.tagName, outlineStyle, parseFloat(outlineWidth)];
        }""")
        assert style[1:] == ["solid", 2], style


def test_names_that_are_markup_are_text(browser: Browser, tmp_path: Path) -> None:
    xml = EXAMPLE.replace("<name>", f"<!-- {HOSTILE.replace('--', '')} --><name>")
    qemus = {f"/tmp/{HOSTILE}": small(f"dev{HOSTILE}", "crashing", described=HOSTILE), "b": small("edu")}
    with visit(browser, _write(tmp_path, qemus, [(f"vm{HOSTILE}.xml", xml)], HOSTILE)) as made:
        for place in ("qemus", f"types?type={'dev' + HOSTILE}", "difference?a=0&b=1", "domains?domain=0&qemu=0"):
            made.page.evaluate("place => { location.hash = `#/${place}`; }", place)
            made.page.wait_for_timeout(100)
            assert made.page.locator("img").count() == 0
        assert HOSTILE in made.page.locator("h1").inner_text()
        assert made.page.evaluate("window.hurt") is None
        assert HOSTILE.replace("--", "") in made.page.locator(".code").inner_text()


@pytest.mark.parametrize(
    "place",
    [
        "types?page=domains", "types?__proto__=1&constructor=2", "types?type=__proto__", "types?q=%5B(*%2B%3F%5C",
        "types?qemu=99&sort=constructor", "difference?a=__proto__&b=constructor&for=toString", "difference?a=3&b=3",
        "domains?domain=toString&qemu=length", "domains?domain=99&qemu=-1", "constructor?a=b", "%00?%ff=%ff", "?=&=",
    ],
)  # fmt: skip
def test_no_place_is_one_that_it_cannot_draw(opened: Visit, place: str) -> None:
    """Whatever stands in an address that was handed on; and "back" goes back from there."""
    page = opened.page
    opened.go("qemus")
    page.evaluate("place => { location.hash = `#/${place}`; }", place)
    page.wait_for_timeout(200)
    name = place.partition("?")[0]
    shown = name if name in ("types", "difference", "domains") else "qemus"
    assert page.locator("nav[aria-label=Pages] a[aria-current=page]").get_attribute("href") == f"#/{shown}"
    assert page.locator("main h2").count() == 1
    assert page.locator("main .problem").count() == 0
    page.go_back()
    page.wait_for_timeout(50)
    assert page.locator("main h2").inner_text() == "QEMUs"


def test_names_of_every_object_are_names_like_others(browser: Browser, tmp_path: Path) -> None:
    """Such as JavaScript finds in each object: they are looked for in maps, and in nothing else."""
    names = ("__proto__", "constructor", "toString", "hasOwnProperty")
    qemus = {f"{name}.replies": small(name) for name in names}
    with visit(browser, _write(tmp_path, qemus, [(name, EXAMPLE) for name in names])) as made:
        page = made.page
        for name in names:
            made.go(f"types?type={name}")
            assert page.locator("#type-name").inner_text() == name
            assert page.locator("dl.facts dd").nth(1).inner_text() != "all"
        made.go("difference?a=0&b=1")
        assert {"__proto__", "constructor"} <= set(page.locator(".group .changes code").all_inner_texts())
        made.go("domains?domain=0&qemu=0")
        assert page.locator("table.matrix tbody th").all_inner_texts() == list(names)
        assert page.evaluate("Object.keys(Object.prototype).length") == 0


def test_what_somebody_made_to_take_long_is_drawn_at_once(browser: Browser, tmp_path: Path) -> None:
    """A line of which a reader of markup would begin at each of half a million places, and many domains."""
    line = EXAMPLE.replace("<name>", f"<!--\n{'<?' * 200_000}\n--><name>")
    domains = [("long.xml", line), *((f"vm{number}.xml", EXAMPLE) for number in range(400))]
    with visit(browser, _write(tmp_path, {"a": small("edu")}, domains)) as made:
        page = made.page
        made.go("domains?domain=0&qemu=0")
        page.locator(".code li").nth(3).wait_for()
        assert page.evaluate("performance.now()") < 30_000
        rows = page.locator("table.matrix tbody tr")
        assert rows.count() == 150
        page.get_by_role("button", name="show 251 more domains").click()
        assert rows.count() == 401
        # Whoever is led to one of the last sees it among all.
        made.page.reload()
        made.page.wait_for_selector("html[data-ready]", state="attached")
        made.go("domains?domain=399&qemu=0")
        page.locator("#cell-title", has_text="vm398.xml").wait_for()
        assert rows.count() == 401


def test_what_is_not_seen_and_moves_others_is_shown(browser: Browser, tmp_path: Path) -> None:
    """An XML is looked at to be judged: it reads as it is, and a name does not turn round what stands beside it."""
    xml = EXAMPLE.replace("<name>", "<!-- \u202e\u2066 gnp.exe --><name>")
    with visit(browser, _write(tmp_path, {"a": small("edu")}, [("\u202evm.xml", xml)])) as made:
        made.go("domains?domain=0&qemu=0")
        assert "<!-- ⟨U+202E⟩⟨U+2066⟩ gnp.exe -->" in made.page.locator(".code").inner_text()
        assert made.page.locator("#cell-title bdi").inner_text() == "\u202evm.xml"


def test_a_name_that_is_no_unicode_is_shown_as_far_as_it_is(browser: Browser, tmp_path: Path) -> None:
    qemus = {"/opt/q\udcff": small("edu\udcfe"), "b": small("edu")}
    with visit(browser, _write(tmp_path, qemus, [("vm\udcff.xml", EXAMPLE)], "t\udcff")) as made:
        assert made.page.locator("h1").inner_text() == "t\ufffd"
        made.go("domains?domain=0&qemu=0")
        assert "vm\ufffd.xml" in made.page.locator("#cell-title").inner_text()


def test_what_goes_on_as_it_is_stands_underlined_among_words(opened: Visit) -> None:
    opened.go("difference?a=3&b=3")
    opened.page.locator(".same a").first.wait_for()
    assert opened.faults() == []


def test_it_opens_at_once(browser: Browser, report: str) -> None:
    """The bar is 2 s for 34 QEMUs on an idle machine; here that it stands within it, with others at work beside."""
    began = time.monotonic()
    with visit(browser, report) as made:
        took = made.page.evaluate("performance.now()")
        assert took < 5_000, f"{time.monotonic() - began} s"
