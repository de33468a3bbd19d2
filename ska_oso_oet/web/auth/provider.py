"""What an OpenID provider publishes: its keys, and where its users log in."""

from __future__ import annotations

import dataclasses
import json
import logging
import time
from typing import Any

import requests
import urllib3
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm
from jwt.exceptions import PyJWTError

from ...addresses import is_confidential

LOG = logging.getLogger(__name__)

#: Which kind of key, and on which curve, an algorithm needs. No other algorithm is taken: none that is
#: symmetric, so that nobody can sign with a public key, and not `none`.
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

TIME_LIMIT = 3.0  #: seconds for asking a provider everything

_MOST_BYTES = 2**20
_LEAST_BITS = 2048  #: of an RSA key
_MAKERS: dict[str, Any] = {"RSA": RSAAlgorithm, "EC": ECAlgorithm, "OKP": OKPAlgorithm}


class ProviderAway(Exception):  # noqa: N818  reads as a sentence
    """A provider that cannot be reached, or says what cannot be used."""


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Key:
    """A public key: what it can be used for, and the key itself. Each one fetched is another one."""

    kid: str | None
    kind: str
    curve: str | None
    algorithm: str | None  #: the only one it is for, where the provider says so
    public: Any

    def fits(self, algorithm: str) -> bool:
        """Tell whether signatures by this algorithm can be of this key."""
        kind, curve = ALGORITHMS[algorithm]
        return self.kind == kind and curve in (None, self.curve) and self.algorithm in (None, algorithm)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Published:
    """What a provider published at one time."""

    keys: tuple[Key, ...]
    authorization_endpoint: str | None = None
    token_endpoint: str | None = None

    def find(self, kid: str | None, algorithm: str) -> Key | None:
        """The key a token names; where it names none, the only one that fits."""
        fitting = [key for key in self.keys if key.fits(algorithm)]
        if kid is not None:
            return next((key for key in fitting if key.kid == kid), None)
        return fitting[0] if len(fitting) == 1 else None


def ask(issuer: str) -> Published:
    """Ask a provider what it publishes, by OpenID Connect Discovery.

    :raises ProviderAway: where that is not possible within :data:`TIME_LIMIT`
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
    """Read a JSON object; the time limit holds for all of it, however slowly it comes."""
    try:
        left = max(0.1, deadline - time.monotonic())
        # A redirect could lead to an address that is not confidential.
        with requests.get(address, timeout=left, stream=True, allow_redirects=False) as answer:
            if answer.status_code != 200:
                raise ProviderAway(f"it answers with status {answer.status_code}")
            said = b""
            # What is there, however little: a read of a given size could take for ever.
            while part := answer.raw.read1(2**14, decode_content=True):
                said += part
                if len(said) > _MOST_BYTES or time.monotonic() > deadline:
                    raise ProviderAway("its answer is too slow or too large")
        found = json.loads(said)
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
        raise ProviderAway(f"it cannot be reached: {type(error).__name__}") from None
    except (ValueError, RecursionError):
        raise ProviderAway("its answer is not JSON") from None
    if not isinstance(found, dict):
        raise ProviderAway("its answer is no JSON object")
    return found


def _address(value: Any) -> str | None:
    return value if isinstance(value, str) and is_confidential(value) else None


def _key(entry: Any) -> Key | None:
    """Read one key; one that is for something else, or weak, or broken, is left aside."""
    if not isinstance(entry, dict) or entry.get("use", "sig") != "sig" or "d" in entry:
        return None
    kind, algorithm = entry.get("kty"), entry.get("alg")
    if not isinstance(kind, str) or kind not in _MAKERS or algorithm not in (None, "Ed25519", *ALGORITHMS):
        return None
    try:
        public = _MAKERS[kind].from_jwk(entry)
    except (PyJWTError, ValueError, TypeError, KeyError):
        LOG.warning("Left aside a key that cannot be read")
        return None
    if kind == "RSA" and public.key_size < _LEAST_BITS:
        LOG.warning("Left aside an RSA key of %d bits", public.key_size)
        return None
    kid, curve = entry.get("kid"), entry.get("crv")
    return Key(
        kid=kid if isinstance(kid, str) else None,
        kind=kind,
        curve=curve if isinstance(curve, str) else None,
        algorithm=None if algorithm == "Ed25519" else algorithm,
        public=public,
    )
