"""The commands of `oet-server` for administrators: flags, drain, backup, restore."""

from __future__ import annotations

import asyncio
import os

import click

from .settings.command_line import STATE, settings_of, taking
from .settings.flags import FLAGS, BadFlag, read_flags
from .telemetry import logs


@click.command()
def flags() -> None:
    """Show every feature flag with its value and source."""
    try:
        values = read_flags(os.environ)
    except BadFlag as error:
        raise click.ClickException(str(error)) from None
    for flag in FLAGS:
        on, source = values[flag.name]
        click.echo(f"{flag.name} = {str(on).lower()} ({source}): {flag.meaning}")
    if not FLAGS:
        click.echo("This release has no feature flags.")


@click.command()
@taking(*STATE)
@click.option("--wait", type=click.FloatRange(min=0), default=0, help="Seconds to wait until nothing runs.")
@click.option("--reason", help="Reason, shown to users whose work is refused.")
@click.pass_context
def drain(context: click.Context, /, wait: float, reason: str | None, **options: str | None) -> None:
    """Have the server on this machine take no new work, and wait until nothing runs.

    Finds the server by its state directory, and needs no token: for the end of a pod. Exits with status 0
    even if something still runs after the time, and with status 1 if there is no server.
    """
    from .workers import draining
    from .workers.common import CannotStart

    settings = settings_of(context, options, "drain")
    logs.configure("ERROR", settings.log_format, "drain")
    try:
        asyncio.run(draining.drain(settings, reason, wait, click.echo))
    except CannotStart as error:
        raise click.ClickException(str(error)) from None


@click.command()
@taking(*STATE)
@click.argument("file", required=False)
@click.pass_context
def backup(context: click.Context, /, file: str | None, **options: str | None) -> None:
    """Save the journal to FILE; the server may be running.

    By default FILE is beside the journal, and its name contains the time.
    """
    settings = settings_of(context, options, "backup")
    from .journal import Unusable
    from .journal import backup as copies

    try:
        saved = copies.backup(settings.journal_file, file)
    except Unusable as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"Saved the journal to {saved} ({os.path.getsize(saved) / 2**20:.1f} MiB)")


@click.command()
@taking(*STATE)
@click.argument("file")
@click.pass_context
def restore(context: click.Context, /, file: str, **options: str | None) -> None:
    """Replace the journal by the backup FILE.

    The server must not be running. The replaced journal is kept under another name.
    """
    settings = settings_of(context, options, "restore")
    from .journal import Unusable
    from .journal import backup as copies
    from .workers.common import CannotStart, hold_lock

    try:
        for role in ("server", "central", "bus", "ses", "activity"):
            hold_lock(settings, role, patience=0)
        replaced = copies.restore(file, settings.journal_file, settings.subarray_id)
    except (CannotStart, Unusable) as error:
        raise click.ClickException(str(error)) from None
    kept = f"; the one that was there is now {replaced}" if replaced else ""
    click.echo(f"Restored the journal {settings.journal_file} from {file}{kept}")


COMMANDS = (flags, drain, backup, restore)
