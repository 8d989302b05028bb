"""Reading what a client sends: query and body, each bounded and strict."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl

from prober.service.messages import BodyTooLargeError, Request
from prober.service.problems import RequestError
from prober.service.questions import ArgvBody
from prober.service.routes import Route
from prober.translate.wishes import Wishes, read_moment

_TRUE, _FALSE = frozenset(("1", "true", "yes", "on")), frozenset(("0", "false", "no", "off"))

#: What an XML body may be declared as; the last is what curl declares of itself with ``--data-binary``.
_XML_TYPES = frozenset(
    ("", "application/xml", "text/xml", "text/plain", "application/octet-stream", "application/x-www-form-urlencoded")
)

_ONLY_XML = frozenset(("application/xml", "text/xml"))

#: What the body of an argv may be declared as.
_WORDS_TYPES = frozenset(
    ("", "application/json", "text/plain", "application/octet-stream", "application/x-www-form-urlencoded")
)

#: What a state file may be declared as, and how large one is: ``prober.rehearsal.statefile.MOST_FILE``, which brings
#: along more than a service that rehearses nothing should import.
_STATE_TYPES = frozenset(("", "application/octet-stream", "application/x-www-form-urlencoded"))
_MOST_STATE_FILE = 8 << 20

#: How much of an argv is taken (bytes, words), so that one is checked in seconds, whatever it holds: an unknown type
#: takes 1.5 ms, as the names that are like it are looked for.
_MOST_ARGV, _MOST_WORDS = 256 << 10, 4000


def read_query(raw: bytes, route: Route) -> dict[str, str]:
    """The parameters of a query string, of which the route knows each, and each is given once.

    :raise RequestError: (400) where one is not.
    """
    if not raw or route.query is None:
        return {}
    known = [parameter.name for parameter in route.query]
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


def read_truth(request: Request, name: str) -> bool:
    """A truth value of the query; false where it is not given.

    :raise RequestError: (400) where it is none.
    """
    value = request.query.get(name, "false")
    if value.lower() in _TRUE:
        return True
    if value.lower() in _FALSE:
        return False
    raise RequestError(400, f"{name} is {value[:80]!r}", hint="write true or false")


def read_wishes(request: Request) -> Wishes:
    """How a domain is to be translated.

    :raise UsageError: where a parameter cannot be read.
    """
    moment = request.query.get("starts_at")
    return Wishes(
        strict=read_truth(request, "strict"),
        ignore_unknown=read_truth(request, "ignore_unknown"),
        make_up=read_truth(request, "make_up"),
        seed=request.query.get("seed"),
        starts_at=None if moment is None else read_moment(moment),
    )


def read_number(request: Request, name: str, usual: int, most: int) -> int:
    """A number of the query, 0 to ``most``; ``usual`` where it is not given.

    :raise RequestError: (400) where it is none.
    """
    value = request.query.get(name, str(usual))
    if value.isascii() and value.isdigit() and len(value) < 10 and int(value) <= most:
        return int(value)
    raise RequestError(400, f"{name} is {value[:80]!r}", hint=f"write a number, 0 to {most}")


async def read_domains(request: Request, limit: int, name: str) -> list[tuple[str, bytes]]:
    """The domains of a body of at most ``limit`` bytes, each by a name: those of a JSON object, or the one that it is,
    which is called ``name``; none where it is empty.

    :raise RequestError: 400 where it is JSON of another form, 413 where it is larger, 415 where it is something else.
    :raise ClientGoneError: where it does not come to its end.
    """
    if _declared_type(request) != "application/json":
        body = await read_xml(request, limit)
        return [(name, body)] if body else []
    told = _json(await _read_body(request, limit))
    if not isinstance(told, dict) or not all(isinstance(xml, str) for xml in told.values()):
        raise RequestError(400, "the body is no JSON object of domains", hint='send {"NAME": "<domain …", …}')
    try:
        return [(called, xml.encode()) for called, xml in told.items()]
    except UnicodeEncodeError as error:
        raise RequestError(400, f"a domain is not Unicode: {error}") from error


async def read_xml(request: Request, limit: int) -> bytes:
    """The body, at most ``limit`` bytes of it; too much is found out before it is read.

    :raise RequestError: 413 where it is larger, 415 where it is declared as something else than XML.
    :raise ClientGoneError: where it does not come to its end.
    """
    declared = _declared_type(request)
    if declared not in _XML_TYPES:
        raise RequestError(415, f"a domain cannot be {declared[:80]!r}", hint="send it as application/xml")
    return await _read_body(request, limit)


async def read_line(request: Request, limit: int) -> tuple[ArgvBody | None, bytes]:
    """The body of an argv, as :func:`read_argv_body` gives it, or None and a domain's XML, of at most ``limit`` bytes.

    It is a domain where it is declared as XML, or begins as XML does and is not declared as JSON.

    :raise RequestError: 413 where it is larger, 415 where it is declared as something else.
    :raise ClientGoneError: where it does not come to its end.
    """
    declared = _declared_type(request)
    if declared not in _XML_TYPES | _WORDS_TYPES:
        hint = "send an argv as application/json or text/plain, a domain as application/xml"
        raise RequestError(415, f"neither an argv nor a domain can be {declared[:80]!r}", hint=hint)
    body = await _read_body(request, limit)
    if declared in _ONLY_XML or (declared != "application/json" and body.lstrip()[:1] == b"<"):
        return None, body
    if len(body) > _MOST_ARGV:
        raise _too_large(_MOST_ARGV)
    return ArgvBody(body, declared), b""


async def read_argv_body(request: Request, limit: int) -> ArgvBody:
    """The body of an argv, of at most ``limit`` bytes; :func:`words_of` takes it apart, which takes long.

    :raise RequestError: 413 where it is larger, 415 where it is declared as something else.
    :raise ClientGoneError: where it does not come to its end.
    """
    declared = _declared_type(request)
    if declared not in _WORDS_TYPES:
        hint = "send a JSON list as application/json, or a shell command line as text/plain"
        raise RequestError(415, f"an argv cannot be {declared[:80]!r}", hint=hint)
    return ArgvBody(await _read_body(request, min(limit, _MOST_ARGV)), declared)


async def read_json_body(request: Request, limit: int) -> bytes:
    """A body of JSON, of at most ``limit`` bytes, which nobody has looked into.

    :raise RequestError: 413 where it is larger, 415 where it is declared as something else.
    :raise ClientGoneError: where it does not come to its end.
    """
    declared = _declared_type(request)
    if declared not in _WORDS_TYPES - {"text/plain"}:
        raise RequestError(415, f"this cannot be {declared[:80]!r}", hint="send it as application/json")
    return await _read_body(request, limit)


async def read_state_body(request: Request) -> bytes:
    """A state file, of at most as many bytes as one has, which nobody has looked into.

    :raise RequestError: 413 where it is larger, 415 where it is declared as something else.
    :raise ClientGoneError: where it does not come to its end.
    """
    declared = _declared_type(request)
    if declared not in _STATE_TYPES:
        raise RequestError(415, f"a state file cannot be {declared[:80]!r}", hint="send it as application/octet-stream")
    return await _read_body(request, _MOST_STATE_FILE)


def words_of(body: bytes, declared: str) -> list[str]:
    """The words of an argv: a JSON list of strings, or a shell command line.

    Declared as ``application/json`` it is the one, as ``text/plain`` the other; where nothing is declared, or what
    curl says by itself, its first character tells.

    :raise RequestError: (400) where it is neither.
    :raise UsageError: where a shell could not read it.
    """
    if declared == "application/json" or (declared != "text/plain" and body.lstrip()[:1] == b"["):
        words = _json_words(body)
    else:
        # Imported late: it is for workers alone.
        from prober.commandline.parse import split_shell

        try:
            words = split_shell(body.decode())
        except UnicodeDecodeError as error:
            raise RequestError(400, f"the command line is not UTF-8: {error}") from error
    if len(words) > _MOST_WORDS:
        raise RequestError(400, f"the command line has more than {_MOST_WORDS} words")
    return words


def _json_words(body: bytes) -> list[str]:
    words = _json(body)
    if not isinstance(words, list) or not words or not all(isinstance(word, str) for word in words):
        raise RequestError(400, "the body is not a JSON list of words", hint='send ["qemu-system-x86_64", "-S", …]')
    return words


def _json(body: bytes) -> Any:
    """:raise RequestError: (400) where it is none."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise RequestError(400, f"the body is not JSON: {error}") from error


def _declared_type(request: Request) -> str:
    return request.header(b"content-type").partition(";")[0].strip().lower()


async def _read_body(request: Request, limit: int) -> bytes:
    length = request.header(b"content-length")
    if length.isdigit() and int(length[:20]) > limit:
        raise _too_large(limit)
    try:
        return await request.read(limit)
    except BodyTooLargeError:
        raise _too_large(limit) from None


def _too_large(limit: int) -> RequestError:
    return RequestError(413, f"the body is larger than {limit} bytes")
