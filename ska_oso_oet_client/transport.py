"""One HTTP exchange with the OET: safe retries, and failures as OETError.

A request that changes something carries an ``Idempotency-Key``. The server answers a repeat of
the key with its first answer, so a repeat after a broken connection has no second effect.

Every request has a bearer token; a refused token is replaced once.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import requests

from .address import is_this_machine
from .answers import (
    failure_of,
    is_broken_connection,
    is_success,
    json_of,
    never_sent,
    reason_of,
    retry_after,
)
from .credentials import Credentials, refuse_open_way
from .errors import BadAnswerError, NotAuthorisedError, OETError, UnreachableError
from .limits import CONNECT_TIMEOUT, READ_TIMEOUT

PIECE = 2**18
LARGEST = 2**28
"""Bytes of an answer that is not streamed."""
REPEATS = 3
FIRST_PAUSE = 0.2
BUSY_PATIENCE = 10.0
"""Seconds that one request may spend waiting because the server said Retry-After."""

_BEARER = "Bearer "
_NO_PROXIES: dict[str, Any] = {"http": None, "https": None, "all": None}

log = logging.getLogger(__name__)


class Transport:
    """A keep-alive session with one server. ``sleep`` pauses between repeats."""

    def __init__(
        self, url: str, credentials: Credentials, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self.url = url
        self.sleep = sleep
        self.asked: float | None = None  #: time since which a request waits for its answer
        self.while_asking: Callable[[], AbstractContextManager[object]] = nullcontext
        self._credentials = credentials
        self._session = _Session()

    def close(self) -> None:
        self._session.close()

    def get(self, path: str, **params: Any) -> Any:
        """The JSON of ``path``; parameters that are None are omitted."""
        response = self._repeat(lambda: self._send("GET", path, params=_present(params)))
        return json_of(response)

    def get_openly(self, path: str) -> Any:
        """The JSON of ``path``, requested without a token."""
        return json_of(self._repeat(lambda: self._send_as(None, "GET", path)))

    def change(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Send a request that changes something; repeats of it count once."""
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        response = self._repeat(lambda: self._send(method, path, json=body, headers=headers))
        return json_of(response)

    def open_stream(
        self, path: str, params: Mapping[str, Any], last_id: str | None, read_timeout: float
    ) -> requests.Response:
        """An open ``text/event-stream``. One attempt: the stream has its own way to reconnect."""
        # A compressed stream would sit in buffers until there is enough of it.
        headers = {"Accept": "text/event-stream", "Accept-Encoding": "identity"}
        if last_id is not None:
            headers["Last-Event-ID"] = last_id
        try:
            response = self._send(
                "GET",
                path,
                params=_present(params),
                headers=headers,
                stream=True,
                timeout=(CONNECT_TIMEOUT, read_timeout),
            )
        except requests.RequestException as error:
            reason = reason_of(error, read_timeout)
            raise UnreachableError(self.url, reason, not never_sent(error)) from error
        if not is_success(response):
            raise self._failure_of(response)
        if "text/event-stream" not in response.headers.get("Content-Type", ""):
            response.close()
            raise BadAnswerError(response.url, "it sends no event stream")
        return response

    def pieces(self, path: str) -> Iterator[bytes]:
        """The content of ``path``, piece by piece; without retries."""
        headers = {"Accept": "application/octet-stream", "Accept-Encoding": "identity"}
        response = self._repeat(lambda: self._send("GET", path, headers=headers, stream=True))
        left = int(response.headers.get("Content-Length", 0))
        try:
            with response:
                for piece in response.iter_content(PIECE):
                    left -= len(piece)
                    yield piece
        except requests.RequestException as error:
            raise UnreachableError(self.url, reason_of(error)) from error
        if left:
            raise UnreachableError(self.url, f"the answer ended {left} bytes too early", sent=True)

    def has_outlived_its_login(self, response: requests.Response) -> bool:
        """Whether the token of a stream was replaced or has expired."""
        header = response.request.headers.get("Authorization", "")
        return header.startswith(_BEARER) and not self._credentials.holds(
            header.removeprefix(_BEARER)
        )

    def _send(self, method: str, path: str, **options: Any) -> requests.Response:
        token = self._credentials.token()
        response = self._send_as(token, method, path, **options)
        if response.status_code != 401 or token is None:
            return response
        try:
            fresh = self._credentials.another(token)
        except OETError:
            response.close()
            raise
        if fresh is None:
            return response
        response.close()
        return self._send_as(fresh, method, path, **options)

    def _send_as(
        self, token: str | None, method: str, path: str, **options: Any
    ) -> requests.Response:
        if token is not None:
            refuse_open_way(self.url)
        # Without one, requests would send a password of ~/.netrc, which is for another program.
        options["auth"] = _Bearer(token) if token is not None else _of_the_address
        options.setdefault("timeout", (CONNECT_TIMEOUT, READ_TIMEOUT))
        if is_this_machine(self.url):
            options["proxies"] = _NO_PROXIES
        # A redirected PUT would arrive as a GET and look like success.
        options["allow_redirects"] = method == "GET"
        began = self.asked = time.monotonic()
        try:
            with self.while_asking():
                response = self._session.request(method, self.url + path, **options)
        finally:
            self.asked = None
        spent = (time.monotonic() - began) * 1000
        log.debug("%s %s: %s in %.0f ms", method, response.url, response.status_code, spent)
        return response

    def _repeat(self, send: Callable[[], requests.Response]) -> requests.Response:
        broken = 0
        waited = 0.0
        while True:
            try:
                response = send()
            except requests.RequestException as error:
                # A server that was there a moment ago is restarting: then refusals count too.
                hopeless = broken == 0 and never_sent(error)
                if hopeless or broken == REPEATS or not is_broken_connection(error):
                    sent = broken > 0 or not never_sent(error)
                    raise UnreachableError(self.url, reason_of(error), sent) from error
                self.sleep(FIRST_PAUSE * 2**broken)
                broken += 1
                continue
            pause = retry_after(response)
            if pause is not None and waited + pause <= BUSY_PATIENCE:
                self.sleep(pause)
                waited += pause
                continue
            if not is_success(response):
                raise self._failure_of(response)
            return response

    def _failure_of(self, response: requests.Response) -> OETError:
        error = failure_of(response)
        if isinstance(error, NotAuthorisedError) and error.status == 401:
            return self._credentials.rejection(error.detail)
        return error


class _Session(requests.Session):
    """Sends no password of ~/.netrc, and reads no answer beyond :data:`LARGEST` into memory."""

    def rebuild_auth(
        self, prepared_request: requests.PreparedRequest, response: requests.Response
    ) -> None:
        """Take the token off a request that is redirected to another server."""
        here, there = str(response.request.url), str(prepared_request.url)
        if self.should_strip_auth(here, there):  # type: ignore[no-untyped-call]
            prepared_request.headers.pop("Authorization", None)

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        """Send a request."""
        streamed = options.get("stream")
        response = super().send(request, **{**options, "stream": True})
        if not streamed:
            with response:
                response._content = _content(response)  # noqa: SLF001  as requests does
        return response


def _content(response: requests.Response) -> bytes:
    body = bytearray()
    for piece in response.iter_content(PIECE):
        body += piece
        if len(body) > LARGEST:
            raise BadAnswerError(response.url, f"the answer is larger than {LARGEST >> 20} MiB")
    return bytes(body)


def _of_the_address(request: requests.PreparedRequest) -> requests.PreparedRequest:
    user, password = requests.utils.get_auth_from_url(request.url or "")
    if not (user or password):
        return request
    requests.auth.HTTPBasicAuth(user, password)(request)
    return request


class _Bearer(requests.auth.AuthBase):
    """Puts a token on a request; requests takes it off again when redirected to another host."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = _BEARER + self._token
        return request


def _present(params: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in params.items() if value is not None}
