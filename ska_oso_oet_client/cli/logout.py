"""``oet logout``."""

from __future__ import annotations

import os

import click

from ..address import home_of, resolve
from .command import OetCommand
from .settings import Settings, pass_settings, tell
from .showing import show_json


@click.command(cls=OetCommand)
@pass_settings
def logout(settings: Settings) -> None:
    """Log out of the OET: revoke the login at the identity provider and forget it here."""
    from ..login.choice import scripted_by
    from ..login.entrance import log_out

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
    variable = scripted_by(os.environ)
    if variable is not None:
        tell(f"{variable} is still set")
