"""The bus process: the broker, the journal, and its way to the central history."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import Callable

import sqlalchemy as sa

from ..bus.broker import Broker
from ..bus.export import Exporter, Otlp, Syslog
from ..bus.export.otlp import is_installed
from ..bus.history import Centre, central_history
from ..bus.history.database import Disagreement
from ..bus.journal import Journal, Unusable, copies, integrity
from ..bus.journal.retention import Retention
from ..bus.metered import MeteredJournal
from ..metrics.store import STORE
from ..metrics.watch import watch
from ..settings import Settings
from .base import ARBITER, RESTARTED, CannotGoOn, CannotStart, hold_lock, kept_running, until_terminated

_FIRST_LOOK = 1.0  #: seconds a start may take to look for damage; the rest is looked at in the background
_LAST_RECORDS = 1.0  #: seconds that the last records of the audit get to be sent
_LAST_WORDS = 2.0  #: seconds that what was said last gets to reach the central history


async def main(settings: Settings) -> None:
    """Serve the bus until told to end.

    :raises CannotStart: where the journal cannot be used, or belongs to another server
    """
    hold_lock(settings, "bus")
    journal = _open(settings)
    try:
        if settings.central_url:
            await _serve_with_centre(settings, journal)
        else:
            copies.forget_restored(journal.file)
            await _serve(settings, journal)
    finally:
        journal.close()


async def _serve_with_centre(settings: Settings, journal: Journal) -> None:
    try:
        replicator, centre = central_history(
            settings.central_url,
            journal,
            subarray=settings.subarray_id,
            days=settings.retention_days,
            newest=settings.history,
        )
    except (sa.exc.ArgumentError, ValueError, ImportError) as error:
        raise CannotStart(f"OET_DATABASE_URL cannot be used: {error}") from None
    try:
        await (replicator.begin(patience=0) if RESTARTED in os.environ else replicator.begin())
    except Disagreement as error:
        raise CannotStart(str(error)) from None
    with contextlib.closing(centre):
        async with kept_running(replicator.run()):
            await _serve(settings, journal, centre, replicator.copied)
            await replicator.finish(_LAST_WORDS)


async def _serve(
    settings: Settings,
    journal: Journal,
    centre: Centre | None = None,
    copied: Callable[[], int | None] = lambda: None,
) -> None:
    STORE.open(settings.metrics)
    exporters = _exporters(settings, journal)
    arbiter = int(os.environ[ARBITER]) if ARBITER in os.environ else None
    broker = Broker(journal, settings.bus_socket, centre, exporters, arbiter)
    retention = Retention(journal, settings.retention_days, settings.history, copied)
    async with kept_running(broker.serve()) as serving:
        await until_terminated(
            serving,
            retention.run(),
            broker.look_for_the_first(),
            watch("Bus", broker.look, *(exporter.look for exporter in exporters)),
        )
    await asyncio.gather(*(exporter.finish(_LAST_RECORDS) for exporter in exporters))


def _exporters(settings: Settings, journal: Journal) -> list[Exporter]:
    targets: list[Syslog | Otlp] = []
    if settings.audit_syslog:
        targets.append(Syslog(settings.audit_syslog, settings.audit_syslog_ca, settings.subarray_id))
    if settings.audit_otlp:
        if not is_installed():
            raise CannotStart("OET_AUDIT_OTLP needs ska_oso_oet[tracing]: install that, or unset it")
        targets.append(Otlp(settings.audit_otlp, settings.subarray_id))
    exporters = [Exporter(journal, target) for target in targets]
    for exporter in exporters:
        exporter.start()
    return exporters


def _open(settings: Settings) -> Journal:
    file = settings.journal_file
    try:
        # A process that was killed has damaged nothing, and everybody is waiting for the next one.
        whole = RESTARTED in os.environ and not integrity.noted(file)
        whole = whole or integrity.require_whole(file, _FIRST_LOOK)
        journal = MeteredJournal(settings.journal_url)
        journal.belong_to(settings.subarray_id)
    except Unusable as error:
        raise CannotGoOn(str(error)) from None
    except sa.exc.SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or error).splitlines()[0]
        raise CannotStart(f"the journal {file} cannot be used: {reason}") from None
    if not whole:
        threading.Thread(target=_look_at_all, args=(journal,), daemon=True).start()
    return journal


def _look_at_all(journal: Journal) -> None:
    found = integrity.damage(journal.file)
    if found is not None:
        journal.found_damaged(found)
