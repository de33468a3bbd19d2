"""Whether a token is valid here: signature, issuer, audience, and time."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Mapping
from typing import Any

import jwt

from .identity import BadToken
from .keys import Keys
from .provider import ALGORITHMS, Key

MOST_BYTES = 16 * 1024  #: of a token

_KEPT = 128  #: tokens whose check is remembered
_LEEWAY = 10.0  #: seconds the clocks of a provider and of this machine may differ
_TYPES = ("jwt", "at+jwt", "application/at+jwt")
_SUBJECT = 255  #: characters; OpenID Connect Core 2
_UNCHECKED = {"verify_signature": False}
#: Times are checked here, because one leeway for all would let tokens live longer than they say.
_CHECKED = {
    "require": ["exp", "iss", "aud", "sub"],
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
}


class Tokens:
    """Checks tokens of any of these issuers.

    :param audiences: of which a token must name one
    :param clock: seconds since the epoch
    """

    def __init__(
        self,
        issuers: Mapping[str, Keys],
        audiences: tuple[str, ...],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._issuers = issuers
        self._audiences = audiences
        self._clock = clock
        # What a token says, and whether a key has signed it, never changes. A key that was fetched again is
        # another key, and a withdrawn one is not found any more.
        self._says = functools.lru_cache(_KEPT)(self._unchecked)
        self._verified = functools.lru_cache(_KEPT)(self._verify)

    def claims(self, token: str) -> dict[str, Any]:
        """The claims of a token that is valid now.

        :raises BadToken: where it is not
        :raises Unavailable: where its issuer's keys are not known
        """
        if len(token) > MOST_BYTES:
            raise BadToken("the token is too long")
        algorithm, kid, issuer = self._says(token)
        key = self._issuers[issuer].find(kid, algorithm)
        if key is None:
            raise BadToken("the token is signed with a key that its issuer does not have")
        found = self._verified(token, issuer, algorithm, key)
        self._check_times(found)
        return found

    def _verify(self, token: str, issuer: str, algorithm: str, key: Key) -> dict[str, Any]:
        """The claims of a token, apart from when it is valid."""
        try:
            found: dict[str, Any] = jwt.decode(
                token,
                key.public,
                algorithms=[algorithm],
                audience=list(self._audiences),
                issuer=issuer,
                options=_CHECKED,  # type: ignore[arg-type]
            )
        except jwt.InvalidAudienceError:
            raise BadToken("the token is for another audience") from None
        except jwt.MissingRequiredClaimError:
            raise BadToken("the token lacks one of exp, iss, aud, sub") from None
        except (jwt.PyJWTError, ValueError, TypeError):
            raise BadToken("the token's signature is not valid") from None
        if not 1 <= len(found["sub"]) <= _SUBJECT:
            raise BadToken("the token's subject cannot be one")
        return found

    def _unchecked(self, token: str) -> tuple[str, str | None, str]:
        """What says how to check a token: algorithm, key, and issuer."""
        try:
            parts = jwt.decode_complete(token, options=_UNCHECKED)  # type: ignore[arg-type]
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
            raise BadToken("this is no token") from None
        head, claims = parts["header"], parts["payload"]
        algorithm, kid, kind = head.get("alg"), head.get("kid"), head.get("typ", "JWT")
        if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
            raise BadToken("the token is signed in a way that is not accepted")
        if not isinstance(kind, str) or kind.lower() not in _TYPES or "crit" in head:
            raise BadToken("this kind of token is not accepted")
        issuer = claims.get("iss")
        if not isinstance(issuer, str) or issuer not in self._issuers:
            raise BadToken("the token is of an issuer that is not accepted")
        return algorithm, kid, issuer

    def _check_times(self, claims: dict[str, Any]) -> None:
        now = self._clock()
        times = {name: claims.get(name, 0) for name in ("exp", "nbf", "iat")}
        for moment in times.values():
            if isinstance(moment, bool) or not isinstance(moment, (int, float)) or not abs(moment) < 1e15:
                raise BadToken("the token's times cannot be read")
        if times["exp"] <= now:
            raise BadToken("the token has expired")
        if max(times["nbf"], times["iat"]) > now + _LEEWAY:
            raise BadToken("the token is not valid yet")
