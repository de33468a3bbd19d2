"""Requests and answers of one call to a server, all of them before its deadline."""

from __future__ import annotations

import dataclasses
import itertools
import os
import time
from typing import Any

import requests

from ...domain.errors import ArchiveAway
from ...outgoing.bounded_session import BoundedSession, TooLarge
from ...settings.urls import shown
from .entities import AGAIN, CHECK, LARGEST, write_document
from .login import Login

PASSING = (502, 503, 504)  #: answers of something between, which do not tell whether the request arrived

_ATTEMPTS = 3
_PAUSE = 0.1  #: seconds before the second attempt; three times as many before each further one
_HEADERS = {
    "Accept": "application/json",
    "Accept-Encoding": "identity",
    "Content-Type": "application/json",
}
_CONNECTING = 5.0  #: seconds one attempt to connect may take


class Lost(Exception):  # noqa: N818  reads as a sentence
    """The connection failed: whether the request arrived is not known. The text is the reason."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Answer:
    """The answer of a server."""

    request: str  #: its method and resource
    status: int
    body: bytes


class Exchange:
    """Talks to one server for at most some seconds, and hides its password in every sentence.

    Neither proxies nor passwords are taken from the environment, and redirects are not followed: the archive
    is where the setting says, or nowhere.
    """

    def __init__(self, base: str, seconds: float, login: Login | None = None, ca_file: str = "") -> None:
        self._base = base
        self._login = login
        self._ca_file = ca_file
        self._where = shown(base)
        self._seconds = seconds
        self._deadline = time.monotonic() + seconds

    def safely(self, method: str, path: str, body: dict[str, Any] | None = None) -> Answer:
        """Send a request that may be repeated, and repeat it after passing faults.

        :raises ArchiveAway: if there is no answer
        """
        for attempt in itertools.count(1):
            try:
                answer = self.once(method, path, body)
                if answer.status not in PASSING or not self.pause(attempt):
                    return answer
            except Lost as lost:
                if not self.pause(attempt):
                    raise self.away(lost) from None
        raise AssertionError("it counts for ever")

    def once(self, method: str, path: str, body: dict[str, Any] | None = None) -> Answer:
        """Ask once.

        :raises Lost: if the connection fails before the answer is complete
        :raises ArchiveAway: if the deadline passes, or the answer cannot be read
        """
        data = None if body is None else write_document(body)
        if self._login is None:
            return self._ask(method, path, data, None)
        token = self._login.token(self._left())
        answer = self._ask(method, path, data, token)
        if answer.status == 401:  # it did nothing, so it may be sent again
            another = self._login.renewed(token, self._left())
            if another is not None:
                return self._ask(method, path, data, another)
        return answer

    def _ask(self, method: str, path: str, data: bytes | None, token: str | None) -> Answer:
        left = self._left()
        headers = _HEADERS if token is None else {**_HEADERS, "Authorization": f"Bearer {token}"}
        try:
            with BoundedSession(left, LARGEST) as session:
                session.trust_env = False
                # An institute's own authority, perhaps.
                session.verify = self._ca_file or os.environ.get("REQUESTS_CA_BUNDLE") or True
                response = session.request(
                    method,
                    self._base + path,
                    data=data,
                    headers=headers,
                    timeout=(min(_CONNECTING, left), left),
                )
            return Answer(request=f"{method} {path}", status=response.status_code, body=response.content)
        except TooLarge:
            raise ArchiveAway(
                f"the archive {self._where} answers with more than {LARGEST // 2**20} MiB; {CHECK}"
            ) from None
        except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError) as error:
            self._left()
            raise Lost(_reason(error)) from None
        except requests.Timeout:
            raise self._late() from None
        except requests.RequestException as error:
            raise ArchiveAway(
                f"the archive {self._where} gave an answer that cannot be read: {type(error).__name__}; "
                f"{CHECK}"
            ) from None
        except OSError:  # the library's word for a file with certificates that is not there
            raise ArchiveAway(
                f"the archive {self._where} cannot be asked: the file of CA certificates cannot be read; "
                "check OET_ODA_CA_FILE"
            ) from None

    def pause(self, attempt: int) -> bool:
        """Wait a little after an attempt; tells whether there may be another one."""
        pause = _PAUSE * 3 ** (attempt - 1)
        if attempt == _ATTEMPTS or time.monotonic() + pause >= self._deadline:
            return False
        time.sleep(pause)
        return True

    def away(self, lost: Lost) -> ArchiveAway:
        """The refusal that a lost connection means in the end."""
        return ArchiveAway(f"the archive {self._where} cannot be reached: {lost}; {AGAIN}")

    def _left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise self._late()
        return left

    def _late(self) -> ArchiveAway:
        return ArchiveAway(f"the archive {self._where} did not answer within {self._seconds:g} s; {AGAIN}")


def _reason(error: BaseException | None) -> str:
    """The system's own word for the fault; messages of libraries may contain the URL and its password."""
    if isinstance(error, requests.ConnectTimeout):
        return "it does not accept connections"
    while error is not None:
        if isinstance(error, OSError) and error.strerror:
            return error.strerror
        error = error.__cause__ or error.__context__
    return "the connection was lost"
