"""SESWorker: the script execution service."""

from __future__ import annotations

import os

from ..bus.client import BusClient
from ..bus.topics import requests_to
from ..domain.errors import Invalid
from ..domain.repositories import checked_repository
from ..kernel.processes import marks_work
from ..procedures.isolation_policy import NotPossible, make_possible
from ..procedures.service import ScriptExecutionService
from ..procedures.takeover import restore
from ..settings import Settings
from ..telemetry.metrics.store import STORE
from ..telemetry.metrics.watch import watch
from .common import (
    CannotStart,
    answer_pings,
    begin_tracing,
    hold_lock,
    kept_running,
    restored,
    until_terminated,
)


async def main(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, then stop all scripts."""
    hold_lock(settings, "ses")
    if not marks_work():
        raise CannotStart(
            "the hard limit RLIMIT_RTTIME must be unlimited: the OET finds the processes of a script by it"
        )
    try:
        checked_repository(settings.git_repo)
    except Invalid as error:
        raise CannotStart(f"OET_GIT_REPO cannot be used: {error.detail}") from None
    os.makedirs(settings.runs, mode=0o700, exist_ok=True)
    try:
        make_possible(settings)
    except NotPossible as error:
        raise CannotStart(str(error)) from None
    bus = BusClient("SESWorker", settings.bus_socket, requests_to("SESWorker"))
    service = ScriptExecutionService(bus, settings)
    service.dispatcher.listen()
    STORE.open(settings.metrics)
    begin_tracing(settings, bus.name)
    watching = watch(bus.name, bus.update_gauges, service.update_gauges)
    async with kept_running(bus.run()), kept_running(service.run()), kept_running(watching):
        await restored(bus, lambda head: restore(service, head))
        answer_pings(bus)
        await until_terminated(service.tidy())
        await service.close()
