"""``oet script list``."""

from __future__ import annotations

import click

from ...model import FoundScript
from ..command import OetCommand
from ..settings import Settings, pass_settings
from ..showing import show_json


@click.command("list", cls=OetCommand)
@pass_settings
def list_(settings: Settings) -> None:
    """Show the scripts on the server, with the first line of what they say of themselves."""
    with settings.client() as client:
        found = client.scripts()
    if settings.as_json:
        show_json([dict(script.document) for script in found])
        return
    from ..tables import table

    click.echo(table(("Script", "About"), [(script.uri, _about(script)) for script in found]))


def _about(script: FoundScript) -> str | None:
    return script.summary if script.error is None else f"It cannot be read: {script.error}"
