"""``oet environment remove``."""

from __future__ import annotations

import click

from ...terminal import printable
from ..command import OetCommand
from ..settings import Settings, completed, pass_settings, tell
from ..showing import show_json


@click.command(cls=OetCommand)
@click.argument("environment_id", metavar="ID", shell_complete=completed("environments"))
@pass_settings
def remove(settings: Settings, environment_id: str) -> None:
    """Remove the environment, work tree or mirror with this ID from oet environment list.

    Refused while a procedure uses it.
    """
    with settings.client() as client:
        removed = client.remove_environment(environment_id)
    if settings.as_json:
        show_json(removed.document)
    else:
        click.echo(printable(f"Removed {removed.kind} {removed.id} of {removed.repository}"))
    tell(f"Removed from the OET of subarray {client.subarray_id}")
