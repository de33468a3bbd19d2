"""``oet login``, ``logout`` and ``whoami``: who the user is."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from ..address import home_of, resolve
from ..terminal import printable
from .command import OetCommand
from .settings import Settings, pass_settings, tell
from .showing import show_json
from .switches import flag
from .times import Times

if TYPE_CHECKING:
    from ..credentials import Credentials
    from ..login.session import Session


@click.command(cls=OetCommand)
@flag("--device", help="Show a code to enter in a browser on any other device.")
@flag(
    "--browser",
    help="Open the link in the browser ($BROWSER, else the usual one); --no-browser only shows it.",
    default=True,
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=300,
    metavar="SECONDS",
    show_default=True,
    help="How long to wait for the login.",
)
@pass_settings
def login(settings: Settings, device: bool, browser: bool, timeout: float) -> None:
    """Log in to the OET, for all subarrays and for later commands, until oet logout.

    Programs need no login: they set OET_TOKEN to a token, or OET_CLIENT_ID and OET_CLIENT_SECRET
    to a client of the identity provider.
    """
    from ..credentials import refuse_open_way
    from ..login.defaults import overriding_variable
    from ..login.flow import log_in

    with settings.any_client() as client:
        offer = client.authentication()
    server = home_of(client.url)
    if not offer.required:
        show_identity(None, server, settings)
        return
    refuse_open_way(client.url)
    session = log_in(
        server, offer, device=device, open_browser=browser, timeout=timeout, notify=tell
    )
    show_identity(who_has(session), server, settings)
    variable = overriding_variable(os.environ)
    if variable is not None:
        tell(f"{variable} is set and takes precedence over this login")


@click.command(cls=OetCommand)
@pass_settings
def logout(settings: Settings) -> None:
    """Log out of the OET: revoke the login at the identity provider and forget it here."""
    from ..login.defaults import overriding_variable
    from ..login.flow import log_out

    server = home_of(resolve(settings.server_url, settings.subarray_id, os.environ).url)
    session, why_not = log_out(server)
    if settings.as_json:
        show_json({"server": server, "was_logged_in": session is not None, "not_revoked": why_not})
    elif session is None:
        click.echo(f"You were not logged in to {server}")
    else:
        click.echo(f"Logged out of {server}")
    if why_not is not None:
        tell(f"The login is forgotten here but was not revoked: {why_not}")
    variable = overriding_variable(os.environ)
    if variable is not None:
        tell(f"{variable} is still set")


@click.command(cls=OetCommand)
@pass_settings
def whoami(settings: Settings) -> None:
    """Show who you are logged in as; exit status 4 if you are not logged in."""
    from ..errors import NotLoggedInError

    with settings.any_client() as client:
        server = home_of(client.url)
        if not client.authentication().required:
            show_identity(None, server, settings)
            return
        identity = find_identity(client.credentials)
    if identity is None:
        raise NotLoggedInError(server)
    show_identity(identity, server, settings)


@dataclass(frozen=True, kw_only=True)
class Identity:
    """The identity of the user; all but the permissions may be unknown.

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
    """The user of the next request; None without a login."""
    from ..login.stored_login import StoredLogin

    if isinstance(credentials, StoredLogin):
        session = credentials.session()
        return None if session is None else who_has(session)
    token = credentials.token()
    return None if token is None else _identity(token)


def show_identity(identity: Identity | None, server: str, settings: Settings) -> None:
    """Print an identity; None means that the server needs no login."""
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
    """The given value, else that of the token, if it can be read."""
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
