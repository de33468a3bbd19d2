"""Credentials of programs: a token that somebody else got, or a client with a secret."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from ..credentials import refuse_open_way
from ..errors import (
    InvalidRequestError,
    LoginFailedError,
    NotAuthorisedError,
    ProviderUnreachableError,
)
from ..model import Authentication
from .provider import Provider, ProviderRefusal, discover
from .session import lifetime

_SCOPES_OF_PEOPLE = frozenset({"openid", "profile", "email", "address", "phone", "offline_access"})

_CHECK = "check its name and secret"

log = logging.getLogger(__name__)


class FixedToken:
    """A given token; ``origin`` names its source, such as OET_TOKEN."""

    def __init__(self, token: str, origin: str, server: str) -> None:
        if not token or not all("!" <= letter <= "~" for letter in token):
            raise InvalidRequestError(
                f"The text in {origin} is not a token; take one from the identity provider"
            )
        self._token = token
        self._origin = origin
        self._server = server

    def token(self) -> str:
        return self._token

    def another(self, refused: str) -> None:
        return None

    def holds(self, token: str) -> bool:
        return token == self._token

    def rejection(self, detail: str) -> NotAuthorisedError:
        return NotAuthorisedError(
            f"{self._server} does not accept the token in {self._origin}: {detail}; take a new one",
            401,
        )


class ClientCredentials:
    """Tokens for a client that is no person, kept in memory.

    ``describe`` asks the OET how to log in; it is asked when the first token is needed.
    """

    def __init__(
        self,
        client_id: str,
        secret: str,
        server: str,
        describe: Callable[[], Authentication],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.client_id = client_id
        self._secret = secret
        self._server = server
        self._describe = describe
        self._clock = clock
        self._offer: Authentication | None = None
        self._provider: Provider | None = None
        self._token: str | None = None
        self._renew: float | None = None
        self._expires: float | None = None

    def token(self) -> str | None:
        if self._token is None or self._is_past(self._renew):
            try:
                self._fetch()
            except ProviderUnreachableError as error:
                if self._token is None or self._is_past(self._expires):
                    raise
                log.debug("the token is still valid for a while: %s", error)
        return self._token

    def another(self, refused: str) -> str | None:
        self._fetch()
        return self._token

    def holds(self, token: str) -> bool:
        return token == self._token and not self._is_past(self._renew)

    def rejection(self, detail: str) -> NotAuthorisedError:
        return NotAuthorisedError(
            f"{self._server} does not accept the client {self.client_id}: {detail}; {_CHECK}", 401
        )

    def _is_past(self, moment: float | None) -> bool:
        return moment is not None and self._clock() >= moment

    def _fetch(self) -> None:
        # An attacker who can change the answer on its way could name another provider.
        refuse_open_way(self._server)
        self._offer = self._offer or self._describe()
        if not self._offer.required:
            return
        self._provider = self._provider or discover(self._offer.issuer)
        scopes = [word for word in self._offer.scopes.split() if word not in _SCOPES_OF_PEOPLE]
        try:
            tokens = self._provider.tokens(
                (self.client_id, self._secret),
                grant_type="client_credentials",
                scope=" ".join(scopes) or None,
                resource=self._offer.audience,
            )
        except ProviderRefusal as refusal:
            raise LoginFailedError(
                f"the identity provider at {self._offer.issuer} refuses the client "
                f"{self.client_id} ({refusal.sentence}); {_CHECK}"
            ) from None
        self._token = tokens.access_token
        self._renew, self._expires = lifetime(tokens, self._clock())
