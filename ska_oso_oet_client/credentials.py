"""The interface between a request and the user's login."""

from __future__ import annotations

from typing import Protocol
from urllib.parse import urlsplit

from .address import keeps_secrets
from .errors import InvalidRequestError, NotAuthorisedError


class Credentials(Protocol):
    """The bearer tokens for one OET."""

    def token(self) -> str | None:
        """A token that is valid for a while; None for requests without one.

        Raises NotLoggedInError, LoginFailedError or ProviderUnreachableError.
        """

    def another(self, refused: str) -> str | None:
        """A replacement for a refused token, or None; raises the same."""

    def holds(self, token: str) -> bool:
        """Whether ``token()`` would still return this ``token``."""

    def rejection(self, detail: str) -> NotAuthorisedError:
        """The error for a request that got 401 even so; ``detail`` is the OET's sentence."""


def refuse_open_way(url: str) -> None:
    """Raises InvalidRequestError if ``url`` is not confidential."""
    if not keeps_secrets(url):
        raise InvalidRequestError(
            f"No login is sent to {urlsplit(url).hostname} over plain http, where others can read "
            "it: use an https address in OET_URL or --server-url"
        )
