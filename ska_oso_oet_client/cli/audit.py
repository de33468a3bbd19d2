"""``oet audit``."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import click

from ..exit_status import ExitStatus
from ..model import AuditEntry, AuditPlace, AuditVerification
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
@click.option(
    "--verify",
    type=bool,
    default=False,
    metavar="",
    help="Verify instead that all records are as they were written.",
)
@click.option(
    "--head",
    metavar="HEAD",
    help="With --verify: the head that an earlier one has shown must be among them.",
)
@pass_settings
@click.pass_context
def audit(
    context: click.Context,
    settings: Settings,
    user: str | None,
    since: float | None,
    limit: int,
    refused: bool,
    verify: bool,
    head: str | None,
) -> ExitStatus:
    """Show who changed something or was refused, newest first.

    Long requests are shortened; --output=json shows them whole.

    With --verify nothing is shown of them: this computer recomputes the chain of their hashes, and
    compares it with what is shown. Note the head somewhere else: with it, a later --verify --head
    finds out whether the end was cut off meanwhile. The exit status is 1 where something is wrong.
    """
    if verify:
        _require_all_records(context)
        return _verify(settings, head)
    if head is not None:
        raise click.UsageError("--head says what --verify must find; add --verify")
    with settings.client() as client:
        found = client.audit(
            user=user, since=since, result="refused" if refused else None, limit=limit
        )
    if settings.as_json:
        show_json([dict(entry.document) for entry in found])
        return ExitStatus.DONE
    from .tables import table

    headers = ("Time", "User", "Address", "Command", "Status", "Detail")
    click.echo(
        table(headers, [_row(entry, settings.times) for entry in found], numbers=("Status",))
    )
    if not found:
        tell("Nothing of that kind was written down")
    return ExitStatus.DONE


def _require_all_records(context: click.Context) -> None:
    for name in ("user", "since", "limit", "refused"):
        if context.get_parameter_source(name) is not click.core.ParameterSource.DEFAULT:
            raise click.UsageError(f"--verify is about all records; leave out --{name}")


def _verify(settings: Settings, head: str | None) -> ExitStatus:
    with settings.client() as client:
        found = client.verify_audit(head)
    if settings.as_json:
        show_json(found.to_json())
    else:
        for line in _verdict(found, settings.times):
            click.echo(line)
    return ExitStatus.DONE if found.unbroken else ExitStatus.AUDIT_BROKEN


def _verdict(found: AuditVerification, times: Times) -> Iterator[str]:
    if found.broken is not None:
        yield f"BROKEN: {printable(found.broken.detail)}"
        yield f"{found.records} records before that are in order"
    elif found.first is None:
        yield f"0 records, unbroken from number {found.last.n + 1} on"
    else:
        ends = (f"number {at.n} ({_when(at, times)})" for at in (found.first, found.last))
        yield f"{found.records} records, unbroken from {' to '.join(ends)}"
    if found.removed:
        yield f"Those up to number {found.removed} were removed because of their age"
    if found.older:
        yield f"{found.older} from before there was a chain were not verified"
    if found.last.n:
        yield f"Head: {found.head}"


def _when(place: AuditPlace, times: Times) -> str:
    return times.in_a_sentence(place.time) if place.time is not None else "?"


def _row(entry: AuditEntry, times: Times) -> tuple[str | int | None, ...]:
    command = f"{entry.method} {entry.path} {entry.what or ''}".rstrip()
    # These are words of whoever sent the request.
    user, address, what, detail = (
        shortened(printable(text or ""), _WIDEST)
        for text in (entry.name or entry.user, entry.address, command, entry.detail)
    )
    return times.to_the_second(entry.time), user, address, what, entry.status, detail
