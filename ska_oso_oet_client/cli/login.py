"""``oet login``."""

from __future__ import annotations

import os

import click

from ..address import home_of
from .command import OetCommand
from .settings import Settings, pass_settings, tell


@click.command(cls=OetCommand)
@click.option(
    "--device",
    type=bool,
    default=False,
    metavar="",
    help="Show a code to enter in a browser on any other device.",
)
@click.option(
    "--browser",
    type=bool,
    default=True,
    metavar="",
    help="Open the link in the browser ($BROWSER, else the usual one); --no-browser only shows it.",
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
    from ..login.choice import scripted_by
    from ..login.entrance import log_in
    from .identity import show_identity, who_has

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
    variable = scripted_by(os.environ)
    if variable is not None:
        tell(f"{variable} is set and goes before this login")
