"""``oet audit``."""

from __future__ import annotations

import re
import time

import click

from ..model import AuditEntry
from ..terminal import printable, shortened
from .command import OetCommand
from .settings import Settings, pass_settings, tell
from .showing import show_json
from .times import Times

_AGO = re.compile(r"(\d+(?:\.\d+)?)\s*(s|min|h|d)")
_WIDEST = 60  #: characters of a cell; --output=json shows everything
_SECONDS = {"s": 1, "min": 60, "h": 3600, "d": 86400}


def _moment(context: click.Context, option: click.Parameter, value: str | None) -> float | None:
    if value is None:
        return None
    ago = _AGO.fullmatch(value.strip())
    if ago is not None:
        return time.time() - float(ago[1]) * _SECONDS[ago[2]]
    try:
        return context.ensure_object(Settings).times.read(value.strip())
    except ValueError:
        raise click.BadParameter(
            "needs a time, such as '2026-11-22 14:00' (UTC), or a while, such as 90min, 12h or 7d",
            context,
            option,
        ) from None


@click.command(cls=OetCommand)
@click.option("--user", metavar="USER", help="Only what this user (a subject) asked for.")
@click.option(
    "--since",
    metavar="TIME",
    callback=_moment,
    help="Only what happened since a time, UTC but with --local, or a while ago (90min, 12h, 7d).",
)
@click.option(
    "--limit",
    type=click.IntRange(1),
    default=50,
    metavar="N",
    show_default=True,
    help="At most the N newest.",
)
@click.option("--refused", type=bool, default=False, metavar="", help="Only what was refused.")
@pass_settings
def audit(
    settings: Settings, user: str | None, since: float | None, limit: int, refused: bool
) -> None:
    """Show who changed something or was refused, newest first.

    Long requests are shortened; --output=json shows them whole.
    """
    with settings.client() as client:
        found = client.audit(
            user=user, since=since, result="refused" if refused else None, limit=limit
        )
    if settings.as_json:
        show_json([dict(entry.document) for entry in found])
        return
    from .tables import table

    headers = ("Time", "User", "Address", "Command", "Status", "Detail")
    click.echo(
        table(headers, [_row(entry, settings.times) for entry in found], numbers=("Status",))
    )
    if not found:
        tell("Nothing of that kind was written down")


def _row(entry: AuditEntry, times: Times) -> tuple[str | int | None, ...]:
    command = f"{entry.method} {entry.path} {entry.what or ''}".rstrip()
    # These are words of whoever sent the request.
    user, address, what, detail = (
        shortened(printable(text or ""), _WIDEST)
        for text in (entry.name or entry.user, entry.address, command, entry.detail)
    )
    return times.to_the_second(entry.time), user, address, what, entry.status, detail
