"""The bus process: the broker and the journal."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import threading
from collections.abc import Iterator

import sqlalchemy as sa

from ..broker.audit_export import Exporter, Otlp, Syslog
from ..broker.audit_export.otlp import is_installed
from ..broker.broker import Broker
from ..broker.journal_metrics import MeteredJournal
from ..files.ballast import Ballast
from ..journal import Journal, Unusable, backup, file_damage
from ..journal.journal import IDENTITY
from ..journal.retention import Retention
from ..settings import Settings
from ..telemetry.metrics.store import STORE
from ..telemetry.metrics.watch import watch
from .common import ARBITER, RESTARTED, CannotGoOn, CannotStart, hold_lock, kept_running, until_terminated

_FIRST_CHECK = 1.0  #: seconds of a start for the check for damage; it is finished in the background
_LENT = 8  #: parts of the ballast that are lent at once for opening the journal
_ATTEMPTS = 8
_LAST_RECORDS = 1.0  #: seconds to send the last records of the audit


async def main(settings: Settings) -> None:
    """Serve the bus until SIGTERM or SIGINT.

    :raises CannotStart: if the journal cannot be used, or belongs to another server
    """
    hold_lock(settings, "bus")
    ballast = Ballast(settings.state_dir)
    with _indexed(settings.journal_file, ballast):
        journal = _open(settings)
    try:
        _require_recovered(settings, journal)
        await _serve(settings, journal, ballast)
    finally:
        journal.close()


def _require_recovered(settings: Settings, journal: Journal) -> None:
    """Require that CentralWorker, if there is a central history, has recovered the journal."""
    if not settings.central_url:
        backup.forget_restored(journal.file)
        return
    new = journal.head() == 0 and journal.noted(IDENTITY) is None
    if new or backup.is_restored(journal.file):
        raise CannotStart(
            f"the journal {journal.file} may lack messages that the central history has; start CentralWorker "
            "first, which fetches them: oet-server central"
        )
    journal.identity()


async def _serve(settings: Settings, journal: Journal, ballast: Ballast) -> None:
    STORE.open(settings.metrics)
    exporters = _exporters(settings, journal)
    arbiter = int(os.environ[ARBITER]) if ARBITER in os.environ else None
    broker = Broker(journal, settings.bus_socket, exporters, arbiter)
    copied = broker.vouched if settings.central_url else None
    retention = Retention(journal, settings.retention_days, settings.history, copied)
    async with kept_running(broker.serve()) as serving:
        await until_terminated(
            serving,
            retention.run(),
            broker.watch_journal_start(),
            ballast.keep(),
            watch("Bus", broker.update_gauges, *(exporter.update_gauges for exporter in exporters)),
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


@contextlib.contextmanager
def _indexed(file: str, ballast: Ballast) -> Iterator[None]:
    """Have SQLite make its index of the journal, for which it needs room, and keep it for a while.

    On a full disk others may be faster to take the room that is lent.
    """
    with contextlib.ExitStack() as stack:
        for _ in range(_ATTEMPTS if os.path.exists(file) else 0):
            ballast.lend(_LENT)
            with contextlib.suppress(sqlite3.Error):
                connection = stack.enter_context(contextlib.closing(sqlite3.connect(file)))
                connection.execute("SELECT 1 FROM sqlite_master").fetchone()
                break
        yield


def _open(settings: Settings) -> Journal:
    file = settings.journal_file
    try:
        # A killed process damages nothing, and all workers wait for its successor.
        whole = RESTARTED in os.environ and not file_damage.is_noted(file)
        whole = whole or file_damage.require_whole(file, _FIRST_CHECK)
        journal = MeteredJournal(settings.journal_url)
        journal.belong_to(settings.subarray_id)
    except Unusable as error:
        raise CannotGoOn(str(error)) from None
    except sa.exc.SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or error).splitlines()[0]
        raise CannotStart(f"the journal {file} cannot be used: {reason}") from None
    if not whole:
        threading.Thread(target=_check_all, args=(journal,), daemon=True).start()
    return journal


def _check_all(journal: Journal) -> None:
    damage = file_damage.damage(journal.file)
    if damage is not None:
        journal.mark_damaged(damage)
