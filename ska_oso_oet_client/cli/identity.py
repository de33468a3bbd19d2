"""Who the user is, as ``oet login`` and ``oet whoami`` show it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from ..terminal import printable
from .settings import Settings
from .showing import show_json
from .times import Times

if TYPE_CHECKING:
    from ..credentials import Credentials
    from ..login.session import Session


@dataclass(frozen=True, kw_only=True)
class Identity:
    """What is known of who asks; all but the permissions may be unknown.

    ``until`` is when the token ends, ``renewed`` whether another one follows by itself.
    """

    name: str | None
    subject: str | None
    issuer: str | None
    until: float | None
    renewed: bool
    permissions: Mapping[str, list[str]]


def who_has(session: Session) -> Identity:
    """The user of a login."""
    return _identity(
        session.access_token,
        name=session.name,
        subject=session.subject,
        issuer=session.issuer,
        until=session.expires,
        renewed=session.refresh_token is not None,
    )


def find_identity(credentials: Credentials) -> Identity | None:
    """Whoever the next request would be from; None: nobody."""
    from ..login.stored_login import StoredLogin

    if isinstance(credentials, StoredLogin):
        session = credentials.session()
        return None if session is None else who_has(session)
    token = credentials.token()
    return None if token is None else _identity(token)


def show_identity(identity: Identity | None, server: str, settings: Settings) -> None:
    """None is anybody, where the server needs no login."""
    if settings.as_json:
        document: dict[str, Any] = {"server": server, "required": identity is not None}
        show_json(document if identity is None else {**document, **vars(identity)})
    elif identity is None:
        click.echo(f"{server} needs no login")
    else:
        _show_table(identity, server, settings.times)


def _show_table(identity: Identity, server: str, times: Times) -> None:
    from .tables import table

    until = "" if identity.until is None else times.to_the_second(identity.until)
    if identity.renewed:
        until += ", then renewed by itself"
    rows = [
        ("Name", identity.name),
        ("Subject", identity.subject),
        ("Server", server),
        ("Issuer", identity.issuer),
        ("Until", until),
        *((kind.capitalize(), " ".join(words)) for kind, words in identity.permissions.items()),
    ]
    cells = [(title, printable(value or "")) for title, value in rows]
    click.echo(table(("Property", "Value"), cells))


def _identity(
    token: str,
    name: str | None = None,
    subject: str | None = None,
    issuer: str | None = None,
    until: float | None = None,
    renewed: bool = False,
) -> Identity:
    """What is given, and where it is not, what the token says, if it can be read."""
    from ..login.claims import claims_of, name_in, permissions_in

    claims = claims_of(token) or {}
    expires = claims.get("exp")
    return Identity(
        name=name or name_in(claims),
        subject=subject or _text(claims.get("sub")),
        issuer=issuer or _text(claims.get("iss")),
        until=until or _moment(expires),
        renewed=renewed,
        permissions=permissions_in(claims),
    )


def _moment(value: object) -> float | None:
    try:
        return float(value) if isinstance(value, int | float) else None
    except OverflowError:
        return None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
