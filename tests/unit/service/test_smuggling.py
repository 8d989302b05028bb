"""Requests of which two readers could make different things: refused, and what stands behind them is no request."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.raw_http import connect, everything
from tests.unit.capabilities.asking import Asker
from tests.unit.capabilities.making import make_binary
from tests.unit.service.running import make_settings, running
from tests.unit.service.test_protocol import status_of

GET = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
POST = b"POST /v1/check-argv HTTP/1.1\r\nHost: x\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    directory = tmp_path_factory.mktemp("smuggling")
    make_binary(directory / "bin")
    with running(make_settings(directory), Asker()) as made:
        yield made


#: RFC 9112, sections 2.2, 5.1, 5.2, 6.1, 6.3, 7.1.
AMBIGUOUS = {
    "coding and length": POST + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
    "length and coding": POST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "another coding": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "two codings": POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    "chunks not last": POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "space before the colon": POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "control before the coding": POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    "signed length": POST + b"Content-Length: +2\r\n\r\n[]",
    "negative length": POST + b"Content-Length: -2\r\n\r\n[]",
    "hexadecimal length": POST + b"Content-Length: 0x2\r\n\r\n[]",
    "list of lengths": POST + b"Content-Length: 2, 2\r\n\r\n[]",
    "two lengths": POST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n[]",
    "the same length twice": POST + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n[]",
    "empty length": POST + b"Content-Length: \r\n\r\n",
    "length beyond 64 bits": POST + b"Content-Length: 18446744073709551618\r\n\r\n[]",
    "prefixed size": CHUNKED + b"0x2\r\n[]\r\n0\r\n\r\n",
    "size with a space": CHUNKED + b"2 \r\n[]\r\n0\r\n\r\n",
    "negative size": CHUNKED + b"-2\r\n[]\r\n0\r\n\r\n",
    "size beyond 64 bits": CHUNKED + b"10000000000000002\r\n[]\r\n0\r\n\r\n",
    "no size": CHUNKED + b"\r\n[]\r\n0\r\n\r\n",
    "size ended by LF": CHUNKED + b"2\n[]\r\n0\r\n\r\n",
    "extension ended by LF": CHUNKED + b"2;a\n[]\r\n0\r\n\r\n",
    "chunk ended by LF": CHUNKED + b"2\r\n[]\n0\r\n\r\n",
    "chunk longer than its size": CHUNKED + b"2\r\n[]xx\r\n0\r\n\r\n",
    "length as a trailer": CHUNKED + b"2\r\n[]\r\n0\r\nContent-Length: 5\r\n\r\n",
    "coding as a trailer": CHUNKED + b"2\r\n[]\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n",
    "lines ended by LF": GET.replace(b"\r\n", b"\n") + b"\n",
    "lines ended by CR": GET.replace(b"\r\n", b"\r") + b"\r",
    "LF in a header": GET + b"X: a\nY: b\r\n\r\n",
    "CR in a header": GET + b"X: a\rY: b\r\n\r\n",
    "folded header": GET + b"X: a\r\n b\r\n\r\n",
    "folded length": POST + b"Content-Length:\r\n 2\r\n\r\n[]",
    "folded first header": b"GET /healthz HTTP/1.1\r\n Host: x\r\n\r\n",
    "NUL in a value": GET + b"X: a\0b\r\n\r\n",
    "NUL in a name": GET + b"X\0: a\r\n\r\n",
    "NUL in the path": b"GET /heal\0thz HTTP/1.1\r\n\r\n",
    "space in a name": GET + b"X Y: a\r\n\r\n",
    "no name": GET + b": a\r\n\r\n",
    "no colon": GET + b"Content-Length\r\n\r\n",
    "another version": b"GET /healthz HTTP/1.2\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "two hosts": GET + b"Host: y\r\n\r\n",
    "the same host twice": GET + b"host: x\r\n\r\n",
    "tunnel": b"CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n",
}


@pytest.mark.parametrize("name", AMBIGUOUS)
def test_it_is_refused_with_all_behind_it(path: Path, name: str) -> None:
    with connect(path) as client:
        client.sendall(AMBIGUOUS[name] + GET + b"\r\n")
        assert status_of(everything(client)) == 400


PLAIN = {
    "tab before the coding": POST + b"Transfer-Encoding:\tchunked\r\n\r\n2\r\n[]\r\n0\r\n\r\n",
    "extension": CHUNKED + b"2;a=b\r\n[]\r\n0\r\n\r\n",
    "trailer": CHUNKED + b"2\r\n[]\r\n0\r\nX: 1\r\n\r\n",
    "body of a GET": GET + b"Content-Length: 3\r\n\r\nabc",
    "chunks of a GET": GET + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "whole URL": b"GET http://x/healthz HTTP/1.1\r\nHost: x\r\n\r\n",
}


@pytest.mark.parametrize("name", PLAIN)
def test_what_is_clear_is_answered_and_what_is_behind_it_too(path: Path, name: str) -> None:
    last = b"DELETE /healthz HTTP/1.1\r\nConnection: close\r\n\r\n"
    with connect(path) as client:
        client.sendall(PLAIN[name] + last)
        answer = everything(client)
    codes = re.findall(rb"HTTP/1\.1 (\d{3})", answer)
    assert codes[-1] == b"405"
    assert len(codes) == 2
