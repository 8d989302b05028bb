"""The live page in a real browser: typed, proven by a click, refreshed as it happens."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Error, Page

from prober.commandline.parse import split_shell
from tests.browser import Visit, apart, start_browser, visit
from tests.conftest import CHECKOUT
from tests.integration.processes import start_service, wait_until
from tests.integration.ui import UiServer, start_ui, type_in, wait_for_verdict
from tests.unit.pages.books import EXAMPLE, HOSTILE, REFUSED

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.slow]

LINE = "qemu-system-x86_64 -machine q35 \\\n  -device e1000,romsize=3 \\\n  -device nonsense -S"
CARD = "<interface type='user'><mac address='52:54:00:00:00:09'/><model type='virtio'/></interface>"


@pytest.fixture(scope="module")
def ui(qemu_binary: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[UiServer]:
    """A page's server beside a service of the installed QEMU and of a recording."""
    place = tmp_path_factory.mktemp("ui")
    words = ("--directory", place / "none", "--binary", qemu_binary, "--replies", "qemu-10.0", "--prover-socket", "")
    with start_service(place / "p.sock", *words), start_ui(place / "p.sock", CHECKOUT / "fixtures" / "domains") as made:
        yield made


@pytest.fixture(scope="module")
def browser(ui: UiServer) -> Iterator[Browser]:
    """Started last, as it has an event loop in this thread."""
    with start_browser() as started:
        yield started


@pytest.fixture(scope="module")
def opened(browser: Browser, ui: UiServer) -> Iterator[Visit]:
    """The one page, opened with the token; its session is for all of these tests."""
    with visit(browser, ui.address, own=ui.origin) as made:
        yield made


@pytest.fixture
def page(opened: Visit) -> Page:
    opened.go("try")
    opened.page.get_by_label("Domain XML or command line").fill("")
    return opened.page


#: With a port that is free.
PLUGGABLE = REFUSED.replace("    <acpi-root-hotplug enabled='no'/>\n", "").replace(
    "  </devices>", "    <controller type='pci' index='3' model='pcie-root-port'/>\n  </devices>"
)


def test_the_token_goes_from_the_address_and_is_good_for_one_browser(
    opened: Visit, browser: Browser, ui: UiServer
) -> None:
    assert "token" not in opened.page.url
    (cookie,) = opened.page.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
    assert opened.page.evaluate("document.cookie") == ""
    opened.page.reload()
    opened.page.wait_for_selector("html[data-ready]", state="attached")
    context = browser.new_context()
    try:
        other = context.new_page()
        other.goto(ui.address)
        other.get_by_text("the token is wrong, or was used already").wait_for()
        assert "x86_64" not in other.content()
    finally:
        context.close()


def test_a_domain_is_checked_as_one_types_and_told_at_its_place(page: Page) -> None:
    type_in(page, REFUSED)
    wait_for_verdict(page, "1 refusal")
    mark = page.locator(".behind mark")
    assert mark.all_inner_texts() == ["enabled='no'"]
    number = str(REFUSED[: REFUSED.index("acpi-root-hotplug")].count("\n") + 1)
    assert page.locator(".gutter .no").all_inner_texts() == [number]
    finding = page.locator(".findings li")
    assert "only pc has it" in finding.inner_text()
    finding.get_by_role("button", name=f"line {number}").click()
    area = page.get_by_label("Domain XML or command line")
    selected = area.evaluate("area => area.value.slice(area.selectionStart, area.selectionEnd)")
    assert selected == "enabled='no'"
    page.keyboard.type("enabled='yes'")
    page.locator(".findings li", has_text="only pc has it").wait_for()
    type_in(page, REFUSED.replace("    <acpi-root-hotplug enabled='no'/>\n", ""))
    wait_for_verdict(page, "accepted")
    assert page.locator(".behind mark.no").count() == 0
    assert "PCI Express hot-plug" in page.locator(".tree").inner_text()


def test_what_lies_behind_the_text_lies_under_it(page: Page) -> None:
    """The marks are drawn behind: each letter has to be where the one is that is typed."""
    type_in(page, REFUSED)
    wait_for_verdict(page, "1 refusal")
    sizes = page.evaluate("""() => ["textarea", ".behind"].map((name) => {
      const one = document.querySelector(`.typed ${name}`), style = getComputedStyle(one);
      const names = ["font", "padding", "letterSpacing", "tabSize", "whiteSpace"];
      return [one.scrollHeight > 300, ...names.map((part) => style[part])].join();
    })""")
    assert sizes[0] == sizes[1]


def test_a_command_line_is_checked_as_one_types_and_told_at_its_word(page: Page) -> None:
    type_in(page, LINE)
    wait_for_verdict(page, "2 findings")
    assert page.locator(".behind mark").all_inner_texts() == ["romsize", "nonsense"]
    assert page.locator(".gutter .no").all_inner_texts() == ["2", "3"]
    type_in(page, f"QEMU_AUDIO_DRV=none {LINE}")
    page.locator(".behind mark", has_text="nonsense").wait_for()
    assert page.locator(".behind mark").all_inner_texts() == ["romsize", "nonsense"]
    type_in(page, LINE.replace("romsize=3", "romsize=4").replace("-device nonsense ", ""))
    wait_for_verdict(page, "nothing stands against it")


def test_words_are_where_a_shell_has_them(page: Page) -> None:
    """What is said of a word is drawn where it begins; a line that a shell reads otherwise has no marks."""
    lines = [
        LINE,
        "a  b\tc\nd\\\ne",
        "a 'b c'\"d e\"f g\\ h",
        "a # b\nc",
        "a#b 'it'\\''s'",
        'a "b\\"c" "d\\e" ""',
        '-device \'{"driver":"e1000"}\' \\\n  -S # the end',
    ]
    told = page.evaluate(
        "lines => lines.map((line) => shellWords(line).map(({ text, start, end }) => [text, start, end]))", lines
    )
    for line, words in zip(lines, told, strict=True):
        assert [text for text, _, _ in words] == split_shell(line), line
        assert all(line[start:end].strip() == line[start:end] for _, start, end in words)


def test_it_is_proven_by_a_click_and_not_before(page: Page, opened: Visit) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    type_in(page, EXAMPLE)
    wait_for_verdict(page, "accepted")
    assert not any("/api/prove" in url or "/api/refresh" in url for url in asked)
    page.get_by_role("button", name="Prove it").click()
    page.locator(".outcome").wait_for()
    assert "proven" in page.locator(".outcome .badge").inner_text()
    steps = page.locator(".starts > .work .step")
    assert [text.split("\n")[0] for text in steps.locator("strong").all_inner_texts()] == [
        "checked", "made ready", "started", "read back",
    ]  # fmt: skip
    assert sum("/api/prove" in url for url in asked) == 1
    type_in(page, LINE)
    wait_for_verdict(page, "2 findings")
    page.get_by_role("button", name="Prove it").click()
    page.locator(".outcome .badge", has_text="refused").wait_for()
    assert opened.faults() == []


def test_steps_are_seen_before_the_end(page: Page, opened: Visit) -> None:
    """Also by who listens: they come in a live region, which is there before it says anything."""
    page.get_by_label("on QEMU").select_option(index=0)
    type_in(page, f"{LINE.partition(' ')[0]} -nodefaults -device e1000,romfile= -name watched")
    wait_for_verdict(page, "nothing stands against it")
    now = page.locator(".starts > .work .now")
    assert (now.get_attribute("aria-live"), now.inner_text()) == ("polite", "")
    page.evaluate("""() => {
      window.seen = [];
      const look = () => {
        const work = document.querySelector(".starts > .work");
        if (!work.querySelector(".outcome")) window.seen.push(work.querySelector(".now").innerText);
      };
      new MutationObserver(look).observe(document.querySelector(".starts > .work"), { childList: true, subtree: true });
    }""")
    prove = page.get_by_role("button", name="Prove it")
    prove.focus()
    page.keyboard.press("Enter")
    page.locator(".outcome .badge", has_text="proven").wait_for()
    (last,) = page.evaluate("window.seen.slice(-1)")
    words = [line.rpartition(" ")[0].rpartition(" ")[0] for line in last.splitlines()]
    assert words[:2] == ["checked: 0 findings", "begins"]
    assert words[2].startswith("made ready with ")
    assert words[3].startswith("started, confined by ")
    assert len(page.evaluate("[...new Set(window.seen)]")) >= 3
    assert now.inner_text() == ""
    assert opened.faults() == []


def test_steps_stay_where_it_went_wrong_after_them(page: Page) -> None:
    page.get_by_label("on QEMU").select_option(index=0)
    type_in(page, "qemu-system-x86_64 -nodefaults -name cut")
    wait_for_verdict(page, "nothing stands against it")
    page.evaluate("""() => {
      const ask = window.fetch;
      window.fetch = (...words) => {
        if (!words[0].startsWith("/api/prove")) return ask(...words);
        window.fetch = ask;
        const line = JSON.stringify({ step: { name: "waits", seconds: 0.25 } });
        const headers = { "content-type": "application/x-ndjson" };
        return Promise.resolve(new Response(`${line}\\n{"status": 2`, { headers }));
      };
    }""")
    page.get_by_role("button", name="Prove it").click()
    work = page.locator(".starts > .work")
    assert "ended before it was whole" in work.get_by_role("alert").inner_text()
    assert work.locator(".now").inner_text() == "waits for its turn 0.25 s"


def test_a_recording_is_not_started(page: Page) -> None:
    page.get_by_label("on QEMU").select_option(label="10.0.13 · x86_64")
    type_in(page, EXAMPLE)
    wait_for_verdict(page, "accepted")
    assert page.get_by_role("button", name="Prove it").count() == 0
    assert "cannot be started" in page.locator(".side").inner_text()


def test_rehearsals_are_there_where_the_service_has_them(page: Page, ui: UiServer) -> None:
    known = page.evaluate("live.paths")
    page.get_by_label("on QEMU").select_option(index=0)
    type_in(page, PLUGGABLE)
    wait_for_verdict(page, "accepted")
    for path, words in (("plug", "plug a device into it"), ("migrate", "migrate it")):
        has = f"/v1/binaries/{{id}}/{path}" in known
        assert page.get_by_text(words, exact=True).count() == has
        if not has:
            continue
        page.get_by_text(words, exact=True).click()
        if path == "plug":
            page.get_by_label("device XML").fill(CARD)
        page.locator(".rehearsal[open]").get_by_role("button", name="Rehearse").click()
        rehearsal = page.locator(".rehearsal[open]")
        rehearsal.locator(".outcome .badge", has_text="rehearsed").wait_for()
        assert rehearsal.locator(".step").count() >= 2
        page.get_by_text(words, exact=True).click()


def test_what_was_said_of_one_qemu_is_not_shown_for_another(page: Page) -> None:
    """While the other is asked it says so, and then what is said is of that one."""
    type_in(page, "qemu-system-x86_64 -device virtio-sound-pci,audiodev=a -audiodev none,id=a")
    page.get_by_label("on QEMU").select_option(label="10.0.13 · x86_64")
    wait_for_verdict(page, "nothing stands against it")
    held = page.evaluate("""() => {
      const ask = window.fetch;
      window.fetch = (...words) => new Promise((go) => { window.letGo = go; }).then(() => ask(...words));
    }""")
    assert held is None
    page.get_by_label("on QEMU").select_option(index=0)
    wait_for_verdict(page, "checking")
    wait_until(lambda: page.evaluate("!!window.letGo"))
    page.evaluate("window.letGo()")
    page.locator(".findings li", has_text="virtio-sound-pci").wait_for()
    page.reload()
    page.wait_for_selector("html[data-ready]", state="attached")


def test_more_than_any_domain_has_is_told_and_not_cut(page: Page) -> None:
    area = page.get_by_label("Domain XML or command line")
    area.evaluate("""area => {
      area.value = `<domain>${" ".repeat(1 << 20)}</domain>`;
      area.dispatchEvent(new Event("input", { bubbles: true }));
    }""")
    wait_for_verdict(page, "larger than 1 MiB")
    assert area.evaluate("area => area.value.length") == (1 << 20) + len("<domain></domain>")


def test_what_cannot_be_drawn_leaves_the_rest(opened: Visit) -> None:
    page = opened.page
    opened.go("qemus")
    page.evaluate("live.news = [{ at: NaN }]")
    opened.go("news")
    page.locator("main .problem", has_text="This cannot be shown").wait_for()
    page.evaluate("live.news = []")
    opened.go("qemus")
    page.locator("table.qemus").wait_for()
    opened.go("news")
    page.locator("main h2", has_text="Changes").wait_for()


def test_why_a_domain_does_not_go_elsewhere_is_told(page: Page) -> None:
    """A domain that the destination cannot have is refused before anything is started: for which reasons?"""
    told = {
        "file": "", "migration": None, "unreadable": "", "names": [],
        "refusals": [{"message": "QEMU 11.1.2 has no machine pc-i440fx-2.9"}],
        "cards": [{"card": "net0", "before": {"name": "ens3"}, "after": None}],
    }  # fmt: skip
    drawn = page.evaluate(
        """told => {
          const root = document.createElement("div");
          render(h(MoveTold, { told: { migrations: [told] } }), root);
          return root.textContent;
        }""",
        told,
    )
    assert "QEMU 11.1.2 has no machine pc-i440fx-2.9" in drawn
    assert "ens3 → is not there" in drawn


def test_a_refresh_is_shown_as_it_happens(opened: Visit) -> None:
    page = opened.page
    opened.go("qemus")
    row = page.locator("table.qemus tr", has_text="/usr/bin/").first
    row.get_by_role("button", name="again").click()
    row.locator(".badge.warn").first.wait_for()
    row.locator(".entry-state .badge", has_text="ready").wait_for()
    assert opened.faults() == []
    opened.go("news")
    page.locator(".news li, .empty").first.wait_for()
    assert opened.faults() == []


@pytest.mark.parametrize(("scheme", "width"), [("dark", 1280), ("dark", 360)])
def test_the_editor_is_for_everybody(opened: Visit, page: Page, scheme: Any, width: int) -> None:
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 800})
    try:
        type_in(page, REFUSED)
        wait_for_verdict(page, "1 refusal")
        assert opened.faults() == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    finally:
        page.emulate_media(color_scheme="light")
        page.set_viewport_size({"width": 1280, "height": 860})


def test_names_that_are_markup_are_text(page: Page) -> None:
    type_in(page, f"qemu -device '{HOSTILE.replace(chr(39), '')}'")
    page.locator(".findings li").first.wait_for()
    name = HOSTILE.replace("'", "").replace('"', "&quot;").replace("&<!--", "&amp;&lt;!--")
    type_in(page, EXAMPLE.replace(">example<", f">{name.replace('<', '&lt;').replace('&amp;&lt;', '&amp;&amp;lt;')}<"))
    page.locator("form.bar output .badge").wait_for()
    assert page.locator("img").count() == 0
    assert page.evaluate("window.hurt") is None


def test_a_page_elsewhere_cannot_ask(browser: Browser, ui: UiServer, tmp_path: Path) -> None:
    """By the browser itself: no answer of ours may be read by another page, and none is given."""
    (tmp_path / "evil.html").write_text("<!DOCTYPE html><title>evil</title>")
    context = browser.new_context()
    try:
        evil = context.new_page()
        evil.goto((tmp_path / "evil.html").as_uri())
        with pytest.raises(Error, match="Failed to fetch"):
            evil.evaluate("origin => fetch(`${origin}/api/book`, { credentials: 'include' })", ui.origin)
        evil.set_content(f"<iframe src='{ui.origin}'></iframe>")
        evil.wait_for_timeout(300)
        assert not any("QEMU" in frame.content() for frame in evil.frames if frame is not evil.main_frame)
    finally:
        context.close()
    assert apart(lambda: ui.ask("GET", "/")).status == 200
