"""ActivityWorker: scheduling blocks become procedures."""

from __future__ import annotations

import os

from ..activities.archive import open_archive
from ..activities.archive.timely import Timely
from ..activities.service import ActivityService
from ..bus.client import BusClient
from ..metrics.store import STORE
from ..metrics.watch import watch
from ..settings import Settings
from .base import answer_pings, begin_tracing, hold_lock, kept_running, restored, until_terminated

#: Its own requests, what becomes of procedures, and the replies to what it asks.
_TOPICS = (
    "request.activity",
    "request.worker",
    "request.failed",
    "procedure.lifecycle",
    "procedure.stop",
    "procedure.pool.checked",
)


async def main(settings: Settings) -> None:
    """Serve until told to end."""
    hold_lock(settings, "activity")
    os.makedirs(settings.activities, mode=0o700, exist_ok=True)
    bus = BusClient("ActivityWorker", settings.bus_socket, _TOPICS)
    # The archive's own sentence about what took too long says more, so it gets the first word.
    archive = Timely(open_archive(settings.oda_url, settings.oda_timeout), settings.oda_timeout + 1)
    service = ActivityService(bus, settings, archive)
    service.listen()
    STORE.open(settings.metrics)
    begin_tracing(settings, bus.name)
    async with kept_running(bus.run()), kept_running(watch(bus.name, bus.look)):
        await restored(bus, service.restore)
        answer_pings(bus)
        await until_terminated(service.tidy())
