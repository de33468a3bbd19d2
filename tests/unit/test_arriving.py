"""A request is known to be whole when it is, in whatever pieces it arrives."""

from __future__ import annotations

import pytest

from ska_oso_oet.web.server.request_end import Arriving

HEAD = b"PUT /x HTTP/1.1\r\nHost: a\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    "text",
    [
        HEAD + b"\r\n",
        HEAD + b"Content-Length: 0\r\n\r\n",
        HEAD + b"content-length:  5 \r\n\r\n\r\n\r\nx",
        CHUNKED + b"0\r\n\r\n",
        CHUNKED + b"5\r\nhello\r\n0\r\n\r\n",
        CHUNKED + b'A;name="v"\r\n0\r\n\r\n0\r\n\r\n\r\n1\r\nx\r\n0;last\r\nDigest: 1\r\nMore: 2\r\n\r\n',
        CHUNKED.replace(b"chunked", b"gzip, chunked") + b"00\r\n\r\n",
    ],
)
@pytest.mark.parametrize("piece", [1, 2, 7, 1000])
def test_it_is_whole_with_its_last_byte_and_not_before(text: bytes, piece: int) -> None:
    request = Arriving()
    for at in range(0, len(text), piece):
        assert not request.whole
        request.take(text[at : at + piece])
    assert request.whole
    assert request.given() == text
    assert not request.ended
    request.take(b"GET /")  # what follows belongs to the next one, and is the parser's to give back
    assert request.whole


def test_what_is_no_size_of_a_chunk_is_left_to_the_parser_at_once() -> None:
    for size in (b"-5", b"x", b"", b"5 5"):
        request = Arriving(CHUNKED + size + b"\r\n")
        assert request.whole


@pytest.mark.parametrize(
    "text",
    [
        b"GET /" + b"x" * 2**16,
        HEAD + b"Content-Length: 1048577\r\n\r\n",
        CHUNKED + b"100001\r\n",
        CHUNKED + b"1\r\nx\r\n" * 2**20,
    ],
)
def test_what_is_too_large_is_known_before_it_has_arrived(text: bytes) -> None:
    assert Arriving(text).too_large
    assert not Arriving(text).whole


def test_a_client_that_waits_for_a_word_is_known_until_it_sends() -> None:
    request = Arriving(HEAD + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n")
    assert request.is_asked_for_body
    assert b"Expect" not in request.given()
    request.take(b"{")
    assert not request.is_asked_for_body


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "rubbish", "post", "", "\x16\x03\x01"])
def test_what_is_no_command_does_not_wait_among_commands(method: str) -> None:
    assert not Arriving(f"{method} / HTTP/1.1\r\n\r\n".encode()).commands
    assert Arriving(b"PUT / HTTP/1.1\r\n\r\n").commands


@pytest.mark.parametrize(
    ("line", "probes"),
    [
        (b"GET /livez", True),
        (b"HEAD /readyz", True),
        (b"GET /livez?", False),
        (b"GET /procedures/1/files#/livez", False),
        (b"GET /procedures/1/files/livez", False),
        (b"GET //livez", False),
        (b"POST /livez", False),
    ],
)
def test_nothing_but_a_probe_is_taken_for_one(line: bytes, probes: bool) -> None:
    assert Arriving(line + b" HTTP/1.1\r\n\r\n").probe in ((b"livez", b"readyz") if probes else (None,))
