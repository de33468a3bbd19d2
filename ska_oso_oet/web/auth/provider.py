"""An OpenID provider's published metadata: its keys, and the endpoints of its login."""

from __future__ import annotations

import dataclasses
import itertools
import json
import logging
import time
from typing import Any

import requests
import urllib3
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm
from jwt.exceptions import PyJWTError

from ...outgoing.bounded_session import BoundedSession, TooLarge
from ...settings.urls import is_confidential

LOG = logging.getLogger(__name__)

#: Type and curve of the key of each accepted algorithm. Neither `none` nor symmetric ones are accepted: a
#: public key must not be used as a secret.
ALGORITHMS: dict[str, tuple[str, str | None]] = {
    "RS256": ("RSA", None),
    "RS384": ("RSA", None),
    "RS512": ("RSA", None),
    "PS256": ("RSA", None),
    "PS384": ("RSA", None),
    "PS512": ("RSA", None),
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "EdDSA": ("OKP", None),
}

TIME_LIMIT = 3.0  #: seconds for all requests to a provider

_MOST_BYTES = 2**20
_MOST_TRIED = 4  #: keys for one token: each takes a tenth of a millisecond
_LEAST_BITS = 2048  #: of an RSA key
_MAKERS: dict[str, Any] = {"RSA": RSAAlgorithm, "EC": ECAlgorithm, "OKP": OKPAlgorithm}


class ProviderAway(Exception):  # noqa: N818  reads as a sentence
    """A provider that cannot be reached, or publishes unusable metadata."""


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Key:
    """A public key and its uses. Compared by identity: a key fetched again is another key."""

    kid: str | None
    kind: str
    curve: str | None
    algorithm: str | None  #: the only permitted one, if the provider restricts it
    public: Any

    def fits(self, algorithm: str) -> bool:
        """Tell whether the key is of the type and curve of an algorithm, and permitted for it."""
        kind, curve = ALGORITHMS[algorithm]
        return self.kind == kind and curve in (None, self.curve) and self.algorithm in (None, algorithm)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Published:
    """A provider's metadata at one time."""

    keys: tuple[Key, ...]
    authorization_endpoint: str | None = None
    token_endpoint: str | None = None

    def find(self, kid: str | None, algorithm: str) -> tuple[Key, ...]:
        """The keys that a token may be signed with: those it names, or all that fit if it names none."""
        fitting = (key for key in self.keys if key.fits(algorithm) and kid in (None, key.kid))
        return tuple(itertools.islice(fitting, _MOST_TRIED))


def ask(issuer: str) -> Published:
    """Fetch a provider's metadata, by OpenID Connect Discovery.

    :raises ProviderAway: if that is not possible within :data:`TIME_LIMIT`
    """
    deadline = time.monotonic() + TIME_LIMIT
    about = _get(f"{issuer.rstrip('/')}/.well-known/openid-configuration", deadline)
    if about.get("issuer") != issuer:
        raise ProviderAway("what it says about itself names another issuer; compare OET_AUTH_ISSUER")
    address = about.get("jwks_uri")
    if not isinstance(address, str) or not is_confidential(address):
        raise ProviderAway("it names no https address for its keys")
    listed = _get(address, deadline).get("keys")
    keys = [_key(entry) for entry in listed] if isinstance(listed, list) else []
    usable = tuple(key for key in keys if key is not None)
    if not usable:
        raise ProviderAway("it publishes no key that can be used")
    return Published(
        keys=usable,
        authorization_endpoint=_address(about.get("authorization_endpoint")),
        token_endpoint=_address(about.get("token_endpoint")),
    )


def _get(address: str, deadline: float) -> dict[str, Any]:
    """Read a JSON object; the time limit is for the whole answer."""
    try:
        left = max(0.1, deadline - time.monotonic())
        with BoundedSession(left, _MOST_BYTES) as session:  # a redirect could lead to an address without TLS
            answer = session.get(address, timeout=left)
        if answer.status_code != 200:
            raise ProviderAway(f"it answers with status {answer.status_code}")
        document = json.loads(answer.content)
    except (TooLarge, requests.Timeout):
        raise ProviderAway("its answer is too slow or too large") from None
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
        raise ProviderAway(f"it cannot be reached: {type(error).__name__}") from None
    except (ValueError, RecursionError):
        raise ProviderAway("its answer is not JSON") from None
    if not isinstance(document, dict):
        raise ProviderAway("its answer is not a JSON object")
    return document


def _address(value: Any) -> str | None:
    return value if isinstance(value, str) and is_confidential(value) else None


def _key(entry: Any) -> Key | None:
    """Read one key; None if it is for another use, weak or invalid."""
    if not isinstance(entry, dict) or entry.get("use", "sig") != "sig" or "d" in entry:
        return None
    kind, algorithm = entry.get("kty"), entry.get("alg")
    if not isinstance(kind, str) or kind not in _MAKERS or algorithm not in (None, "Ed25519", *ALGORITHMS):
        return None
    try:
        public = _MAKERS[kind].from_jwk(entry)
    except (PyJWTError, ValueError, TypeError, KeyError):
        LOG.warning("Ignored a key that cannot be read")
        return None
    if kind == "RSA" and public.key_size < _LEAST_BITS:
        LOG.warning("Ignored an RSA key of %d bits", public.key_size)
        return None
    kid, curve = entry.get("kid"), entry.get("crv")
    return Key(
        kid=kid if isinstance(kid, str) else None,
        kind=kind,
        curve=curve if isinstance(curve, str) else None,
        algorithm=None if algorithm == "Ed25519" else algorithm,
        public=public,
    )
