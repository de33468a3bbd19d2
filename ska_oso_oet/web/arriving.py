"""A request that is arriving: whether it is there, as far as that can be told without understanding it.

To understand it, and to refuse what breaks the rules of HTTP, is the parser's business.
"""

from __future__ import annotations

import re

MOST_HEAD = 2**16  #: bytes of a head
_MOST_BODY = 2**20  #: bytes of a body; larger ones are refused
_MOST_FRAMED = 2**22  #: bytes of such a body with what stands between its chunks

_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,15})[ \t]*(?:\r|$)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:", re.IGNORECASE)
_EXPECTS = re.compile(rb"\r\nexpect:[ \t]*100-continue[ \t]*(?=\r\n)", re.IGNORECASE)
_READS = (b"GET ", b"HEAD ", b"OPTIONS ")


class Arriving:
    """One request, as far as it has arrived.

    :param begun: what of it came behind the one before
    """

    def __init__(self, begun: bytes = b"") -> None:
        self.data = bytearray()
        self.ended = False  #: nothing more will come
        self._head = 0  #: bytes of the head, once that is whole
        self._end: int | None = None  #: where the body ends, if that is known
        self._chunks: _Chunks | None = None
        if begun:
            self.take(begun)

    def take(self, data: bytes) -> None:
        """Take what has arrived; nothing means that nothing more will."""
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
        """Whether the head is there: who asks for what, and may they."""
        return self._head > 0

    @property
    def too_large(self) -> bool:
        """Whether there is more of it than is waited for."""
        if not self._head:
            return len(self.data) > MOST_HEAD
        if self._chunks is not None:
            return self._chunks.size > _MOST_BODY or len(self.data) - self._head > _MOST_FRAMED
        return self._end is not None and self._end - self._head > _MOST_BODY

    @property
    def whole(self) -> bool:
        """Whether all of it is there."""
        if self._chunks is not None:
            return self._chunks.ended
        return self._end is not None and len(self.data) >= self._end

    @property
    def commands(self) -> bool:
        """Whether it may change something."""
        return not self.data.startswith(_READS)

    @property
    def is_asked_for_body(self) -> bool:
        """Whether its client waits for a word before it sends a body."""
        return len(self.data) == self._head and _EXPECTS.search(self.data) is not None

    def given(self) -> bytes:
        """What the parser gets: it has no client to ask for a body."""
        return _EXPECTS.sub(b"", bytes(self.data[: self._head])) + bytes(self.data[self._head :])


class _Chunks:
    """Follows a body in chunks to its end.

    :param begin: where it begins
    """

    def __init__(self, begin: int) -> None:
        self.ended = False
        self.size = 0  #: bytes of the body, as far as its chunks are announced
        self._at = self._looked = begin
        self._last = False  #: whether what follows are trailers

    def follow(self, data: bytearray) -> None:
        """Go on to where the data ends. There may be very many chunks, of a byte each."""
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
            self.ended = size < 0  # the parser will say what is wrong
