"""A session whose requests have a deadline and a limit, whatever the server does."""

from __future__ import annotations

import contextlib
import time
from typing import Any

import requests
from requests.adapters import BaseAdapter
from requests.auth import HTTPBasicAuth
from requests.utils import get_auth_from_url

from .deadline_adapter import DeadlineAdapter


class TooLarge(requests.RequestException):  # noqa: N818  reads as a sentence
    """An answer beyond the limit."""


class BoundedSession(requests.Session):
    """Each request ends after some seconds, reads at most some bytes, and follows no redirect.

    The address may have a password; those of `~/.netrc` are not sent. Every request has a connection of its
    own. For one thread.

    :param seconds: for a request with its answer
    :param most: bytes of the body of an answer
    """

    def __init__(self, seconds: float, most: int) -> None:
        super().__init__()
        self.auth = _of_the_address  # else the library asks ~/.netrc
        self.headers["Accept-Encoding"] = "identity"
        self._seconds = seconds
        self._most = most
        self._adapter: DeadlineAdapter | None = None

    def get_adapter(self, url: str | bytes) -> BaseAdapter:
        """The transport of the current request."""
        return self._adapter or super().get_adapter(str(url))

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """Nowhere: of a redirect the library would read the whole body, however large."""
        return None

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        """Send a request, and read its answer.

        :raises requests.Timeout: if the answer is not complete in time
        :raises TooLarge: if it is larger than the limit
        """
        deadline = time.monotonic() + self._seconds
        try:
            with contextlib.closing(DeadlineAdapter(self._seconds)) as self._adapter:
                response = super().send(request, **{**kwargs, "stream": True, "allow_redirects": False})
                with response:
                    response._content = self._read(response)  # noqa: SLF001  as the library does
        except requests.RequestException as error:
            if isinstance(error, TooLarge) or time.monotonic() < deadline:
                raise
        # A connection shut at the deadline may look like the end of an answer.
        if time.monotonic() >= deadline:
            raise requests.Timeout(f"no complete answer within {self._seconds:g} s")
        return response

    def _read(self, response: requests.Response) -> bytes:
        body = bytearray()
        for piece in response.iter_content(2**16):
            body += piece
            if len(body) > self._most:
                raise TooLarge(f"the answer is larger than {self._most} bytes")
        return bytes(body)


def _of_the_address(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Send the user and password of the address, if it has any."""
    user, password = get_auth_from_url(request.url or "")
    return HTTPBasicAuth(user, password)(request) if user or password else request
