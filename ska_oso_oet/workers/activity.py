"""ActivityWorker: scheduling blocks become procedures."""

from __future__ import annotations

import os

from ..activities.archive.async_archive import AsyncArchive
from ..activities.archive.opening import access, open_archive
from ..activities.service import ActivityService
from ..bus import topics
from ..bus.client import BusClient
from ..settings import Settings
from ..telemetry.metrics.store import STORE
from ..telemetry.metrics.watch import watch
from .common import answer_pings, begin_tracing, hold_lock, kept_running, restored, until_terminated

#: Requests to it, the events it follows, and the replies to its own requests.
_TOPICS = (
    *topics.requests_to("ActivityWorker"),
    *topics.DOCUMENTS,
    topics.CREATED,
    topics.STOP_ANSWERED,
    topics.CHECKED,
    topics.INSPECTED,
    topics.REFUSED,
    topics.EXECUTION_BLOCK,
)


async def main(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT."""
    hold_lock(settings, "activity")
    os.makedirs(settings.activities, mode=0o700, exist_ok=True)
    bus = BusClient("ActivityWorker", settings.bus_socket, _TOPICS)
    # One second more than the archive's own time limit, whose message is more precise.
    opened = open_archive(settings.oda_url, settings.oda_timeout, access(settings))
    archive = AsyncArchive(opened, settings.oda_timeout + 1)
    service = ActivityService(bus, settings, archive)
    service.listen()
    STORE.open(settings.metrics)
    begin_tracing(settings, bus.name)
    async with kept_running(bus.run()), kept_running(watch(bus.name, bus.update_gauges)):
        await restored(bus, service.restore)
        answer_pings(bus)
        await until_terminated(service.tidy())
