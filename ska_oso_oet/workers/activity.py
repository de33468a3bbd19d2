"""ActivityWorker: on the bus and answering; activities themselves are not part of this release."""

from __future__ import annotations

from ..bus.client import BusClient
from ..settings import Settings
from .base import answer_pings, hold_lock, kept_running, until_terminated


async def main(settings: Settings) -> None:
    """Serve until told to end."""
    hold_lock(settings, "activity")
    bus = BusClient("ActivityWorker", settings.bus_socket, ("request.worker",))
    answer_pings(bus)
    async with kept_running(bus.run()):
        await until_terminated()
