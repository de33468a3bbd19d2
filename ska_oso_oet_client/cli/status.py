"""``oet status``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import click

from ..exit_status import ExitStatus
from ..model import QaSwitch, ServerStatus
from .command import OetCommand
from .drain import how_drained
from .settings import Settings, pass_settings
from .showing import show_json, show_procedures

_GIBIBYTE = 1024**3
_SWITCH = {True: "yes", False: "no", None: "unknown"}


@click.command(cls=OetCommand)
@pass_settings
def status(settings: Settings) -> ExitStatus:
    """Tell whether the OET is ready and what it is running; exit status 3 if it is not ready."""
    with settings.client() as client:
        found = client.status()
    if settings.as_json:
        show_json(found.document)
    else:
        _show(client.url, found, settings)
    return ExitStatus.DONE if found.ready else ExitStatus.REFUSED


def _show(url: str, found: ServerStatus, settings: Settings) -> None:
    from .tables import table

    disk = "" if found.disk_free is None else f"{found.disk_free / _GIBIBYTE:.1f} GiB"
    rows = [
        ("Server", url),
        ("Version", found.version),
        ("Subarray", str(found.subarray_id)),
        ("Ready", "yes" if found.ready else "no"),
        *([("Drained", how_drained(found.drain, settings.times))] if found.drain.drained else []),
        *found.workers.items(),
        ("Disk free", disk),
        *_store_rows(found.stores),
        *_qa_rows(found.qa),
        ("Running", _running(found)),
    ]
    click.echo(table(("Property", "Value"), rows))
    if found.running is not None:
        click.echo()
        show_procedures([found.running], settings)


def _running(found: ServerStatus) -> str:
    if found.running is not None:
        return str(found.running.id)
    # The one worker who knows.
    return "nothing" if found.workers.get("SESWorker", "ok") == "ok" else "unknown"


def _store_rows(stores: Mapping[str, str | None]) -> Iterator[tuple[str, str]]:
    for name, state in stores.items():
        if state is not None:
            yield name.replace("_", " ").capitalize(), state


def _qa_rows(switch: QaSwitch) -> Iterator[tuple[str, str]]:
    yield "Wait for QA", _SWITCH[switch.wait_for_qa_ready]
    override = switch.override
    if override is not None:
        yield "QA override", f"{override.state} for procedure {override.procedure_id}"
