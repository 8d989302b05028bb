"""Debian's Chromium, driven by playwright, for tests of pages and for their pictures.

What a page says on its console, and what it asks for outside, is noted: a page of ours does neither.  While a browser
runs, playwright has an event loop in the thread that drives it: what of prober blocks is called :func:`apart`.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Literal, TypeVar

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

T = TypeVar("T")

#: What Chromium would do by itself, and needs of a machine that is none of a user's.
_ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--no-first-run", "--hide-scrollbars", "--disable-lcd-text",
)  # fmt: skip

#: How long (milliseconds) anything may take; a fault shows long before.
_PATIENCE_MS = 60_000

#: What axe is asked: WCAG 2.2 A and AA, and what its makers advise besides.
_RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


def apart(work: Callable[[], T]) -> T:
    """What it gives, worked out in a thread that has no event loop."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(work).result()


@contextmanager
def start_browser() -> Iterator[Browser]:
    """A browser; nothing of it is left."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=_ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


class Visit:
    """A page that is open: ``said`` is what it wrote on its console, ``asked`` what it asked for outside of ``own``."""

    def __init__(self, page: Page, own: str) -> None:
        self.page = page
        self.said: list[str] = []
        self.asked: list[str] = []
        page.set_default_timeout(_PATIENCE_MS)
        page.on("console", lambda message: self.said.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: self.said.append(f"error: {error}"))
        page.on("request", lambda request: self._note(request.url, own))

    def _note(self, url: str, own: str) -> None:
        if not url.startswith((own, "data:")):
            self.asked.append(url)

    def go(self, place: str) -> None:
        """Go to a place within the page (``types?q=e1000``)."""
        self.page.evaluate("place => { location.hash = `#/${place}`; }", place)
        name = place.partition("?")[0]
        self.page.wait_for_selector(f'nav[aria-label=Pages] a[aria-current=page][href="#/{name}"]')

    def faults(self) -> list[str]:
        """What axe finds, a line each: the rule, and where."""
        found: list[dict[str, Any]] = Axe().run(self.page, options=_RULES).response["violations"]
        return [f"{one['id']}: {node['target']} {node['html'][:120]}" for one in found for node in one["nodes"]]


@contextmanager
def visit(
    browser: Browser,
    url: str,
    *,
    scheme: Literal["light", "dark"] = "light",
    width: int = 1280,
    height: int = 860,
    own: str | None = None,
) -> Iterator[Visit]:
    """Open a page in a window of its own, until it is ready.

    :raise AssertionError: at the end, where it said or asked for anything.
    """
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": height})
    try:
        made = Visit(context.new_page(), own or url.partition("#")[0])
        made.page.goto(url)
        made.page.wait_for_selector("html[data-ready]", state="attached")
        yield made
        assert made.said == []
        assert made.asked == []
    finally:
        context.close()
