"""The claims of a token about its holder."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Mapping
from typing import Any

from ..errors import LoginFailedError

CLOCK_DIFFERENCE = 60.0
"""Seconds by which this computer's clock and the provider's may differ."""

Claims = Mapping[str, Any]


def claims_of(token: str) -> Claims | None:
    """The payload of a JSON Web Token, unverified; None when the token is of another kind."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    payload = parts[1].encode()
    try:
        found = json.loads(base64.urlsafe_b64decode(payload + b"=" * (-len(payload) % 4)))
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def check_id_token(
    token: str, *, issuer: str, client_id: str, nonce: str | None, now: float
) -> Claims:
    """The claims of an ID token that came from the token endpoint itself.

    Its signature need not be checked then (OpenID Connect Core 1.0, 3.1.3.7): TLS vouches for it.
    Raises LoginFailedError when it was made by, for or because of something else.
    """
    claims = claims_of(token)
    if claims is None:
        raise LoginFailedError("the identity provider's ID token cannot be read")
    audience = claims.get("aud")
    if claims.get("iss") != issuer:
        fault = "comes from another issuer"
    elif client_id not in (audience if isinstance(audience, list) else [audience]):
        fault = "is for another client"
    elif claims.get("azp", client_id) != client_id:
        fault = "was given to another client"
    elif not _is_number(claims.get("exp")) or claims["exp"] < now - CLOCK_DIFFERENCE:
        fault = "has expired; is the clock of this computer right?"
    elif nonce is not None and not _same(claims.get("nonce"), nonce):
        fault = "answers another login"
    else:
        return claims
    raise LoginFailedError(f"the identity provider's ID token {fault}")


def name_in(claims: Claims) -> str | None:
    """The holder's display name."""
    for claim in ("name", "preferred_username", "email"):
        if isinstance(claims.get(claim), str) and claims[claim].strip():
            return str(claims[claim])
    return None


def permissions_in(claims: Claims) -> dict[str, list[str]]:
    """The scopes and roles of the holder, by kind."""
    found = {}
    for kind in ("scope", "roles"):
        value = claims.get(kind)
        words = value.split() if isinstance(value, str) else value
        if isinstance(words, list) and words:
            found[kind] = [str(word) for word in words]
    return found


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _same(one: object, other: str) -> bool:
    return isinstance(one, str) and hmac.compare_digest(one.encode(), other.encode())
