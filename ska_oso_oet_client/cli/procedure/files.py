"""``oet procedure files``."""

from __future__ import annotations

import click

from ..command import OetCommand
from ..settings import Settings, pass_settings, tell
from ..showing import show_json
from ..which import LAST, last_procedure, pid_option


@click.command(cls=OetCommand)
@pid_option(LAST)
@pass_settings
def files(settings: Settings, pid: int | None) -> None:
    """Show the files that a script has written in its working directory, also while it runs."""
    with settings.client() as client:
        pid = last_procedure(client.procedures()).id if pid is None else pid
        found = client.files(pid)
    if settings.as_json:
        show_json(found.document)
        return
    from ..tables import table

    rows = [
        (file.path, file.size, settings.times.to_the_second(file.modified)) for file in found.files
    ]
    click.echo(table(("File", "Bytes", "Changed"), rows, numbers=("Bytes",)))
    if found.more:
        tell("There are more files than these; each can be fetched by its name")
    if not rows:
        tell(f"Procedure {pid} has written no file in its working directory")
