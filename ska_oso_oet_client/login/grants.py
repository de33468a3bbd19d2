"""The two ways for a person to log in: in a browser on this computer, or on any other device."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import secrets
import threading
import time
import webbrowser
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

from ..address import keeps_secrets
from ..errors import LoginFailedError, ProviderAnswerError, ProviderUnreachableError
from ..model import Authentication
from ..terminal import printable
from .callback import Callback
from .provider import Provider, ProviderRefusal, Tokens

DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"

_FIRST_INTERVAL = 5.0
_SLOW_DOWN = 5.0

Notify = Callable[[str], None]


def log_in_here(
    offer: Authentication,
    provider: Provider,
    *,
    timeout: float,
    open_browser: bool,
    notify: Notify,
) -> tuple[Tokens, str]:
    """Authorization code with PKCE (RFC 6749, 7636, 8252); the tokens, and the nonce asked for."""
    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    with Callback(state, provider.issuer, provider.names_itself) as callback:
        link = _link(
            offer,
            provider,
            redirect_uri=callback.url,
            state=state,
            nonce=nonce,
            code_challenge=_challenge(verifier),
        )
        notify(f"Log in with a browser on this computer (else: oet login --device):\n\n  {link}\n")
        if open_browser:
            _open(link)
        code = callback.wait(timeout)
    try:
        tokens = provider.tokens(
            grant_type="authorization_code",
            code=code,
            redirect_uri=callback.url,
            client_id=offer.client_id,
            code_verifier=verifier,
            resource=offer.audience,
        )
    except ProviderRefusal as refusal:
        raise LoginFailedError(f"the identity provider says {refusal.sentence}") from None
    return tokens, nonce


def log_in_elsewhere(
    offer: Authentication,
    provider: Provider,
    *,
    timeout: float,
    notify: Notify,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Tokens:
    """Device authorization grant (RFC 8628)."""
    began = clock()
    try:
        device = provider.device_code(
            client_id=offer.client_id,
            scope=offer.scopes,
            resource=offer.audience,
            prompt=_prompt(offer),
        )
    except ProviderRefusal as refusal:
        raise LoginFailedError(f"the identity provider says {refusal.sentence}") from None
    link, user_code, device_code = (
        _text(device, provider, name) for name in ("verification_uri", "user_code", "device_code")
    )
    notify(f"Log in with a browser anywhere:\n\n  {link}\n\nand enter the code {user_code}\n")
    interval = _number(device, "interval", _FIRST_INTERVAL)
    ends = began + min(timeout, _number(device, "expires_in", timeout))
    while clock() + interval < ends:
        sleep(interval)
        try:
            return provider.tokens(
                grant_type=DEVICE_GRANT,
                device_code=device_code,
                client_id=offer.client_id,
                resource=offer.audience,
            )
        except ProviderUnreachableError:
            # A weak connection, perhaps; RFC 8628 wants fewer questions then.
            interval *= 2
        except ProviderRefusal as refusal:
            if refusal.code == "slow_down":
                interval += _SLOW_DOWN
            elif refusal.code == "expired_token":
                break
            elif refusal.code != "authorization_pending":
                raise LoginFailedError(f"the identity provider says {refusal.sentence}") from None
    raise LoginFailedError("nobody entered the code in time")


def _link(offer: Authentication, provider: Provider, **fields: str) -> str:
    endpoint = provider.authorization_endpoint
    if endpoint is None:
        raise LoginFailedError(
            f"the identity provider at {provider.issuer} has no page to log in at"
        )
    if not keeps_secrets(endpoint):
        raise ProviderAnswerError(endpoint, "an identity provider must have an https address")
    query = {
        "response_type": "code",
        "client_id": offer.client_id,
        "scope": offer.scopes,
        "code_challenge_method": "S256",
        **fields,
    }
    if offer.audience is not None:
        query["resource"] = offer.audience
    prompt = _prompt(offer)
    if prompt is not None:
        query["prompt"] = prompt
    parts = urlsplit(endpoint)
    joined = "&".join(filter(None, (parts.query, urlencode(query))))
    return urlunsplit(parts._replace(query=joined, fragment=""))


def _prompt(offer: Authentication) -> str | None:
    # Without it, a provider need not give a refresh token (OpenID Connect Core 1.0, 11).
    return "consent" if "offline_access" in offer.scopes.split() else None


def _challenge(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _open(link: str) -> None:
    def show() -> None:
        # Without a browser the user still has the link.
        with contextlib.suppress(webbrowser.Error, OSError):
            webbrowser.open(link)

    # Some browsers only return when they are closed.
    threading.Thread(target=show, daemon=True).start()


def _text(device: Mapping[str, Any], provider: Provider, name: str) -> str:
    value = device.get(name)
    if not isinstance(value, str) or not value:
        raise ProviderAnswerError(
            provider.device_authorization_endpoint or provider.issuer, f"it names no {name}"
        )
    return printable(value)


def _number(device: Mapping[str, Any], name: str, default: float) -> float:
    value = device.get(name)
    return float(value) if isinstance(value, int | float) and value > 0 else default
