"""What a request needs from whoever knows who the user is."""

from __future__ import annotations

from typing import Protocol
from urllib.parse import urlsplit

from .address import keeps_secrets
from .errors import InvalidRequestError, NotAuthorisedError


class Credentials(Protocol):
    """The bearer tokens for one OET."""

    def token(self) -> str | None:
        """A token that should hold for a while; None to ask without one.

        Raises NotLoggedInError, LoginFailedError or ProviderUnreachableError.
        """

    def another(self, refused: str) -> str | None:
        """A token instead of one that the OET refused, or None; raises the same."""

    def holds(self, token: str) -> bool:
        """Whether ``token`` is still what ``token()`` would give."""

    def rejection(self, detail: str) -> NotAuthorisedError:
        """What to tell the user of a request that even so got 401; ``detail`` is the OET's word."""


def refuse_open_way(url: str) -> None:
    """Raises InvalidRequestError when others could read a token on its way to ``url``."""
    if not keeps_secrets(url):
        raise InvalidRequestError(
            f"No login is sent to {urlsplit(url).hostname} over plain http, where others can read "
            "it: use an https address in OET_URL or --server-url"
        )
