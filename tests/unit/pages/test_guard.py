"""Who may ask the page's server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from prober.pages.live.guard import UiGuard
from prober.service.messages import Request
from prober.service.problems import RequestError

PORT = 4711
HOST = f"127.0.0.1:{PORT}"
OURS = f"http://{HOST}"


def _request(headers: Mapping[str, str], method: str = "GET", more: Sequence[tuple[bytes, bytes]] = ()) -> Request:
    raw = [*((name.encode(), value.encode("latin-1")) for name, value in headers.items()), *more]
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


@pytest.mark.parametrize("name", ["host", "origin"])
def test_what_is_told_twice_is_refused_whichever_is_right(name: str) -> None:
    headers = {"host": HOST, "origin": OURS}
    for value in (b"evil.example", headers[name].encode()):
        with pytest.raises(RequestError) as caught:
            UiGuard(PORT).require_place(_request(headers, "POST", [(name.encode(), value)]))
        assert caught.value.status == 400


def test_the_port_of_http_stands_in_no_address() -> None:
    guard = UiGuard(80)
    guard.require_place(_request({"host": "127.0.0.1", "origin": "http://127.0.0.1"}, "POST"))
    assert _refused(guard, {"host": "evil.example"}) == 421


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


@pytest.mark.parametrize(
    "other", ['data={"a":1}', "a=b c", "=none", "\xe9=1", 'a="open', "alone", f"prober-ui-{PORT}=theirs", "", "a=b,c"]
)
def test_cookies_of_other_ports_keep_nobody_out(other: str) -> None:
    """A browser sends those of all ports of a host together, in whatever form their servers made them."""
    guard = UiGuard(PORT)
    cookie, key = guard.exchange(guard.token)
    pair = cookie.partition(";")[0]
    for told in (f"{other}; {pair}", f"{pair}; {other}", f"{other};{pair}"):
        guard.require_session(_request({"cookie": told, "x-prober-key": key}))
    for told in (other, f"{other}; x{pair}", pair.upper()):
        with pytest.raises(RequestError):
            guard.require_session(_request({"cookie": told, "x-prober-key": key}))


def test_tokens_cannot_be_guessed() -> None:
    tokens = {UiGuard(PORT).token for _ in range(50)}
    assert len(tokens) == 50
    assert min(map(len, tokens)) >= 43
