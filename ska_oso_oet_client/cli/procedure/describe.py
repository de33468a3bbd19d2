"""``oet procedure describe``."""

from __future__ import annotations

import click

from ..command import OetCommand
from ..settings import Settings, pass_settings
from ..showing import show_json
from ..which import LAST, last_procedure, pid_option


@click.command(cls=OetCommand)
@pid_option(LAST)
@pass_settings
def describe(settings: Settings, pid: int | None) -> None:
    """Show a procedure's arguments, its states with their times, and how it ended."""
    with settings.client() as client:
        procedure = last_procedure(client.procedures()) if pid is None else client.procedure(pid)
    if settings.as_json:
        show_json(procedure.document)
        return
    from ..description import describe_procedure

    click.echo(describe_procedure(procedure, settings.times))
