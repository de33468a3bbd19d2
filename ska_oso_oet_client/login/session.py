"""A stored login: its tokens, their expiry, and the source of new ones."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any

from .provider import Provider, Tokens

MARGIN = 30.0
"""Seconds before its end from which a token is replaced: it has to arrive, too, while it holds."""


@dataclass(frozen=True, kw_only=True)
class Session:
    """One user's login to one OET (``server``). Times in seconds since the epoch.

    ``expires`` is None when the provider did not say, and the OET will have to.
    """

    server: str
    issuer: str
    client_id: str
    token_endpoint: str
    revocation_endpoint: str | None
    audience: str | None
    subject: str | None
    name: str | None
    access_token: str = field(repr=False)
    refresh_token: str | None = field(repr=False)
    renew: float | None
    expires: float | None

    @property
    def provider(self) -> Provider:
        """The origin of this login."""
        return Provider(
            issuer=self.issuer,
            token_endpoint=self.token_endpoint,
            revocation_endpoint=self.revocation_endpoint,
        )

    def is_due(self, now: float) -> bool:
        """Whether it is time for another access token."""
        return self.renew is not None and now >= self.renew

    def has_ended(self, now: float) -> bool:
        """Whether the access token certainly holds no more."""
        return self.expires is not None and now >= self.expires

    def renewed(self, tokens: Tokens, now: float) -> Session:
        """The same login with the tokens that the provider gave for its refresh token."""
        renew, expires = lifetime(tokens, now)
        return replace(
            self,
            access_token=tokens.access_token,
            refresh_token=tokens.refresh_token or self.refresh_token,
            renew=renew,
            expires=expires,
        )

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def lifetime(tokens: Tokens, now: float) -> tuple[float | None, float | None]:
    """When to replace an access token got ``now``, and when it ends."""
    if tokens.expires_in is None:
        return None, None
    expires = now + tokens.expires_in
    return expires - min(MARGIN, tokens.expires_in / 2), expires
