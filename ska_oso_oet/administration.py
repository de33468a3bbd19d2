"""The commands of `oet-server` beside serving: for whoever looks after an installation."""

from __future__ import annotations

import asyncio
import os

import click

from . import logs
from .features import FLAGS, BadFlag, read_flags
from .options import STATE, settings_of, taking


@click.command()
def flags() -> None:
    """Show every feature flag, its value and where that comes from."""
    try:
        found = read_flags(os.environ)
    except BadFlag as error:
        raise click.ClickException(str(error)) from None
    for flag in FLAGS:
        value = found[flag.name]
        click.echo(f"{flag.name} = {str(value.on).lower()} ({value.source}): {flag.meaning}")
    if not FLAGS:
        click.echo("This release has no feature flags.")


@click.command()
@taking(*STATE)
@click.option("--wait", type=click.FloatRange(min=0), default=0, help="Seconds to wait until nothing runs.")
@click.option("--reason", help="Why, for those whose work is refused.")
@click.pass_context
def drain(context: click.Context, /, wait: float, reason: str | None, **options: str | None) -> None:
    """Have the server on this machine take no new work, and wait until nothing runs.

    Finds it by its state directory, and needs no token: for the end of a pod. Ends with status 0 also where
    something still runs after the time, and with status 1 where there is no server.
    """
    from .workers import draining
    from .workers.base import CannotStart

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
    """Save the journal to FILE, while the server runs or not.

    Without FILE it is saved beside the journal, under a name with the time.
    """
    settings = settings_of(context, options, "backup")
    from .bus.journal import Unusable, copies

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
    """Have the backup FILE take the place of the journal.

    The server must not be running. The journal that was there is kept under another name.
    """
    settings = settings_of(context, options, "restore")
    from .bus.journal import Unusable, copies
    from .workers.base import CannotStart, hold_lock

    try:
        for role in ("server", "bus", "ses", "activity"):
            hold_lock(settings, role, patience=0)
        replaced = copies.restore(file, settings.journal_file, settings.subarray_id)
    except (CannotStart, Unusable) as error:
        raise click.ClickException(str(error)) from None
    kept = f"; the one that was there is now {replaced}" if replaced else ""
    click.echo(f"Restored the journal {settings.journal_file} from {file}{kept}")


COMMANDS = (flags, drain, backup, restore)
