"""``oet procedure list``."""

from __future__ import annotations

import click

from ..command import OetCommand
from ..settings import Settings, pass_settings, tell, typed
from ..showing import show_json, show_procedures
from ..which import pid_option


@click.command("list", cls=OetCommand)
@pid_option("the ten newest")
@click.option(
    "--all-subarrays",
    type=bool,
    default=False,
    metavar="",
    help="Show what was run on all subarrays, as the central history has it.",
)
@click.option(
    "--limit",
    type=click.IntRange(1),
    metavar="N",
    help="With --all-subarrays: at most the N newest.  [default: 50]",
)
@pass_settings
def list_(settings: Settings, pid: int | None, all_subarrays: bool, limit: int | None) -> None:
    """Show the ten newest procedures, or the one with the given ID.

    Of more than ten, those that have ended leave the list first.
    """
    if all_subarrays and pid is not None:
        raise click.UsageError("--pid is the ID of one subarray; leave it out, or --all-subarrays")
    if limit is not None and not all_subarrays:
        raise click.UsageError("--limit is for --all-subarrays only")
    with settings.client() as client:
        if all_subarrays:
            procedures = client.procedures_of_all_subarrays(limit or 50)
        else:
            procedures = client.procedures() if pid is None else [client.procedure(pid)]
    if settings.as_json:
        show_json([dict(procedure.document) for procedure in procedures])
        return
    show_procedures(procedures, settings, all_subarrays)
    if not procedures:
        tell(f"No procedures yet; load a script with: {typed('procedure create')}")
