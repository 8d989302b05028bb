"""A response in bytes, and the body of a request as it comes."""

from __future__ import annotations

import asyncio

import pytest

from prober.service.messages import BodyTooLargeError, ClientGoneError, Request, Response
from tests.conftest import aio


def test_a_response_with_all_its_headers() -> None:
    response = Response(405, b"{}", "application/problem+json", allow="GET")
    assert response.encode() == (
        b"HTTP/1.1 405 Method Not Allowed\r\ncontent-length: 2\r\ncontent-type: application/problem+json\r\n"
        b"allow: GET\r\n\r\n{}"
    )


def test_what_else_stands_above_an_answer_is_there_whether_it_comes_in_pieces_or_not() -> None:
    headers = (("x-frame-options", "DENY"), ("set-cookie", "a=b"))
    head = Response(200, b"{}", headers=headers).encode()
    assert b"\r\nx-frame-options: DENY\r\nset-cookie: a=b\r\n\r\n{}" in head
    assert b"set-cookie" not in Response(200, b"{}").encode()


@pytest.mark.parametrize(("close", "keep_alive", "place"), [(True, True, 1), (True, False, 1), (False, False, 3)])
def test_a_connection_that_ends_is_told_so_once(close: bool, keep_alive: bool, place: int) -> None:
    lines = Response(200, b"", close=close).encode(keep_alive=keep_alive).split(b"\r\n")
    assert [number for number, line in enumerate(lines) if line == b"connection: close"] == [place]


def test_an_answer_to_head_has_no_body() -> None:
    head = Response(200, b"{}").encode(with_body=False)
    assert head.endswith(b"content-length: 2\r\ncontent-type: application/json\r\n\r\n")


def _request(wanted: list[Request]) -> Request:
    headers = [(b"x", b"1"), (b"x", b"2"), (b"expect", b"100-Continue")]
    return Request("POST", "/", b"", headers, wanted.append, keep_alive=True)


def test_the_first_of_two_headers_counts() -> None:
    request = _request([])
    assert (request.header(b"x"), request.header(b"y")) == ("1", "")
    assert request.wants_continue


def test_a_body_is_read_as_it_comes() -> None:
    async def read() -> bytes:
        wanted: list[Request] = []
        request = _request(wanted)
        assert request.feed(b"ab") == 2, "nobody reads it yet"
        reading = asyncio.ensure_future(request.read(10))
        await asyncio.sleep(0)
        assert wanted == [request]
        assert request.feed(b"cd") == 0
        await asyncio.sleep(0)
        request.end()
        return await reading

    assert aio(read()) == b"abcd"


def test_a_body_that_is_too_large_or_has_no_end_is_told() -> None:
    async def read(request: Request) -> bytes:
        return await request.read(3)

    large, gone = _request([]), _request([])
    large.feed(b"abcd")
    with pytest.raises(BodyTooLargeError):
        aio(read(large))
    gone.feed(b"a")
    gone.abandon()
    with pytest.raises(ClientGoneError):
        aio(read(gone))
    assert gone.is_gone
