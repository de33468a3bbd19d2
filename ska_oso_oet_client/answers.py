"""Interprets an HTTP answer, or the lack of one: JSON, a pause, or an OETError."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import requests
import urllib3

from .errors import BadAnswerError, NotAuthorisedError, OETError, RefusedError, UnreachableError
from .limits import CONNECT_TIMEOUT, READ_TIMEOUT

_NO_PROBLEM = (ValueError, RecursionError, TypeError, KeyError, AttributeError)
_GATEWAY_STATUSES = frozenset({502, 503, 504})
_NEVER_ARRIVED = (ConnectionRefusedError, socket.gaierror)


def failure_of(response: requests.Response) -> OETError:
    """The error for an unsuccessful answer."""
    status = response.status_code
    try:
        problem = response.json()
        detail = str(problem.get("detail") or problem["title"])
        items = [item for item in problem.get("errors") or () if isinstance(item, dict)]
    except (*_NO_PROBLEM, requests.RequestException):
        if status in (401, 403):
            return NotAuthorisedError(f"Not permitted by {response.url} (HTTP {status})", status)
        if status in _GATEWAY_STATUSES:
            return UnreachableError(response.url, f"HTTP {status} {response.reason}", sent=True)
        return BadAnswerError(response.url, f"HTTP {status} {response.reason}", status)
    for item in items:
        if str(item.get("msg")) in detail:
            continue
        place = ".".join(str(part) for part in item.get("loc", ()))
        detail += f"; {place}: {item.get('msg', '')}" if place else f"; {item.get('msg', '')}"
    kind = NotAuthorisedError if status in (401, 403) else RefusedError
    return kind(" ".join(detail.split()), status)


def is_success(response: requests.Response) -> bool:
    # requests counts redirects as ok.
    return 200 <= response.status_code < 300


def json_of(response: requests.Response) -> Any:
    try:
        return response.json()
    except (ValueError, RecursionError):
        kind = response.headers.get("Content-Type", "nothing")
        raise BadAnswerError(response.url, f"it sends {kind} instead of JSON") from None


def retry_after(response: requests.Response) -> float | None:
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


def never_sent(error: requests.RequestException) -> bool:
    """Whether the request certainly did not reach a server."""
    if isinstance(error, requests.ConnectTimeout):
        return True
    return any(isinstance(cause, _NEVER_ARRIVED) for cause in _causes(error))


def is_broken_connection(error: requests.RequestException) -> bool:
    broken = (requests.ConnectionError, requests.exceptions.ChunkedEncodingError)
    return isinstance(error, broken) and not isinstance(error, requests.exceptions.SSLError)


def reason_of(
    error: requests.RequestException, read_timeout: float = READ_TIMEOUT, otherwise: str = ""
) -> str:
    """The reason for no answer, in a few words."""
    if isinstance(error, requests.ConnectTimeout):
        return f"no connection within {CONNECT_TIMEOUT:g} s"
    # In the middle of an answer it is a ConnectionError for requests.
    if any(isinstance(cause, urllib3.exceptions.ReadTimeoutError) for cause in _causes(error)):
        return f"no answer within {read_timeout:g} s"
    for cause in _causes(error):
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror.lower()
    return otherwise or type(error).__name__
