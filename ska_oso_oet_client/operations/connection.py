"""The base of every operation: one OET, requests to it, and retries."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeVar

from ..address import resolve
from ..decoding import answer_of, decode
from ..errors import DeadlineError, InvalidRequestError
from ..login.defaults import choose
from ..model import Authentication, ServerStatus
from ..retry import outlast, pauses
from ..stream import NO_WORD, QUIET, EventStream, Trouble
from ..transport import Transport

LARGEST_PAGE = 500
FIRST_POLL = 0.1
SLOWEST_POLL = 1.0

log = logging.getLogger(__name__)


class Ending(Protocol):
    """An object with states, one of which is final."""

    @property
    def state(self) -> str: ...

    @property
    def is_final(self) -> bool: ...


T = TypeVar("T")
E = TypeVar("E", bound=Ending)
Notify = Callable[[str], None]


class Connection:
    """One OET, which is one subarray."""

    def __init__(
        self,
        server_url: str | None = None,
        subarray_id: int | None = None,
        *,
        token: str | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.url, self._subarray_id, self._meant = resolve(server_url, subarray_id, os.environ)
        self.credentials = choose(self.url, os.environ, token, self.authentication)
        self._transport = Transport(self.url, self.credentials, sleep)
        self._away: float | None = None  #: time of the first request without an answer
        self._stream: EventStream | None = None  #: the stream being read

    def close(self) -> None:
        self._transport.close()

    def while_asking(self, shown: Callable[[], AbstractContextManager[object]]) -> None:
        """Enter ``shown`` while a request waits for its answer."""
        self._transport.while_asking = shown

    def trouble(self) -> Trouble | None:
        """The reason while the server is away or silent."""
        if self._away is not None:
            return "trying again", self._away
        found = self._stream.trouble() if self._stream is not None else None
        asked = self._transport.asked
        if found is None and asked is not None and time.monotonic() - asked >= QUIET:
            return NO_WORD, asked
        return found

    def authentication(self) -> Authentication:
        """How to log in to this OET; needs no login."""
        return self._decode(Authentication, self._transport.get_openly("/auth"))

    def patiently(self, ask: Callable[[], T], notify: Notify = log.warning) -> T:
        """The answer of ``ask``, repeated while the server restarts."""

        def told(sentence: str) -> None:
            self._away = time.monotonic()
            notify(sentence)

        try:
            return outlast(ask, self._transport.sleep, told)
        finally:
            self._away = None

    def _get(self, kind: type[T], path: str, **params: Any) -> T:
        return self._decode(kind, self._transport.get(path, **params))

    def _change(
        self, kind: type[T], method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> T:
        self._confirm()
        return self._decode(kind, self._transport.change(method, path, body))

    @property
    def subarray_id(self) -> int:
        """The subarray of this OET; from the server if the address names none.

        Raises InvalidRequestError if another one was selected.
        """
        self._confirm()
        return self._subarray_id

    def _confirm(self) -> None:
        if self._meant is None:
            return
        number = self._get(ServerStatus, "/status").subarray_id
        if self._meant and number != self._subarray_id:
            raise InvalidRequestError(
                f"{self._meant} contradicts the server URL {self.url}, "
                f"whose server drives subarray {number}"
            )
        self._subarray_id, self._meant = number, None

    def _decode(self, kind: type[T], answer: Any) -> T:
        with answer_of(self.url):
            return decode(kind, answer)

    def _wait(
        self,
        subject: str,
        ask: Callable[[], E],
        timeout: float | None,
        until: Collection[str],
        notify: Notify,
    ) -> E:
        """The answer of ``ask`` once it is final, or in one of the states ``until``.

        Polls, since a blocked read of the stream could not keep a time limit. Outlasts
        a restart of the server, if it was there at first. Raises DeadlineError after ``timeout``
        seconds.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        found = ask()
        polls = pauses(FIRST_POLL, SLOWEST_POLL, 1.5)
        while not found.is_final and found.state not in until:
            pause = next(polls)
            if deadline is not None:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise DeadlineError(subject, found.state, timeout or 0.0)
                pause = min(pause, left)
            self._transport.sleep(pause)
            found = self.patiently(ask, notify)
        return found


def comma_list(values: Sequence[str]) -> str | None:
    return ",".join(values) or None
