"""The live page in a real browser, beside services that are not as the others: one that comes back, one that says odd
things."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser import apart, start_browser, visit
from tests.integration.processes import start_service, wait_until
from tests.integration.ui import start_ui, type_in, wait_for_verdict
from tests.unit.pages.books import HOSTILE, recorded

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.slow]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One for all."""
    with start_browser() as started:
        yield started


def test_a_service_that_comes_back_is_shown_as_it_is_then(browser: Browser, tmp_path: Path) -> None:
    """Started anew with other QEMUs: the page says that it is away, and then has those."""
    socket, words = tmp_path / "p.sock", ("--directory", tmp_path / "none", "--replies", "qemu-10.0")
    service = apart(partial(_enter, start_service(socket, *words)))
    with start_ui(socket) as ui, visit(browser, ui.address, own=ui.origin) as made:
        rows = made.page.locator("table.qemus tbody .version")
        assert rows.all_inner_texts() == ["10.0.13"]
        apart(service.close)
        made.page.locator("main .problem", has_text="running?").wait_for()
        service = apart(partial(_enter, start_service(socket, *words, "--replies", "qemu-7.2")))
        try:
            wait_until(lambda: rows.all_inner_texts() == ["7.2.22", "10.0.13"])
            wait_until(lambda: made.page.locator("main .problem").count() == 0)
            made.go("news")
            texts = made.page.locator(".news li").all_inner_texts()
            assert len(texts) == len(set(texts)) > 0
        finally:
            apart(service.close)
        # The browser itself writes of each answer that is an error.
        made.said = [said for said in made.said if "status of 502" not in said]


def test_what_a_service_knows_is_text_whatever_it_is(browser: Browser, tmp_path: Path) -> None:
    """A QEMU's names with what ends a script, a line or an attribute, with what is not seen, and very long ones."""
    names = (f"dev{HOSTILE}", "a\u2028b\u2029c", "\u202eni", "__proto__", "n" * 200_000, "\x07bell", "é\U0001f4a5")
    replies = tmp_path / f"{HOSTILE.replace('/', '')}.replies"
    replies.write_text(apart(recorded(*names, described=HOSTILE).dumps))
    socket = tmp_path / "p.sock"
    words = ("--directory", tmp_path / "none", "--replies", replies)
    with ExitStack() as stack:
        apart(lambda: stack.enter_context(start_service(socket, *words)))
        ui = stack.enter_context(start_ui(socket, "--title", HOSTILE))
        made = stack.enter_context(visit(browser, ui.address, own=ui.origin))
        page = made.page
        for name in names:
            page.evaluate("name => { location.hash = `#/types?type=${encodeURIComponent(name)}`; }", name)
            page.locator("#type-name").wait_for()
            assert page.evaluate("document.querySelector('#type-name').textContent") == name
        made.go("try")
        for name in names[:4]:
            type_in(page, f"qemu-system-x86_64 -device '{name.replace(chr(39), '')},nonsense=1'")
            wait_for_verdict(page, "1 finding")
        made.go("news")
        page.locator(".news li").first.wait_for()
        assert page.locator("img").count() == 0
        assert page.evaluate("window.hurt") is None
        assert HOSTILE in page.locator("h1").inner_text()


def _enter(manager: AbstractContextManager[object]) -> ExitStack:
    """It, entered; whoever closes the stack leaves it."""
    stack = ExitStack()
    stack.enter_context(manager)
    return stack
