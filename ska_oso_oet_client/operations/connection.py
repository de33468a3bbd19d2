"""What every operation stands on: one OET, questions to it, and patience with it."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Collection, Sequence
from typing import Any, Protocol, TypeVar

from ..address import resolve
from ..decoding import decode
from ..errors import DeadlineError
from ..login.choice import choose
from ..model import Authentication
from ..patience import outlast
from ..transport import Transport

LARGEST_PAGE = 500
FIRST_POLL = 0.1
SLOWEST_POLL = 1.0

log = logging.getLogger(__name__)


class Ending(Protocol):
    """Something that goes through states until one of them is final."""

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
        self.url, self.subarray_id = resolve(server_url, subarray_id, os.environ)
        self.credentials = choose(self.url, os.environ, token, self.authentication)
        self._transport = Transport(self.url, self.credentials, sleep)

    def close(self) -> None:
        self._transport.close()

    def authentication(self) -> Authentication:
        """How to log in to this OET; anybody may ask."""
        return self._decode(Authentication.from_json, self._transport.get_openly("/auth"))

    def patiently(self, ask: Callable[[], T], notify: Notify = log.warning) -> T:
        """The answer to ``ask``, asked again while the server restarts."""
        return outlast(ask, self._transport.sleep, notify)

    def _decode(self, decoder: Callable[[Any], T], answer: Any) -> T:
        return decode(decoder, answer, self.url)

    def _decode_all(self, decoder: Callable[[Any], T], answer: Any) -> list[T]:
        return [self._decode(decoder, item) for item in self._decode(list, answer)]

    def _wait(
        self,
        subject: str,
        ask: Callable[[], E],
        timeout: float | None,
        until: Collection[str],
        notify: Notify,
    ) -> E:
        """What ``ask`` answers once that is final, or in one of the states ``until``.

        Asks again and again: a blocked read of the stream could not keep a time limit. Outlasts
        a restart of the server, if it was there at first. Raises DeadlineError after ``timeout``
        seconds.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        pause = FIRST_POLL
        found = ask()
        while not found.is_final and found.state not in until:
            if deadline is not None:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise DeadlineError(subject, found.state, timeout or 0.0)
                pause = min(pause, left)
            self._transport.sleep(pause)
            pause = min(1.5 * pause, SLOWEST_POLL)
            found = self.patiently(ask, notify)
        return found


def comma_list(values: Sequence[str]) -> str | None:
    return ",".join(values) or None
