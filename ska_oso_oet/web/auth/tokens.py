"""Validates tokens: signature, issuer, audience and time."""

from __future__ import annotations

import contextlib
import functools
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import jwt

from .identity import BadToken
from .keys import Keys
from .provider import ALGORITHMS, Key

MOST_BYTES = 8 * 1024  #: of a token

_KEPT = 1024  #: verified tokens in the cache
_MOST_REFUSED = 4096  #: other tokens
_REFUSED = 10.0  #: seconds a refusal stays in the cache
_LEEWAY = 10.0  #: permitted difference in seconds between the clocks of a provider and of this machine
_TYPES = ("jwt", "at+jwt", "application/at+jwt")
_SUBJECT = 255  #: characters; OpenID Connect Core 2
_UNCHECKED = {"verify_signature": False}
#: Times are checked here: the library's leeway would also extend the expiry.
_CHECKED = {
    "require": ["exp", "iss", "aud", "sub"],
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
}


class _BadSignature(BadToken):
    """A token that none of its issuer's keys verifies."""


class _UnknownKey(BadToken):
    """A token whose key may become known in a moment."""


class Tokens:
    """Validates tokens of these issuers.

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
        # Claims and signature of a token never change. A key fetched again is another key in the cache, and a
        # withdrawn one is no longer there.
        self._says = functools.lru_cache(_KEPT)(self._unchecked)
        self._verified = functools.lru_cache(_KEPT)(self._verify)
        self._refused: dict[int, tuple[str, float]] = {}
        self._lock = threading.Lock()

    def claims(self, token: str, wait: bool = True) -> dict[str, Any]:
        """The claims of a valid token.

        :param wait: whether to wait for its issuer's keys
        :raises BadToken: if it is not
        :raises Unavailable: if the keys of its issuer are unknown, because the provider is away
        """
        if len(token) > MOST_BYTES:
            raise BadToken("the token is too long")
        why, until = self._refused.get(hash(token), ("", 0.0))
        if self._clock() < until:
            raise BadToken(why)
        try:
            algorithm, kid, issuer = self._says(token)
            found = self._signed(token, algorithm, kid, issuer, wait)
        except _UnknownKey:
            raise
        except BadToken as error:
            self._refuse(token, str(error))
            raise
        self._check_times(found)
        return found

    def _signed(self, token: str, algorithm: str, kid: str | None, issuer: str, wait: bool) -> dict[str, Any]:
        """The claims of a token that its issuer has signed."""
        keys = self._issuers[issuer]
        fitting = keys.find(kid, algorithm, wait)
        if not fitting:
            raise _UnknownKey("the token is signed with a key that its issuer does not have")
        try:
            return self._verified_by_one(token, issuer, algorithm, fitting)
        except _BadSignature:
            # Some providers give a new key the name of the old one, or no name.
            newest = keys.renew(wait)
        try:
            return self._verified_by_one(token, issuer, algorithm, keys.cached(kid, algorithm))
        except _BadSignature as error:
            raise error if newest else _UnknownKey(str(error)) from None

    def _verified_by_one(
        self, token: str, issuer: str, algorithm: str, keys: tuple[Key, ...]
    ) -> dict[str, Any]:
        for key in keys:
            with contextlib.suppress(_BadSignature):
                return self._verified(token, issuer, algorithm, key)
        raise _BadSignature("the token's signature is not valid")

    def _refuse(self, token: str, why: str) -> None:
        """Remember why a token is not valid, which takes as long to find out as that one is."""
        with self._lock:
            self._refused.pop(hash(token), None)
            self._refused[hash(token)] = why, self._clock() + _REFUSED
            if len(self._refused) > _MOST_REFUSED:
                del self._refused[next(iter(self._refused))]

    def _verify(self, token: str, issuer: str, algorithm: str, key: Key) -> dict[str, Any]:
        """The claims of a token, verified except for its times."""
        try:
            claims: dict[str, Any] = jwt.decode(
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
            raise _BadSignature("the token's signature is not valid") from None
        if not 1 <= len(claims["sub"]) <= _SUBJECT:
            raise BadToken("the token has no valid subject")
        return claims

    def _unchecked(self, token: str) -> tuple[str, str | None, str]:
        """The algorithm, key and issuer in a token whose signature is not verified yet."""
        try:
            parts = jwt.decode_complete(token, options=_UNCHECKED)  # type: ignore[arg-type]
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
            raise BadToken("it is not a token") from None
        head, claims = parts["header"], parts["payload"]
        algorithm, kid, kind = head.get("alg"), head.get("kid"), head.get("typ", "JWT")
        if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
            raise BadToken("the token's signature algorithm is not accepted")
        if not isinstance(kind, str) or kind.lower() not in _TYPES or "crit" in head:
            raise BadToken("this kind of token is not accepted")
        issuer = claims.get("iss")
        if not isinstance(issuer, str) or issuer not in self._issuers:
            raise BadToken("the token comes from an issuer that is not accepted")
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
