"""What clients may send: shapes that are deep, wide, long, many, slow, half, with trailers, pipelined, smuggled.

Each is played by :mod:`tests.integration.client_attack`, whose time it takes.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from tests.integration import client_bodies as bodies
from tests.integration.client_attack import Attack, get, post
from tests.integration.client_bodies import KIB, LARGEST, SMALL, domain, filled, options, shell, words


@dataclass(frozen=True)
class Shape:
    """One shape.  ``crowd`` is whether it is many connections that all want work: only where the service can tell
    their user from others do those not wait for it."""

    name: str
    play: Callable[[Attack], None]
    crowd: bool = False


_CHUNKED = b"POST /v1/translate HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
_DECLARED = b"POST /v1/translate HTTP/1.1\r\nHost: x\r\nContent-Length: 1048576\r\n\r\n"


def _translate(make: Callable[[], bytes]) -> Callable[[Attack], None]:
    """The same domain again and again; each has a comment of its own, so that no answer is one that was given."""

    def play(attack: Attack) -> None:
        body, on, number = make(), attack.connect(), 0
        while attack.goes_on:
            number += 1
            own = body.removesuffix(b"</domain>") + f"<!--{number}--></domain>".encode()
            request = post(f"/v1/translate?binary={attack.ident}", own)
            if not attack.ask(request, on=on):
                on = attack.connect()

    return play


def _check(make: Callable[[], bytes], kind: str = "application/json") -> Callable[[Attack], None]:
    return lambda attack: attack.ask_again(post(f"/v1/check-argv?binary={attack.ident}", make(), kind))


def _get(target: str) -> Callable[[Attack], None]:
    return lambda attack: attack.ask_again(get(target.replace("{id}", attack.ident)))


def _pour(begin: bytes, piece: bytes, connections: int = 1, pause: float = 0.0) -> Callable[[Attack], None]:
    """Begin a request on each connection, and send the same on all of them until they are closed."""

    def play(attack: Attack) -> None:
        opened = [attack.connect() for _ in attack.times(connections)]
        opened = [on for on in opened if attack.send(on, begin)]
        while opened and attack.goes_on:
            opened = [on for on in opened if attack.send(on, piece)]
            time.sleep(pause)

    return play


def _drip(begin: bytes, piece: bytes) -> Callable[[Attack], None]:
    """The same, slowly."""
    return _pour(begin, piece, 50, 0.05)


def _hold(sent: bytes, connections: int) -> Callable[[Attack], None]:
    """Send the same on many connections, and neither go on nor read."""

    def play(attack: Attack) -> None:
        for _ in attack.times(connections):
            attack.send(attack.connect(), sent)
        attack.rest()

    return play


def _hold_asking(target: str, times: int, connections: int) -> Callable[[Attack], None]:
    return lambda attack: _hold(get(target.replace("{id}", attack.ident)) * times, connections)(attack)


def _come_and_go(attack: Attack) -> None:
    for _ in attack.times(10_000):
        on = attack.connect()
        on.close()
    attack.close()


def _all_at_once(attack: Attack) -> None:
    opened = [attack.connect() for _ in attack.times(1000)]
    while attack.goes_on:
        for on in opened:
            attack.send(on, get(f"/v1/binaries/{attack.ident}/supports?fact=virtio-blk-pci.bootindex"))
        attack.read_all()


def _tried_by_all(attack: Attack) -> None:
    """Every connection wants a translation that takes work."""
    request = post(f"/v1/translate?binary={attack.ident}", filled("<memballoon model='a{n}'/>", SMALL))
    _hold(request, 200)(attack)


def _sent_ahead(attack: Attack) -> None:
    attack.send(attack.connect(), get("/nothing") * 14_000)
    attack.read_all()


def _pipelined_with_bodies(attack: Attack) -> None:
    request = post(f"/v1/translate?binary={attack.ident}", b"<" + b"a" * (60 * KIB) + b"/>")
    on = attack.connect()
    attack.send(on, request * 20)
    attack.read_all()


def _leave_early(attack: Attack) -> None:
    request = post(f"/v1/translate?binary={attack.ident}", filled("<sound model='a{n}'/>", SMALL))
    while attack.goes_on:
        on = attack.connect()
        attack.send(on, request)
        on.close()


def _disk(size: int) -> bytes:
    disk = "<disk type='file'><source file='/a{n}'/><target dev='vd{n}' bus='virtio'/></disk>"
    return filled(disk, size)


def _arguments(value: str, size: int) -> bytes:
    around = ("<qemu:commandline xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>", "</qemu:commandline>")
    return filled(f"<qemu:arg value='{value}'/>", size, around)


HEADS = (
    Shape("a header without end", _pour(b"GET / HTTP/1.1\r\nX: ", b"a" * 65536)),
    Shape("a path without end", _pour(b"GET /", b"a" * 65536)),
    Shape("headers without end", _pour(b"GET / HTTP/1.1\r\n", b"a:b\r\n" * 10000)),
    Shape("empty lines without end", _pour(b"", b"\r\n" * 30000)),
    Shape("half heads of 16 KB", _hold(b"GET / HTTP/1.1\r\n" + b"a%d: b\r\n" % 1 * 99 + b"X: " + b"a" * 15000, 2000)),
    Shape("heads byte by byte", _drip(b"GET / HTTP/1.1\r\nX: ", b"a")),
    Shape("long escaped path", lambda attack: attack.ask_again(get("/" + "%41" * 5000))),
    Shape("garbage", _pour(b"", b"\x16\x03\x01\x02\x00" * 5000)),
    Shape(
        "smuggled",
        _pour(b"", b"POST /v1/translate HTTP/1.1\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"),
    ),
)

SLOW_BODIES = (
    Shape("half bodies", _hold(_DECLARED + b"x" * 60_000, 2000)),
    Shape("bodies but for a byte", _hold(_DECLARED + b"x" * (LARGEST - 1), 200)),
    Shape("bodies byte by byte", _drip(_DECLARED, b"x")),
    Shape("chunks of a byte", _pour(_CHUNKED, b"1\r\nx\r\n" * 40_000)),
    Shape("a chunk's name without end", _pour(_CHUNKED + b"1;", b"a" * 65536)),
    Shape(
        "a body that is not stopped",
        _pour(b"POST /v1/translate HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", b"x" * 65536),
    ),
    Shape("chunks that do not stop", _pour(_CHUNKED, b"10000\r\n" + b"x" * 65536 + b"\r\n", 20)),
    Shape("100-continue and nothing", _hold(_DECLARED.replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n"), 500)),
    Shape("many small trailers", _pour(_CHUNKED + b"0\r\n", b"a:b\r\n" * 10_000, 4)),
    Shape("a trailer without end", _pour(_CHUNKED + b"0\r\nX: ", b"a" * 65536, 4)),
    Shape("trailers one by one", _drip(_CHUNKED + b"0\r\n", b"a:b\r\n")),
)

MANY = (
    Shape("2,000 idle connections", _hold(b"", 2000)),
    Shape("10,000 idle connections", _hold(b"", 10_000)),
    Shape("connections that come and go", _come_and_go, crowd=True),
    Shape("1,000 that ask at once", _all_at_once, crowd=True),
    Shape("14,000 requests in one piece", _sent_ahead),
    Shape("requests ahead without reading", _hold_asking("/v1/binaries/{id}/types", 300, 20)),
    Shape("capabilities unread", _hold_asking("/v1/binaries/{id}/capabilities", 20, 100), crowd=True),
    Shape("types unread", _hold_asking("/v1/binaries/{id}/types", 4, 1000), crowd=True),
    Shape("pipelined bodies", _pipelined_with_bodies),
    Shape("bodies left alone", _leave_early),
    Shape("200 translations at once", _tried_by_all, crowd=True),
)

DOMAINS = (
    Shape("80,000 unknown attributes", _translate(partial(bodies.unknown_attributes, 80_000))),
    Shape("small, unknown attributes", _translate(partial(bodies.unknown_attributes, 5_500))),
    Shape("small, unknown elements", _translate(partial(filled, "<a{n}/>", SMALL))),
    Shape("deep", _translate(partial(bodies.deep, LARGEST - KIB))),
    Shape("small, deep", _translate(partial(bodies.deep, SMALL))),
    Shape("small, disks", _translate(partial(_disk, SMALL))),
    Shape("disks", _translate(partial(_disk, LARGEST - KIB))),
    Shape("small, interfaces", _translate(partial(filled, "<interface type='user'/>", SMALL))),
    Shape("small, controllers", _translate(partial(filled, "<controller type='pci' model='pci-bridge'/>", SMALL))),
    Shape("a long text", _translate(lambda: domain("<description>" + "a" * (LARGEST - KIB) + "</description>"))),
    Shape("references", _translate(lambda: domain("<description>" + "&amp;" * 200_000 + "</description>"))),
    Shape("a long name", _translate(lambda: domain(f"<{'a' * 500_000}/>"))),
    Shape("names in names", _translate(partial(filled, "<" + "a" * 900 + "{n}/>", LARGEST - KIB))),
    Shape("namespaces", _translate(partial(filled, "<a xmlns:a{n}='b{n}'/>", SMALL))),
    Shape("comments", _translate(partial(filled, "<!--{n}-->", LARGEST - KIB))),
    Shape("entities of entities", lambda attack: attack.ask_again(post("/v1/translate", bodies.laughs()))),
    Shape(
        "half of a character", lambda attack: attack.ask_again(post("/v1/translate", b"<a>" + b"\xed\xa0\x80" * 20_000))
    ),
    Shape("small, arguments", _translate(partial(_arguments, "-device", SMALL))),
    Shape("arguments", _translate(partial(_arguments, "a{n}", LARGEST - KIB))),
    Shape("quotes in arguments", _translate(lambda: _arguments("&quot;" * 150_000, LARGEST - KIB))),
)

COMMAND_LINES = (
    Shape("256,000 quotes", _check(lambda: shell("'" * 256_000), "text/plain")),
    Shape("backslashes", _check(lambda: shell("\\a" * 120_000), "text/plain")),
    Shape("a word of 60 KB", _check(lambda: words("-device", "e1000," + "a=b," * 15_000))),
    Shape("a word of 250 KB", _check(lambda: words("-device", "a" * 250_000))),
    Shape("unknown devices", _check(partial(options, "-device", "virtio-blk-pcx{n}", 1999))),
    Shape("unknown properties", _check(partial(options, "-device", "virtio-blk-pci,x{n}=1", 1999))),
    Shape("small, unknown properties", _check(partial(options, "-device", "virtio-blk-pci,x{n}=1", 240))),
    Shape("good devices", _check(partial(options, "-device", "virtio-rng-pci,id=a{n}", 1999))),
    Shape("drives", _check(partial(options, "-drive", "file=a,if=none,id=a{n}", 1999))),
    Shape("commas", _check(lambda: words("-drive", "," * 250_000))),
    Shape("dots", _check(lambda: words("-drive", "a" + ".a" * 60_000 + "=b"))),
    Shape("lists in lists", _check(lambda: words("-blockdev", "[" * 100_000))),
    Shape("objects in objects", _check(lambda: words("-blockdev", '{"file":' * 20_000))),
    Shape("JSON that is no list of words", _check(lambda: ("[" + "[],[]," * 40_000 + "1]").encode())),
    Shape("escaped words", _check(lambda: json.dumps(["\x01" * 40_000]).encode())),
)

QUESTIONS = (
    Shape("a long fact", _get("/v1/binaries/{id}/supports?fact=" + "a" * 15_000)),
    Shape("a long fact of parts", _get("/v1/binaries/{id}/supports?fact=" + "a." * 7000)),
    Shape("a long type", _get("/v1/binaries/{id}/types/" + "virtio-" * 2000)),
    Shape("a long command", _get("/v1/binaries/{id}/commands/" + "a" * 15_000)),
    Shape("a long id", _get("/v1/binaries/" + "a" * 15_000)),
    Shape("a long query", _get("/v1/binaries/{id}/supports?" + "&" * 15_000)),
    Shape("capabilities again and again", _get("/v1/binaries/{id}/capabilities")),
    Shape("types again and again", _get("/v1/binaries/{id}/types")),
    Shape("the description again and again", _get("/openapi.json")),
    Shape("a command with all its members", _get("/v1/binaries/{id}/commands/blockdev-add")),
)

#: All of them.
SHAPES = (*HEADS, *SLOW_BODIES, *MANY, *DOMAINS, *COMMAND_LINES, *QUESTIONS)
