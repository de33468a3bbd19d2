"""CentralWorker: copies the journal to the central history, and answers queries about all subarrays."""

from __future__ import annotations

import contextlib
import os

import sqlalchemy as sa

from ..bus.client import BusClient
from ..bus.envelope import Envelope
from ..central.database import Disagreement, engine_for
from ..central.history_writer import Replication
from ..central.queries import CentralQueries
from ..central.recovery import Recovery
from ..central.replicator import Replicator
from ..central.source import Source
from ..central.store import History
from ..journal import Unusable
from ..settings import Settings
from ..telemetry.metrics.store import STORE
from ..telemetry.metrics.watch import watch
from .common import (
    ARBITER,
    LOCK_PATIENCE,
    RESTARTED,
    CannotStart,
    answer_pings,
    begin_tracing,
    hold_lock,
    kept_running,
    until_terminated,
)

_FLUSH = 2.0  #: seconds to copy the last messages


async def main(settings: Settings) -> None:
    """Recover missing messages of the journal, then copy it until SIGTERM or SIGINT.

    :raises CannotStart: if there is no central database, or another server writes the history of this
        subarray
    """
    hold_lock(settings, "central")
    if not settings.central_url:
        raise CannotStart("there is no central history: OET_DATABASE_URL names no PostgreSQL database")
    subarray = settings.subarray_id
    try:
        writing = History(engine_for(settings.central_url, subarray, pooled=False), subarray)
        reading = History(engine_for(settings.central_url, subarray), subarray)
    except (sa.exc.ArgumentError, ValueError) as error:
        raise CannotStart(f"OET_DATABASE_URL cannot be used: {error}") from None
    bus = BusClient("CentralWorker", settings.bus_socket)
    journal = Source(settings.journal_file)
    replicator = Replicator(journal, Replication(journal, writing, subarray), bus.vouch)
    if RESTARTED not in os.environ:
        await _recover(settings, replicator)

    def arrived(message: Envelope) -> None:
        if message.seq is not None:
            replicator.wake()

    bus.local.subscribe_to_all(arrived)
    STORE.open(settings.metrics)
    begin_tracing(settings, bus.name)
    with contextlib.closing(CentralQueries(reading)) as queries:
        queries.listen(bus, replicator.health)
        answer_pings(bus)
        async with kept_running(bus.run()), kept_running(replicator.run()):
            await until_terminated(watch(bus.name, bus.update_gauges))
            await replicator.finish(_FLUSH)


async def _recover(settings: Settings, replicator: Replicator) -> None:
    """Fetch messages that the journal lacks, unless a bus that runs alone writes it already."""
    alone = ARBITER not in os.environ
    try:
        held = hold_lock(settings, "bus", 0 if alone else LOCK_PATIENCE)
    except CannotStart:
        if alone:
            return
        raise
    try:
        await replicator.recover(Recovery(settings.journal_file, settings.retention_days, settings.history))
    except Disagreement as error:
        raise CannotStart(str(error)) from None
    except (Unusable, sa.exc.SQLAlchemyError):
        pass  # the bus reports the trouble of the journal
    finally:
        os.close(held)
