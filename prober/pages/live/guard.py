"""Who may ask the page's server: whoever came by the address that was printed, from this very page, once.

Anybody on this host can connect to a port of its loopback, and any page in the same browser can send requests there.
So each request names the host that we are (a name that resolves to us is not enough), one that changes anything comes
from our own page, and what is not the package's own is for the session alone.  That has two halves: a cookie, which no
script can read, and a key, which a server on another port of this host does not get, as it gets the cookie.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Iterator

from prober.service.messages import Request
from prober.service.problems import RequestError

#: The header with the key of the session.
KEY_HEADER = b"x-prober-key"

#: What a token may have at most (bytes), so that none is read that cannot be one.
MOST_TOKEN = 256

_BYTES = 32

#: The port that stands in no address.
_HTTP = 80
_AGAIN = "open the address that `prober ui` printed; it is for one browser, once"


class UiGuard:
    """Knows the token, until it is spent, and then the session."""

    def __init__(self, port: int) -> None:
        names = ("127.0.0.1", "localhost")
        # A browser leaves out the port that is HTTP's own.
        self._hosts = frozenset(names if port == _HTTP else (f"{name}:{port}" for name in names))
        self._cookie_name = f"prober-ui-{port}"
        self._token: str | None = secrets.token_urlsafe(_BYTES)
        self._cookie = secrets.token_urlsafe(_BYTES)
        self._key = secrets.token_urlsafe(_BYTES)

    @property
    def token(self) -> str:
        """What the printed address has; empty where it is spent."""
        return self._token or ""

    def require_place(self, request: Request) -> None:
        """That it is sent to us by our own name, and where a browser says by which page, then by ours.

        :raise RequestError: (421, 403) where it is not; (400) where that is told twice.
        """
        host = _told_once(request, b"host")
        if host not in self._hosts:
            raise RequestError(421, "this is another host than is asked for", hint=_AGAIN)
        origin = _told_once(request, b"origin")
        if origin and origin != f"http://{host}":
            raise RequestError(403, "another page may not ask here")
        # A link elsewhere may lead to the page itself, which holds nothing.
        site = request.header(b"sec-fetch-site")
        if site not in ("", "same-origin", "none") and request.header(b"sec-fetch-mode") != "navigate":
            raise RequestError(403, "another page may not ask here")
        if request.method not in ("GET", "HEAD") and not origin:
            raise RequestError(403, "which page asks is not told")

    def require_session(self, request: Request) -> None:
        """That it is of the session.

        :raise RequestError: (403) where it is not.
        """
        # A browser has one jar for all ports of this host: theirs stand beside ours, in whatever form, and one of our
        # name may stand before it.
        has_cookie = any(_is_same(one, self._cookie) for one in self._cookies_of(request))
        if not (has_cookie and _is_same(request.header(KEY_HEADER), self._key)):
            raise RequestError(403, "this is for the page that was opened with the token", hint=_AGAIN)

    def exchange(self, token: str) -> tuple[str, str]:
        """The cookie (as ``Set-Cookie`` has it) and the key for the token, which is spent by that.

        :raise RequestError: (403) where it is another one, or spent.
        """
        if self._token is None or not _is_same(token, self._token):
            raise RequestError(403, "the token is wrong, or was used already", hint=_AGAIN)
        self._token = None
        return f"{self._cookie_name}={self._cookie}; HttpOnly; SameSite=Strict; Path=/", self._key

    def _cookies_of(self, request: Request) -> Iterator[str]:
        """The values of all cookies of our name (RFC 6265, 4.2.1)."""
        for header in request.every(b"cookie"):
            for pair in header.split(";"):
                name, _, value = pair.strip(" ").partition("=")
                if name == self._cookie_name:
                    yield value


def _told_once(request: Request, name: bytes) -> str:
    """What a header says, empty without one.

    :raise RequestError: (400) where there are two, as whoever reads may take the other.
    """
    told = request.every(name)
    if len(told) > 1:
        raise RequestError(400, f"there is more than one {name.decode()} header")
    return told[0] if told else ""


def _is_same(given: str, kept: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), kept.encode())
