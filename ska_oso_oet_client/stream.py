"""Reads the event stream: complete messages, without a gap after a broken connection.

The bytes are cut into blocks here, at blank lines, and each block is decoded by sseclient. A
block that a broken connection cut short is dropped; the server sends it again.
"""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

import requests
import sseclient

from .answers import never_sent, reason_of
from .errors import BadAnswerError, LostError, OETError, RefusedError, UnreachableError
from .limits import SILENCE
from .retry import may_pass, pauses
from .transport import Transport

QUIET = 20.0
"""Seconds without a byte that are worth a word."""

Trouble = tuple[str, float]
"""Its description, and its beginning on the monotonic clock."""
NO_WORD = "no word from the server for"

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 8.0

PIECE = 64 * 1024
"""Bytes taken from a connection at once."""
LARGEST_BLOCK = 2**25
"""Bytes of a block; messages of the OET have at most 8 MiB of JSON."""

_BLANK_LINE = re.compile(rb"\r\n\r\n|\n\n|\r\r")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Message:
    """One block of the stream: a message, or with ``name`` None a keep-alive.

    ``reconnected`` marks the first block after a broken connection.
    """

    name: str | None
    data: Mapping[str, Any]
    id: str | None
    raw: bytes
    reconnected: bool = False


class EventStream:
    """The endless messages of one stream, over as many connections as needed.

    ``patience`` limits the seconds without a server (None: no limit), after which
    UnreachableError is raised. ``notify`` gets a sentence about each change of the connection.
    """

    def __init__(
        self,
        transport: Transport,
        path: str = "/stream",
        *,
        params: Mapping[str, Any] | None = None,
        last_id: str | None = None,
        patience: float | None = None,
        notify: Callable[[str], None] = log.warning,
    ) -> None:
        self._transport = transport
        self.url = transport.url
        self._path = path
        self._params = dict(params or {})
        self._patience = patience
        self._notify = notify
        self._response: requests.Response | None = None
        self._blocks: Iterator[bytes] = iter(())
        self._heard = time.monotonic()
        self._lost: float | None = None  #: time of the loss of the connection
        self.last_id = last_id

    def trouble(self) -> Trouble | None:
        """The reason while the connection is lost or silent."""
        if self._lost is not None:
            return "reconnecting", self._lost
        quiet = time.monotonic() - self._heard
        return (NO_WORD, self._heard) if quiet >= QUIET else None

    def open(self) -> None:
        """Connect, and return only when the server listens to us: its first bytes are here.

        Events caused after this are on the stream. Fails at once if there is no server.
        """
        try:
            self._blocks = self._connect()
        except requests.RequestException as error:
            reason = reason_of(error, SILENCE)
            raise UnreachableError(self._transport.url, reason, not never_sent(error)) from error

    def __iter__(self) -> Iterator[Message]:
        if self._response is None:
            self.open()
        try:
            yield from self._messages()
        finally:
            self.close()

    def _messages(self) -> Iterator[Message]:
        reconnected = False
        while True:
            try:
                for block in self._blocks:
                    self._heard = time.monotonic()
                    yield self._decode(block, reconnected)
                    reconnected = False
                reason = "the server closed it"
            except requests.RequestException as error:
                reason = reason_of(error, SILENCE, "the connection broke")
            if not self._reopen_with_another_login():
                self.close()
                self._notify(f"Event stream lost ({reason}), reconnecting")
                self._lost = time.monotonic()
                self._blocks = self._reconnect()
                self._heard, self._lost = time.monotonic(), None
                self._notify("Event stream is back")
            reconnected = True

    def close(self) -> None:
        if self._response is not None:
            self._response.close()
            self._response = None

    def _connect(self) -> Iterator[bytes]:
        response = self._transport.open_stream(self._path, self._params, self.last_id, SILENCE)
        self._response = response
        pieces = _pieces(response)
        try:
            first = next(pieces, b"")
        except requests.RequestException:
            self.close()
            raise
        if not first:
            self.close()
            raise UnreachableError(self._transport.url, "it closed the event stream at once")
        return blocks(chain([first], pieces), self._transport.url)

    def _reopen_with_another_login(self) -> bool:
        """Reconnect with another token, if the token of the stream has expired."""
        response = self._response
        if response is None or not self._transport.has_outlived_its_login(response):
            return False
        self.close()
        try:
            self._blocks = self._connect()
        except (OETError, requests.RequestException) as error:
            log.debug("no event stream with another login: %s", error)
            return False
        return True

    def _reconnect(self) -> Iterator[bytes]:
        waited = 0.0
        for pause in pauses(FIRST_PAUSE, LONGEST_PAUSE):
            self._transport.sleep(pause)
            began = time.monotonic()
            try:
                return self._connect()
            except (OETError, requests.RequestException) as error:
                # A proxy in front of a server that restarts answers with pages of its own.
                if isinstance(error, RefusedError) and not may_pass(error):
                    raise
                trouble = error
            waited += pause + time.monotonic() - began
            if self._patience is not None and waited >= self._patience:
                raise LostError(self._transport.url, self._patience) from trouble
            log.debug("no event stream yet: %s", trouble)
        raise AssertionError("attempts never run out")

    def _decode(self, block: bytes, reconnected: bool) -> Message:
        for event in sseclient.SSEClient(iter([block])).events():
            if event.id:
                self.last_id = event.id
            try:
                data = json.loads(event.data)
            except ValueError:
                data = None
            if not isinstance(data, dict):
                data = {"data": event.data}
            return Message(event.event, data, event.id, block, reconnected)
        return Message(None, {}, None, block, reconnected)


def _pieces(response: requests.Response) -> Iterator[bytes]:
    """The bytes of a response as they arrive."""
    read1 = getattr(response.raw, "read1", None)
    if getattr(response.raw, "chunked", False) or read1 is None:
        # Without chunked encoding, an old urllib3 would wait for the end of the stream.
        yield from response.iter_content(None if getattr(response.raw, "chunked", False) else 1)
        return
    import urllib3

    try:
        while piece := read1(PIECE, decode_content=True):
            yield piece
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise requests.ConnectionError(error) from error


def blocks(pieces: Iterable[bytes], url: str = "the server") -> Iterator[bytes]:
    """Cut a byte stream after each blank line; an incomplete last block is dropped.

    Raises BadAnswerError at a block that is too large.
    """
    pending = b""
    for piece in pieces:
        # A blank line may have begun in the last bytes already searched.
        searched = max(0, len(pending) - 3)
        pending += piece
        start = 0
        for end in _BLANK_LINE.finditer(pending, searched):
            yield pending[start : end.end()]
            start = end.end()
        pending = pending[start:]
        if len(pending) > LARGEST_BLOCK:
            raise BadAnswerError(url, f"a message of more than {LARGEST_BLOCK >> 20} MiB")
