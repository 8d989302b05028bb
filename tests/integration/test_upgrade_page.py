"""The page of an upgrade in a real browser: what breaks first, opened in its place, by keys, in light and dark."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from prober.pages.report import render_upgrade
from prober.rehearsal.upgrade import Upgraded
from tests.browser import Visit, apart, start_browser, visit
from tests.unit.pages.books import HOSTILE
from tests.unit.pages.upgrades import (
    CI,
    QUEUES,
    examples,
    hostile_upgraded,
    line_of,
    upgrade_of,
)

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.slow]

#: A host's domains; the bar for opening their page is 2 s on an idle machine.
MANY = 100


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with start_browser() as started:
        yield started


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of a page with a domain of each outcome."""
    return _write(tmp_path_factory.mktemp("upgrade"), examples())


def _write(place: Path, domains: list[tuple[Upgraded, str]], title: str = "Upgrade") -> str:
    path = place / "upgrade.html"
    path.write_text(apart(lambda: render_upgrade(upgrade_of(*domains, title=title))))
    return path.as_uri()


@pytest.fixture
def opened(browser: Browser, page: str) -> Iterator[Visit]:
    with visit(browser, page) as made:
        yield made


def _names(made: Visit) -> list[str]:
    return made.page.locator(".opens").all_inner_texts()


def test_what_was_asked_and_how_many_break_stand_above(opened: Visit) -> None:
    asked = opened.page.locator("dl.facts").first.inner_text()
    assert "QEMU 10.0.13" in asked and "QEMU 11.1.2" in asked and "2026-11-30 12:00:00 UTC" in asked
    assert "driven before" in asked
    summary = [text.replace("\n", " ") for text in opened.page.locator(".summary li").all_inner_texts()]
    assert summary == [
        "6 of 7 start on QEMU 11.1.2",
        "4 of 7 go there while they run",
        "5 of 7 come back",
        "1 of 7 breaks",
        "2 of 7 have a change of the XML that helps",
    ]


def test_what_breaks_stands_first_with_verdicts_and_their_ground(opened: Visit) -> None:
    assert _names(opened) == [
        "ci.xml", "back.xml", "unknown.xml", "seen.xml", "part.xml", "web.xml", "none.xml"
    ]  # fmt: skip
    row = opened.page.locator("tr", has=opened.page.get_by_role("button", name="ci.xml"))
    cells = [text.replace("\n", " ") for text in row.locator("td").all_inner_texts()]
    assert cells == ["breaks", "proven proven", "refused proven", "rehearsed proven", "", "", "pc-i440fx-10.0"]


def test_a_search_and_a_choice_leave_those_that_are_meant(opened: Visit) -> None:
    page = opened.page
    page.keyboard.press("/")
    page.keyboard.type("virtio-9p VRING")
    page.locator("form output", has_text="1 domain").wait_for()
    assert _names(opened) == ["ci.xml"]
    page.get_by_label("Search").fill("")
    page.select_option("label:has-text('show') select", label="goes on (1)")
    page.locator("form output", has_text="1 domain").wait_for()
    assert _names(opened) == ["web.xml"]
    assert "show=goes" in page.url
    page.get_by_label("Search").fill("nothing is called so")
    page.locator("p.empty").wait_for()


def test_a_domain_opens_in_its_place_by_keys_and_closes_again(opened: Visit) -> None:
    page = opened.page
    first, second = (page.get_by_role("button", name=name, exact=True) for name in ("ci.xml", "back.xml"))
    second.focus()
    page.keyboard.press("ArrowUp")
    assert first.evaluate("one => one === document.activeElement")
    assert first.get_attribute("aria-expanded") == "false"
    page.keyboard.press("Enter")
    detail = page.get_by_role("region", name="ci.xml in detail")
    detail.wait_for()
    assert first.get_attribute("aria-expanded") == "true"
    assert first.evaluate("one => one === document.activeElement"), "the focus stays"
    assert detail.get_attribute("id") == first.get_attribute("aria-controls")
    assert detail.evaluate("one => one.closest('tr').previousElementSibling.innerText").startswith("ci.xml")
    page.keyboard.press("Tab")
    code = detail.get_by_role("region", name="XML of ci.xml")
    assert code.evaluate("one => one === document.activeElement"), "what opened comes next"
    page.keyboard.press("ArrowDown")
    assert code.evaluate("one => one === document.activeElement"), "arrow keys scroll there"
    first.focus()
    page.keyboard.press("Space")
    detail.wait_for(state="detached")


def test_the_xml_has_what_is_said_at_its_lines_and_the_words_beside(opened: Visit) -> None:
    page = opened.page
    page.get_by_role("button", name="ci.xml", exact=True).click()
    filesystem, machine = line_of(CI, "<filesystem"), line_of(CI, "machine='pc'")
    lines = page.locator(".code li")
    assert lines.nth(filesystem - 1).get_attribute("class") == "no"
    assert QUEUES.partition("\n")[0] in lines.nth(filesystem - 1).locator(".said").inner_text()
    assert lines.nth(machine - 1).get_attribute("class") == "note"
    assert "write 'pc-i440fx-10.0' here" in lines.nth(machine - 1).locator(".said").inner_text()
    side = page.locator(".side")
    assert side.locator("pre.words").inner_text() == QUEUES
    assert "virtio-9p-pci fs0 at 02.0" in side.inner_text()
    mended = side.locator(".mend")
    assert "machine='pc-i440fx-10.0'" in mended.locator(".added").inner_text()
    assert "ground: proven, this QEMU was started" in mended.inner_text()
    page.evaluate("document.querySelector('.code').style.maxHeight = '8rem'")
    side.get_by_role("button", name=f"line {filesystem}").click()
    box, line = page.locator(".code").bounding_box(), lines.nth(filesystem - 1).bounding_box()
    assert box is not None and line is not None and box["y"] <= line["y"] <= box["y"] + box["height"]
    assert page.locator(".code").evaluate("one => one === document.activeElement")


def test_an_address_that_names_a_domain_begins_there(browser: Browser, page: str) -> None:
    with visit(browser, f"{page}#/domains?domain=2") as made:
        named = made.page.get_by_role("button", name="seen.xml", exact=True)
        made.page.get_by_role("region", name="seen.xml in detail").wait_for()
        made.page.wait_for_function("document.activeElement.matches('.opens')")
        assert named.evaluate("one => one === document.activeElement")
        side = made.page.locator(".side").inner_text()
        assert "vectors is 3 here and 9 there" in side and "enp0s3 and not ens3" in side
        assert "<x name='vectors' value='3'/>" in side and "A guest that runs went there with it: rehearsed." in side
        row = made.page.locator("tr", has=named).inner_text()
        assert "vectors 3" in row


def test_a_reason_leads_to_the_domains_that_it_concerns(opened: Visit) -> None:
    page = opened.page
    opened.go("reasons")
    page.get_by_label("Search").fill("vring")
    page.locator("output", has_text="1 reason").wait_for()
    page.get_by_role("link", name="ci.xml").click()
    page.get_by_role("region", name="ci.xml in detail").wait_for()
    page.wait_for_function("document.activeElement.matches('.opens')")


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 360)])
def test_all_of_it_is_for_everybody(browser: Browser, page: str, scheme: Any, width: int) -> None:
    """By axe, in light and dark, wide and on a phone; and nothing is wider than the phone but what scrolls itself."""
    with visit(browser, page, scheme=scheme, width=width) as made:
        for place in ("domains", "domains?domain=0", "domains?domain=2", "domains?domain=6", "reasons"):
            made.go(place)
            made.page.locator(".opened" if "domain=" in place else "main table").first.wait_for()
            for summary in made.page.locator(".side summary").all():
                summary.click()
            assert made.faults() == [], place
            assert made.page.evaluate("document.documentElement.scrollWidth") <= width, place


def test_names_that_are_markup_are_text(browser: Browser, tmp_path: Path) -> None:
    told = hostile_upgraded()
    xml = CI.replace("<name>", f"<!-- {HOSTILE.replace('--', '')} --><name>")
    with visit(browser, _write(tmp_path, [(told, xml)], HOSTILE)) as made:
        made.page.locator(".opens").first.click()
        made.page.locator(".opened").wait_for()
        assert HOSTILE in made.page.locator(".side").inner_text()
        assert HOSTILE.replace("--", "") in made.page.locator(".code").inner_text()
        assert HOSTILE in made.page.locator("h1").inner_text()
        made.go("reasons")
        made.page.locator("table.reasons").wait_for()
        assert made.page.locator("img").count() == 0
        assert made.page.evaluate("window.hurt") is None


def test_a_hundred_domains_open_at_once(browser: Browser, tmp_path: Path) -> None:
    """The bar is 2 s on an idle machine; here that it stands within five, with others at work beside."""
    kinds = apart(partial(examples))
    every = [kinds[at % len(kinds)] for at in range(MANY)]
    with visit(
        browser,
        _write(
            tmp_path, [(told.model_copy(update={"file": f"{at}.xml"}), xml) for at, (told, xml) in enumerate(every)]
        ),
    ) as made:
        assert made.page.evaluate("performance.now()") < 5_000
        assert len(_names(made)) == MANY
