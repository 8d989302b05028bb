"""Reading what a client sends: query and body, each bounded and strict."""

from __future__ import annotations

from urllib.parse import parse_qsl

from starlette.requests import Request

from prober.service.problems import RequestError

_TRUE, _FALSE = frozenset(("1", "true", "yes", "on")), frozenset(("0", "false", "no", "off"))

#: What an XML body may be declared as; the last is what curl declares of itself with ``--data-binary``.
_XML_TYPES = frozenset(
    ("", "application/xml", "text/xml", "text/plain", "application/octet-stream", "application/x-www-form-urlencoded")
)


class ClientGoneError(Exception):
    """The client went away, or was let go, while its body was read; there is nobody to answer."""


def read_query(raw: bytes, *known: str) -> dict[str, str]:
    """The parameters of a query string, of which each is known and given once.

    :raise RequestError: (400) where one is not.
    """
    if not raw:
        return {}
    values: dict[str, str] = {}
    try:
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=16)
    except ValueError as error:
        raise RequestError(400, f"the query cannot be read: {error}") from error
    for name, value in pairs:
        if name not in known:
            raise RequestError(
                400, f"unknown query parameter {name[:80]!r}", hint=f"known here: {', '.join(known) or 'none'}"
            )
        if name in values:
            raise RequestError(400, f"query parameter {name} is given twice")
        values[name] = value
    return values


def as_bool(name: str, value: str) -> bool:
    """A truth value of the query.

    :raise RequestError: (400) where it is none.
    """
    if value.lower() in _TRUE:
        return True
    if value.lower() in _FALSE:
        return False
    raise RequestError(400, f"{name} is {value[:80]!r}", hint="write true or false")


async def read_xml(request: Request, limit: int) -> bytes:
    """The body, at most ``limit`` bytes of it; too much is found out before it is read.

    :raise RequestError: 413 where it is larger, 415 where it is declared as something else than XML.
    :raise ClientGoneError: where it does not come to its end.
    """
    declared = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if declared not in _XML_TYPES:
        raise RequestError(415, f"a domain cannot be {declared[:80]!r}", hint="send it as application/xml")
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length[:20]) > limit:
        raise _too_large(limit)
    body = bytearray()
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        body += message.get("body", b"")
        if len(body) > limit:
            raise _too_large(limit)
        if not message.get("more_body", False):
            return bytes(body)


def _too_large(limit: int) -> RequestError:
    return RequestError(413, f"the body is larger than {limit} bytes")
