"""Who may ask the page's server: whoever came by the address that was printed, from this very page, once.

Anybody on this host can connect to a port of its loopback, and any page in the same browser can send requests there.
So each request names the host that we are (a name that resolves to us is not enough), one that changes anything comes
from our own page, and what is not the package's own is for the session alone.  That has two halves: a cookie, which no
script can read, and a key, which a server on another port of this host does not get, as it gets the cookie.
"""

from __future__ import annotations

import hmac
import secrets
from http.cookies import CookieError, SimpleCookie

from prober.service.messages import Request
from prober.service.problems import RequestError

#: The header with the key of the session.
KEY_HEADER = b"x-prober-key"

#: What a token may have at most (bytes), so that none is read that cannot be one.
MOST_TOKEN = 256

_BYTES = 32
_AGAIN = "open the address that `prober ui` printed; it is for one browser, once"


class UiGuard:
    """Knows the token, until it is spent, and then the session."""

    def __init__(self, port: int) -> None:
        self._hosts = frozenset(f"{name}:{port}" for name in ("127.0.0.1", "localhost"))
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

        :raise RequestError: (421, 403) where it is not.
        """
        host = request.header(b"host")
        if host not in self._hosts:
            raise RequestError(421, "this is another host than is asked for", hint=_AGAIN)
        origin = request.header(b"origin")
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
        key = request.header(KEY_HEADER)
        if not (_is_same(self._cookie_of(request), self._cookie) and _is_same(key, self._key)):
            raise RequestError(403, "this is for the page that was opened with the token", hint=_AGAIN)

    def exchange(self, token: str) -> tuple[str, str]:
        """The cookie (as ``Set-Cookie`` has it) and the key for the token, which is spent by that.

        :raise RequestError: (403) where it is another one, or spent.
        """
        if self._token is None or not _is_same(token, self._token):
            raise RequestError(403, "the token is wrong, or was used already", hint=_AGAIN)
        self._token = None
        return f"{self._cookie_name}={self._cookie}; HttpOnly; SameSite=Strict; Path=/", self._key

    def _cookie_of(self, request: Request) -> str:
        try:
            found = SimpleCookie(request.header(b"cookie")).get(self._cookie_name)
        except CookieError:
            return ""
        return "" if found is None else found.value


def _is_same(given: str, kept: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), kept.encode())
