"""Logging in to an OET, and out again."""

from __future__ import annotations

import os
import time

from ..errors import OETError
from ..model import Authentication
from .claims import check_id_token, claims_of, name_in
from .grants import Notify, log_in_elsewhere, log_in_here
from .provider import Provider, ProviderRefusal, Tokens, discover
from .session import Session, lifetime
from .store import Store


def log_in(
    server: str,
    offer: Authentication,
    *,
    device: bool,
    open_browser: bool,
    timeout: float,
    notify: Notify,
) -> Session:
    """Let a person log in to ``server`` the way it offers, and keep that for later commands."""
    provider = discover(offer.issuer)
    store = Store(server, os.environ)
    with store.locked():
        pass  # better to know now than after the login that it cannot be kept
    if device:
        nonce = None
        tokens = log_in_elsewhere(offer, provider, timeout=timeout, notify=notify)
    else:
        tokens, nonce = log_in_here(
            offer, provider, timeout=timeout, open_browser=open_browser, notify=notify
        )
    session = _session(server, offer, provider, tokens, nonce)
    with store.locked():
        store.save(session)
    return session


def log_out(server: str) -> tuple[Session | None, str | None]:
    """Forget the login to ``server``; returns it, and why its tokens may still be valid, if so."""
    store = Store(server, os.environ)
    if store.is_empty():
        return None, None
    with store.locked():
        session = store.load()
        store.remove()  # an unreadable file may hold tokens, too
    return session, None if session is None else _revoke(session)


def _revoke(session: Session) -> str | None:
    try:
        if session.refresh_token is not None and not session.provider.revoke(
            session.refresh_token, "refresh_token", session.client_id
        ):
            return "the identity provider cannot revoke tokens"
        session.provider.revoke(session.access_token, "access_token", session.client_id)
    except ProviderRefusal as refusal:
        # Tokens that carry their own proof cannot be taken back everywhere.
        return None if refusal.code == "unsupported_token_type" else refusal.sentence
    except OETError as error:
        return str(error)
    return None


def _session(
    server: str, offer: Authentication, provider: Provider, tokens: Tokens, nonce: str | None
) -> Session:
    now = time.time()
    if tokens.id_token is not None:
        claims = check_id_token(
            tokens.id_token,
            issuer=provider.issuer,
            client_id=offer.client_id,
            nonce=nonce,
            now=now,
        )
    else:
        claims = claims_of(tokens.access_token) or {}
    renew, expires = lifetime(tokens, now)
    subject = claims.get("sub")
    return Session(
        server=server,
        issuer=provider.issuer,
        client_id=offer.client_id,
        token_endpoint=provider.token_endpoint,
        revocation_endpoint=provider.revocation_endpoint,
        audience=offer.audience,
        subject=subject if isinstance(subject, str) else None,
        name=name_in(claims),
        access_token=tokens.access_token,
        refresh_token=tokens.refresh_token,
        renew=renew,
        expires=expires,
    )
