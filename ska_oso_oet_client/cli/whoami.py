"""``oet whoami``."""

from __future__ import annotations

import click

from ..address import home_of
from .command import OetCommand
from .settings import Settings, pass_settings


@click.command(cls=OetCommand)
@pass_settings
def whoami(settings: Settings) -> None:
    """Tell as whom you are logged in to the OET; exit status 4 if you are not."""
    from ..errors import NotLoggedInError
    from .identity import find_identity, show_identity

    with settings.any_client() as client:
        server = home_of(client.url)
        if not client.authentication().required:
            show_identity(None, server, settings)
            return
        identity = find_identity(client.credentials)
    if identity is None:
        raise NotLoggedInError(server)
    show_identity(identity, server, settings)
