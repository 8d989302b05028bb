"""Who may ask the page's server."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from prober.pages.live.guard import UiGuard
from prober.service.messages import Request
from prober.service.problems import RequestError

PORT = 4711
HOST = f"127.0.0.1:{PORT}"
OURS = f"http://{HOST}"


def _request(headers: Mapping[str, str], method: str = "GET") -> Request:
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    return Request(method, "/api/book", b"", raw, lambda _: None, keep_alive=True)


def _refused(guard: UiGuard, headers: Mapping[str, str], method: str = "GET") -> int:
    with pytest.raises(RequestError) as caught:
        guard.require_place(_request(headers, method))
    return caught.value.status


@pytest.mark.parametrize(
    "host", ["evil.example", f"evil.example:{PORT}", "127.0.0.1", f"127.0.0.1:{PORT + 1}", "", "[::1]"]
)
def test_a_name_that_is_not_ours_is_refused_though_it_leads_here(host: str) -> None:
    assert _refused(UiGuard(PORT), {"host": host}) == 421


@pytest.mark.parametrize("host", [HOST, f"localhost:{PORT}"])
def test_our_own_names_are_let_in(host: str) -> None:
    UiGuard(PORT).require_place(_request({"host": host}))
    UiGuard(PORT).require_place(_request({"host": host, "origin": f"http://{host}"}, "POST"))


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", f"https://{HOST}", f"http://localhost:{PORT}", "http://127.0.0.1"]
)
def test_another_page_is_refused_whatever_it_asks(origin: str) -> None:
    for method in ("GET", "POST"):
        assert _refused(UiGuard(PORT), {"host": HOST, "origin": origin}, method) == 403


def test_what_changes_anything_says_from_which_page_it_comes() -> None:
    assert _refused(UiGuard(PORT), {"host": HOST}, "POST") == 403


def test_a_browser_that_tells_of_another_site_is_believed() -> None:
    guard = UiGuard(PORT)
    for site in ("cross-site", "same-site"):
        assert _refused(guard, {"host": HOST, "sec-fetch-site": site, "sec-fetch-mode": "no-cors"}) == 403
    # A link elsewhere leads to the page, which holds nothing.
    guard.require_place(_request({"host": HOST, "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}))


def test_the_token_is_for_one_browser_once() -> None:
    guard = UiGuard(PORT)
    token = guard.token
    with pytest.raises(RequestError):
        guard.exchange(token[:-1])
    cookie, key = guard.exchange(token)
    assert cookie.endswith("; HttpOnly; SameSite=Strict; Path=/")
    assert token not in cookie and token != key and key not in cookie
    assert guard.token == ""
    with pytest.raises(RequestError):
        guard.exchange(token)
    with pytest.raises(RequestError):
        guard.exchange("")


def test_a_session_takes_both_halves() -> None:
    guard, other = UiGuard(PORT), UiGuard(PORT)
    cookie, key = guard.exchange(guard.token)
    foreign, foreign_key = other.exchange(other.token)
    pair = cookie.partition(";")[0]
    guard.require_session(_request({"cookie": pair, "x-prober-key": key}))
    guard.require_session(_request({"cookie": f"a=b; {pair}; c=d", "x-prober-key": key}))
    wrong: list[dict[str, str]] = [
        {},
        {"cookie": pair},
        {"x-prober-key": key},
        {"cookie": pair, "x-prober-key": foreign_key},
        {"cookie": foreign.partition(";")[0], "x-prober-key": key},
        {"cookie": pair[:-1], "x-prober-key": key},
        {"cookie": "=;=\xff", "x-prober-key": "\xff"},
    ]
    for headers in wrong:
        with pytest.raises(RequestError) as caught:
            guard.require_session(_request(headers))
        assert caught.value.status == 403


def test_tokens_cannot_be_guessed() -> None:
    tokens = {UiGuard(PORT).token for _ in range(50)}
    assert len(tokens) == 50
    assert min(map(len, tokens)) >= 43
