"""``oet audit``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import click

from ..exit_status import ExitStatus
from ..model import AuditEntry, AuditPlace, AuditVerification
from ..terminal import printable, shortened
from .command import OetCommand
from .listing import moment
from .settings import Settings, pass_settings, tell
from .showing import show_json
from .switches import flag
from .times import Times

_WIDEST = 60  #: characters of a cell; --output=json shows everything
_WIDE = 110  #: columns of a terminal on which a row is one line

Row = tuple[str | int | None, ...]


@click.command(cls=OetCommand)
@click.option("--user", metavar="USER", help="Only requests of this user (a subject).")
@click.option(
    "--since",
    metavar="TIME",
    callback=moment,
    help="Only entries since a time, UTC but with --local, or a while ago (90min, 12h, 7d).",
)
@click.option(
    "--limit",
    type=click.IntRange(1),
    default=50,
    metavar="N",
    show_default=True,
    help="At most the N newest.",
)
@flag("--refused", help="Only refused requests.")
@flag("--verify", help="Verify instead that all records are as they were written.")
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

    With --verify no entries are shown: this computer recomputes the chain of hashes, and compares
    the records with the list. Note the head somewhere else: with it, a later --verify --head finds
    out whether the end was cut off meanwhile. The exit status is 1 if something is wrong.
    """
    if verify:
        _require_all_records(context)
        return _verify(settings, head)
    if head is not None:
        raise click.UsageError("--head is the head that --verify must find; add --verify")
    with settings.client() as client:
        found = client.audit(
            user=user, since=since, result="refused" if refused else None, limit=limit
        )
    if settings.as_json:
        show_json([dict(entry.document) for entry in found])
        return ExitStatus.DONE
    click.echo(_table([_row(entry, settings.times) for entry in found]))
    if not found:
        tell("No entry of the audit matches")
    return ExitStatus.DONE


def _table(rows: Sequence[Row]) -> str:
    """One row per entry; on a narrow terminal details and bodies of requests are lines below."""
    from .fitting import columns, fits
    from .tables import table

    headers = ("Time", "User", "Address", "Command", "Status", "Detail")
    most = columns()
    joined = [
        (*row[:3], shortened(f"{row[3]} {row[4]}".rstrip(), most or _WIDEST), *row[5:])
        for row in rows
    ]
    if most is None or most >= _WIDE or fits(headers, joined):
        return table(headers, joined, numbers=("Status",))
    short = [(*row[:4], row[5]) for row in rows]
    lines = table(headers[:-1], short, numbers=("Status",)).splitlines()
    for n, row in reversed(list(enumerate(rows, 2))):
        if more := ": ".join(str(text) for text in (row[6], row[4]) if text):
            lines.insert(n + 1, f"      {shortened(more, most - 6)}")
    return "\n".join(lines)


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
        gone = f"Those up to number {found.removed} are not there"
        yield f"{gone}: they were too old, or somebody removed them"
    if found.older:
        yield f"{found.older} from before there was a chain were not verified"
    if found.last.n:
        yield f"Head: {found.head}"


def _when(place: AuditPlace, times: Times) -> str:
    return times.in_a_sentence(place.time) if place.time is not None else "?"


def _row(entry: AuditEntry, times: Times) -> Row:
    """With the body apart from the rest of the command."""
    command = f"{entry.method} {entry.path}"
    # The sender of the request chose these words.
    user, address, command, detail = (
        shortened(printable(text or ""), _WIDEST)
        for text in (entry.name or entry.user, entry.address, command, entry.detail)
    )
    body = printable(entry.what or "")
    return times.to_the_second(entry.time), user, address, command, body, entry.status, detail
