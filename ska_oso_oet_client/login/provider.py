"""The identity provider: its endpoints, and requests to them.

It is trusted with secrets, so every address of it must be https (or this machine), redirects are
not followed, and its texts are shown without control characters.
"""

from __future__ import annotations

import logging
import os
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_plus

import requests

from ..address import keeps_secrets
from ..answers import reason_of
from ..errors import LoginFailedError, ProviderAnswerError, ProviderUnreachableError
from ..limits import CONNECT_TIMEOUT
from ..terminal import printable

ISSUER_VARIABLE = "OET_ISSUER"
READ_TIMEOUT = 15.0

log = logging.getLogger(__name__)


class ProviderRefusal(Exception):  # noqa: N818  # an answer of the protocol, not yet a failure
    """An error of OAuth 2.0: a ``code`` for programs, ``sentence`` for people."""

    def __init__(self, code: str, description: str | None = None) -> None:
        self.code = printable(code)
        self.sentence = printable(f"{code}: {description}" if description else code)
        super().__init__(self.sentence)


@dataclass(frozen=True, kw_only=True)
class Tokens:
    """The answer of a token endpoint. ``expires_in`` is in seconds."""

    access_token: str = field(repr=False)
    expires_in: float | None = None
    refresh_token: str | None = field(default=None, repr=False)
    id_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True)
class Provider:
    """An identity provider and those of its endpoints that are needed."""

    issuer: str
    token_endpoint: str
    authorization_endpoint: str | None = None
    device_authorization_endpoint: str | None = None
    revocation_endpoint: str | None = None
    names_itself: bool = False
    """Whether it always tells with a code which provider made it (RFC 9207)."""

    def tokens(self, secret: tuple[str, str] | None = None, **fields: str | None) -> Tokens:
        """Ask the token endpoint; ``secret`` is a client's name and password.

        Raises ProviderRefusal when the provider says no.
        """
        answer = _post(self.token_endpoint, fields, secret)
        kind = answer.get("token_type")
        if not isinstance(kind, str) or kind.lower() != "bearer":
            raise ProviderAnswerError(self.token_endpoint, "it issues no bearer token")
        try:
            expires_in = answer.get("expires_in")
            return Tokens(
                access_token=_word(answer["access_token"]),
                expires_in=None if expires_in is None else float(expires_in),
                refresh_token=_word(answer.get("refresh_token") or "") or None,
                id_token=_word(answer.get("id_token") or "") or None,
            )
        except (KeyError, TypeError, ValueError):
            raise ProviderAnswerError(self.token_endpoint, "its tokens cannot be read") from None

    def device_code(self, **fields: str | None) -> Mapping[str, Any]:
        """Begin a login on another device (RFC 8628)."""
        if self.device_authorization_endpoint is None:
            raise LoginFailedError(
                f"the identity provider at {self.issuer} has no login for other devices; "
                "log in with a browser on this computer: oet login"
            )
        return _post(self.device_authorization_endpoint, fields)

    def revoke(self, token: str, kind: str, client_id: str) -> bool:
        """Make a token worthless (RFC 7009); False when the provider has no way to do that."""
        if self.revocation_endpoint is None:
            return False
        fields = {"token": token, "token_type_hint": kind, "client_id": client_id}
        _post(self.revocation_endpoint, fields, wants_answer=False)
        return True


def discover(issuer: str) -> Provider:
    """The provider that calls itself ``issuer`` (OpenID Connect Discovery 1.0)."""
    only = os.environ.get(ISSUER_VARIABLE, "").strip()
    if only and issuer != only:
        raise LoginFailedError(
            f"the OET names the provider {printable(issuer)}, not that in {ISSUER_VARIABLE}; "
            "check the address of the OET, or that variable"
        )
    url = issuer.rstrip("/") + "/.well-known/openid-configuration"
    document = _json_of(_ask("GET", url))
    if document.get("issuer") != issuer:
        raise ProviderAnswerError(url, f"it names another issuer than {issuer}")
    token_endpoint = _endpoint(document, "token_endpoint")
    if token_endpoint is None:
        raise ProviderAnswerError(url, "it names no token_endpoint")
    return Provider(
        issuer=issuer,
        token_endpoint=token_endpoint,
        authorization_endpoint=_endpoint(document, "authorization_endpoint"),
        device_authorization_endpoint=_endpoint(document, "device_authorization_endpoint"),
        revocation_endpoint=_endpoint(document, "revocation_endpoint"),
        names_itself=document.get("authorization_response_iss_parameter_supported") is True,
    )


def _endpoint(document: Mapping[str, Any], name: str) -> str | None:
    url = document.get(name)
    # It is shown, and opened in a browser.
    return url if isinstance(url, str) and url and url.isprintable() else None


def _post(
    url: str,
    fields: Mapping[str, str | None],
    secret: tuple[str, str] | None = None,
    wants_answer: bool = True,
) -> Mapping[str, Any]:
    present = {name: value for name, value in fields.items() if value is not None}
    response = _ask("POST", url, data=present, secret=secret)
    if response.status_code == 200:
        return _json_of(response) if wants_answer else {}
    problem = _json_of(response)
    code, description = problem.get("error"), problem.get("error_description")
    if not isinstance(code, str):
        raise ProviderAnswerError(url, f"HTTP {response.status_code}")
    raise ProviderRefusal(code, description if isinstance(description, str) else None)


def _ask(
    method: str,
    url: str,
    data: Mapping[str, str] | None = None,
    secret: tuple[str, str] | None = None,
) -> requests.Response:
    if not keeps_secrets(url):
        raise ProviderAnswerError(url, "an identity provider must have an https address")

    def identify(request: requests.PreparedRequest) -> requests.PreparedRequest:
        # Without this, requests would send the entry of ~/.netrc for that host.
        if secret is None:
            return request
        pair = ":".join(quote_plus(part) for part in secret)
        request.headers["Authorization"] = "Basic " + b64encode(pair.encode()).decode()
        return request

    try:
        response = requests.request(
            method,
            url,
            data=data,
            headers={"Accept": "application/json"},
            auth=identify,
            allow_redirects=False,
            timeout=(CONNECT_TIMEOUT, READ_TIMEOUT),
        )
    except requests.RequestException as error:
        # Not "from error": a traceback for --verbose must not show the request.
        raise ProviderUnreachableError(url, reason_of(error, READ_TIMEOUT)) from None
    log.debug("%s %s: %s", method, url, response.status_code)
    if response.status_code == 429 or response.status_code >= 500:
        raise ProviderUnreachableError(url, f"HTTP {response.status_code}")
    return response


def _json_of(response: requests.Response) -> Mapping[str, Any]:
    try:
        found = response.json()
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise ProviderAnswerError(response.url, f"HTTP {response.status_code} without JSON")
    return found


def _word(token: Any) -> str:
    if not isinstance(token, str) or not all("!" <= letter <= "~" for letter in token):
        raise ValueError("no token")
    return token
