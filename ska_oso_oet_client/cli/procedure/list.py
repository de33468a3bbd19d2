"""``oet procedure list``."""

from __future__ import annotations

import click

from ..command import OetCommand
from ..settings import Settings, pass_settings, tell
from ..showing import show_json, show_procedures


@click.command("list", cls=OetCommand)
@click.option("--pid", type=click.IntRange(0), help="Show only the procedure with this ID.")
@pass_settings
def list_(settings: Settings, pid: int | None) -> None:
    """Show the ten newest procedures, or the one with the given ID."""
    with settings.client() as client:
        procedures = client.procedures() if pid is None else [client.procedure(pid)]
    if settings.as_json:
        show_json([dict(procedure.document) for procedure in procedures])
        return
    show_procedures(procedures)
    if not procedures:
        tell("No procedures yet; load a script with: oet procedure create")
