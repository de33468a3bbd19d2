"""A request that is arriving: detects its end without a full parser.

gunicorn's parser then interprets it, and refuses a request that violates HTTP.
"""

from __future__ import annotations

import re

MOST_HEAD = 2**16  #: bytes of a head
_MOST_BODY = 2**20  #: bytes of a body; larger ones are refused
_MOST_FRAMED = 2**22  #: bytes of such a body with its chunk headers

_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,15})[ \t]*(?:\r|$)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:", re.IGNORECASE)
_EXPECTS = re.compile(rb"\r\nexpect:[ \t]*100-continue[ \t]*(?=\r\n)", re.IGNORECASE)
_PROBES = re.compile(rb"(?:GET|HEAD) /(livez|readyz) HTTP/")  # exact spelling only
_COMMANDS = (b"POST ", b"PUT ", b"PATCH ", b"DELETE ")


class Arriving:
    """The received part of one request.

    :param begun: bytes received with the previous request
    """

    def __init__(self, begun: bytes = b"") -> None:
        self.data = bytearray()
        self.ended = False  #: the client has closed its end
        self._head = 0  #: bytes of the head; None until it is complete
        self._end: int | None = None  #: position of the end of the body; None if unknown
        self._chunks: _Chunks | None = None
        if begun:
            self.take(begun)

    def take(self, data: bytes) -> None:
        """Add received bytes; none means that the client has closed its end."""
        self.ended = not data
        looked = max(0, len(self.data) - len(_END) + 1)
        self.data += data
        if not self._head and (found := self.data.find(_END, looked)) >= 0:
            self._head = found + len(_END)
            head = bytes(self.data[: self._head])
            if _CHUNKED.search(head):
                self._chunks = _Chunks(self._head)
            else:
                length = _LENGTH.search(head)
                self._end = self._head + (int(length[1]) if length else 0)
        if self._chunks is not None:
            self._chunks.follow(self.data)

    @property
    def has_head(self) -> bool:
        """Whether the head is complete, so that the permission can be checked."""
        return self._head > 0

    @property
    def head(self) -> bytes:
        """The received part of the head."""
        return bytes(self.data[: self._head])

    @property
    def too_large(self) -> bool:
        """Whether it exceeds the limits of size."""
        if not self._head:
            return len(self.data) > MOST_HEAD
        if self._chunks is not None:
            return self._chunks.size > _MOST_BODY or len(self.data) - self._head > _MOST_FRAMED
        return self._end is not None and self._end - self._head > _MOST_BODY

    @property
    def whole(self) -> bool:
        """Whether it is complete."""
        if self._chunks is not None:
            return self._chunks.ended
        return self._end is not None and len(self.data) >= self._end

    @property
    def commands(self) -> bool:
        """Whether it may change something; rubbish may not."""
        return self.data.startswith(_COMMANDS)

    @property
    def probe(self) -> bytes | None:
        """The name of a probe, whose sender may kill a server that does not answer."""
        found = _PROBES.match(self.data)
        return found and bytes(found[1])

    @property
    def is_asked_for_body(self) -> bool:
        """Whether its client expects "100 Continue" before it sends a body."""
        return len(self.data) == self._head and _EXPECTS.search(self.data) is not None

    def given(self) -> bytes:
        """The input of the parser, without "Expect: 100-continue"."""
        return _EXPECTS.sub(b"", self.head) + bytes(self.data[self._head :])


class _Chunks:
    """Follows a body in chunks to its end.

    :param begin: the position of its beginning
    """

    def __init__(self, begin: int) -> None:
        self.ended = False
        self.size = 0  #: bytes of the body, by the chunk headers so far
        self._at = self._looked = begin
        self._last = False  #: whether trailers follow

    def follow(self, data: bytearray) -> None:
        """Advance to the end of the data, which may be very many chunks of one byte."""
        while not self.ended and self._at <= len(data):
            end = data.find(b"\n", max(self._at, self._looked))
            if end < 0:
                self._looked = len(data)
                return
            line = data[self._at : end]
            self._at = end + 1
            if self._last:
                self.ended = not line.strip()
                continue
            try:
                size = int(line.partition(b";")[0], 16)
            except ValueError:
                size = -1
            if size > 0:
                self.size += size
                self._at += size + len(b"\r\n")
            self._last = size == 0
            self.ended = size < 0  # the parser reports the error
