"""One HTTP exchange with the OET: retries that cannot do harm, and failures as OETError.

A request that changes something carries an ``Idempotency-Key``. The server answers a repeat of
the key with its first answer, so repeating after a broken connection never does a thing twice.

Every request says who asks, with a bearer token; one that is refused is replaced once.
"""

from __future__ import annotations

import logging
import socket
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import requests

from .address import is_this_machine
from .credentials import Credentials, refuse_open_way
from .errors import BadAnswerError, NotAuthorisedError, OETError, RefusedError, UnreachableError

CONNECT_TIMEOUT = 5.0
READ_TIMEOUT = 90.0
PIECE = 2**18
REPEATS = 3
FIRST_PAUSE = 0.2
BUSY_PATIENCE = 10.0
"""Seconds that one request may spend waiting because the server said Retry-After."""

_BEARER = "Bearer "
_NO_PROBLEM = (ValueError, RecursionError, TypeError, KeyError, AttributeError)
_NO_PROXIES: dict[str, Any] = {"http": None, "https": None, "all": None}
_GATEWAY_STATUSES = frozenset({502, 503, 504})
_NEVER_ARRIVED = (ConnectionRefusedError, socket.gaierror)

log = logging.getLogger(__name__)


class Transport:
    """A keep-alive session with one server. ``sleep`` pauses between repeats."""

    def __init__(
        self, url: str, credentials: Credentials, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self.url = url
        self.sleep = sleep
        self._credentials = credentials
        self._session = requests.Session()

    def close(self) -> None:
        self._session.close()

    def get(self, path: str, **params: Any) -> Any:
        """The JSON of ``path``; parameters that are None are left out."""
        response = self._repeat(lambda: self._send("GET", path, params=_present(params)))
        return _json_of(response)

    def get_openly(self, path: str) -> Any:
        """The JSON of ``path``, asked without saying who asks."""
        return _json_of(self._repeat(lambda: self._send_as(None, "GET", path)))

    def change(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Send a request that changes something; repeats of it count once."""
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        response = self._repeat(lambda: self._send(method, path, json=body, headers=headers))
        return _json_of(response)

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
            raise UnreachableError(self.url, reason_of(error)) from error
        if not _is_success(response):
            raise self._failure_of(response)
        if "text/event-stream" not in response.headers.get("Content-Type", ""):
            response.close()
            raise BadAnswerError(response.url, "no event stream there")
        return response

    def pieces(self, path: str) -> Iterator[bytes]:
        """The content of ``path``, piece by piece; where it breaks off nothing is read again."""
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
            raise UnreachableError(self.url, f"it broke off {left} bytes before the end")

    def has_outlived_its_login(self, response: requests.Response) -> bool:
        """Whether the token that a stream was opened with is no longer the one to use."""
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
            # Given as headers, a token would lose against what ~/.netrc has for the host.
            options["auth"] = _Bearer(token)
        options.setdefault("timeout", (CONNECT_TIMEOUT, READ_TIMEOUT))
        if is_this_machine(self.url):
            options["proxies"] = _NO_PROXIES
        # A redirected PUT would arrive as a GET and look like success.
        options["allow_redirects"] = method == "GET"
        began = time.monotonic()
        response = self._session.request(method, self.url + path, **options)
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
                hopeless = broken == 0 and _never_sent(error)
                if hopeless or broken == REPEATS or not _is_broken_connection(error):
                    raise UnreachableError(self.url, reason_of(error)) from error
                self.sleep(FIRST_PAUSE * 2**broken)
                broken += 1
                continue
            pause = _retry_after(response)
            if pause is not None and waited + pause <= BUSY_PATIENCE:
                self.sleep(pause)
                waited += pause
                continue
            if not _is_success(response):
                raise self._failure_of(response)
            return response

    def _failure_of(self, response: requests.Response) -> OETError:
        error = failure_of(response)
        if isinstance(error, NotAuthorisedError) and error.status == 401:
            return self._credentials.rejection(error.detail)
        return error


class _Bearer(requests.auth.AuthBase):
    """Puts a token on a request; requests takes it off again when redirected to another host."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = _BEARER + self._token
        return request


def failure_of(response: requests.Response) -> OETError:
    """The error that an unsuccessful answer stands for."""
    status = response.status_code
    try:
        problem = response.json()
        detail = str(problem.get("detail") or problem["title"])
        items = [item for item in problem.get("errors") or () if isinstance(item, dict)]
    except (*_NO_PROBLEM, requests.RequestException):
        if status in (401, 403):
            return NotAuthorisedError(f"Not permitted by {response.url} (HTTP {status})", status)
        if status in _GATEWAY_STATUSES:
            return UnreachableError(response.url, f"HTTP {status} {response.reason}")
        return BadAnswerError(response.url, f"HTTP {status} {response.reason}", status)
    for item in items:
        if str(item.get("msg")) in detail:
            continue
        place = ".".join(str(part) for part in item.get("loc", ()))
        detail += f"; {place}: {item.get('msg', '')}" if place else f"; {item.get('msg', '')}"
    kind = NotAuthorisedError if status in (401, 403) else RefusedError
    return kind(" ".join(detail.split()), status)


def _is_success(response: requests.Response) -> bool:
    # requests counts redirects as ok.
    return 200 <= response.status_code < 300


def _json_of(response: requests.Response) -> Any:
    try:
        return response.json()
    except (ValueError, RecursionError):
        kind = response.headers.get("Content-Type", "nothing")
        raise BadAnswerError(response.url, f"got {kind} instead of JSON") from None


def _present(params: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in params.items() if value is not None}


def _retry_after(response: requests.Response) -> float | None:
    if response.status_code != 503:
        return None
    try:
        return max(0.0, float(response.headers["Retry-After"]))
    except (KeyError, ValueError):
        return None


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _never_sent(error: requests.RequestException) -> bool:
    """Whether the request certainly did not reach a server."""
    if isinstance(error, requests.ConnectTimeout):
        return True
    return any(isinstance(cause, _NEVER_ARRIVED) for cause in _causes(error))


def _is_broken_connection(error: requests.RequestException) -> bool:
    broken = (requests.ConnectionError, requests.exceptions.ChunkedEncodingError)
    return isinstance(error, broken) and not isinstance(error, requests.exceptions.SSLError)


def reason_of(error: requests.RequestException, read_timeout: float = READ_TIMEOUT) -> str:
    """Why there was no answer, in a few words."""
    if isinstance(error, requests.ReadTimeout):
        return f"no answer within {read_timeout:g} s"
    if isinstance(error, requests.ConnectTimeout):
        return f"no connection within {CONNECT_TIMEOUT:g} s"
    for cause in _causes(error):
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror.lower()
    return type(error).__name__
