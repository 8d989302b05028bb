"""A page's server beside a real service, as a process, and requests to it that no browser would send."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Page

from tests.integration.processes import PATIENCE, PROBER, Group, start_group


@dataclass
class Answered:
    """An answer: ``headers`` are by their names in small letters."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class UiServer:
    """One that runs; ``address`` is what it printed, with the token."""

    address: str
    group: Group
    session: dict[str, str] = field(default_factory=dict)

    @property
    def host(self) -> str:
        """What it is addressed as."""
        return urlsplit(self.address).netloc

    @property
    def origin(self) -> str:
        """The origin of its page."""
        return f"http://{self.host}"

    @property
    def token(self) -> str:
        """That of the address."""
        return self.address.partition("#token=")[2]

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> Answered:
        """Send a request as its own page would, but for what ``headers`` say otherwise (an underscore is a dash)."""
        given = {"host": self.host, **({"origin": self.origin} if method == "POST" else {}), **self.session}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        connection = HTTPConnection(self.host, timeout=PATIENCE)
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in given.items():
                if value:
                    connection.putheader(name, value)
            connection.putheader("content-length", str(len(body)))
            connection.endheaders(body)
            answer = connection.getresponse()
            return Answered(answer.status, {key.lower(): value for key, value in answer.headers.items()}, answer.read())
        finally:
            connection.close()

    def open_session(self) -> None:
        """Spend the token."""
        answer = self.ask("POST", "/session", self.token.encode())
        assert answer.status == 200, answer.body
        cookie = answer.headers["set-cookie"].partition(";")[0]
        self.session = {"cookie": cookie, "x-prober-key": answer.json["key"]}


@contextmanager
def start_ui(socket: Path, *words: object) -> Iterator[UiServer]:
    """``prober ui`` on a free port, once it has printed its address."""
    with start_group([PROBER, "ui", "--socket", socket, *words]) as group:
        printed = group.wait_for(lambda text: "Ctrl-C ends it." in text)
        yield UiServer(printed.split()[0], group)


def type_in(page: Page, text: str) -> None:
    """Have the page's text be this one."""
    page.get_by_label("Domain XML or command line").fill(text)


def wait_for_verdict(page: Page, words: str) -> None:
    """Wait until the page says so of its text."""
    page.locator("form.bar output", has_text=words).wait_for()
