"""Recovery after a crash: rebuilds the procedures from the journal and takes over live runs."""

from __future__ import annotations

import contextlib
import logging
import os
import signal

from ..bus import topics
from ..bus.envelope import Envelope
from ..domain import events
from ..domain.procedure import Procedure
from ..domain.states import FINAL, LIVE, PREPARING, ProcedureState
from ..kernel import processes
from ..kernel.peers import supervisor_of
from ..runs.directory import RunDirectory
from ..runs.survivors import in_words, leave_nobody
from .run import Run
from .service import ScriptExecutionService

LOG = logging.getLogger(__name__)

_PAGE = 1000


async def restore(service: ScriptExecutionService, head: int) -> None:
    """Bring a fresh service to the state of the last one.

    :param head: up to which number messages are read here; later ones reach the service over the bus
    :raises ConnectionError: if the journal cannot be read
    """
    service.pool.count_from(max(await _last_id(service), _last_directory(service.settings.runs)))
    await service.operator.restore()
    service.drain.restore()
    for procedure, seen in await _remembered(service):
        if procedure.final:
            service.pool.add(procedure)
            continue
        directory = RunDirectory(os.path.join(service.settings.runs, str(procedure.id)))
        run = service.preparer.track(procedure, directory, seen)
        spec = directory.read("spec.json") or {}
        run.aborting = bool(spec.get("aborting"))
        if procedure.state is ProcedureState.RUNNING and not procedure.origin.simulated:
            service.pool.subarray.hold(procedure.id)
        await run.take_over()
        if spec.get("begins") and procedure.state in (*PREPARING, ProcedureState.READY):
            service.abort.resume(run)
        service.operator.catch_up(run)
        LOG.info("Took over procedure %s, %s", procedure.id, procedure.state)
    await _end_strangers(service)
    await service.inspector.clear()
    # Requests come last: each is decided by the live runs.
    for request in await service.dispatcher.unanswered(head):
        service.dispatcher.carry_out(request)
    service.dispatcher.open()


async def _end_strangers(service: ScriptExecutionService) -> None:
    """End runs that the journal does not know to be live, for example after a backup was restored.

    Nobody could see it or stop it, and another script might be started beside it. What is known to have
    outlived the end of its run is watched: by its supervisor, or from here if that is gone.
    """
    known = {processes.mark_of(run.directory.path) for run in service.runs.values()}
    strangers = processes.live_marks() - known
    for name in os.listdir(service.settings.runs) if strangers else ():
        directory = RunDirectory(os.path.join(service.settings.runs, name))
        mark = processes.mark_of(directory.path)
        if mark not in strangers or not name.isdecimal():
            continue
        known_as = directory.read("process.json")
        supervisor = known_as["pid"] if known_as is not None and processes.is_there(known_as) else None
        run = await _ended(service, directory)
        told = (directory.read("result.json") or {}).get("survivors") or []
        if run is not None and supervisor is not None and told:
            run.survivors = told
            await run.take_over()
            continue
        LOG.error("The journal knows of no run %s that is alive, but it is; ending it", name)
        survivors = await leave_nobody(mark, root=supervisor, name=supervisor_of(name))
        if survivors:
            LOG.critical("NOT EVERYTHING OF RUN %s HAS ENDED: %s", name, in_words(survivors))
            if run is not None:
                run.watch(survivors)
        if supervisor is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(supervisor, signal.SIGKILL)


async def _ended(service: ScriptExecutionService, directory: RunDirectory) -> Run | None:
    """A run that has ended by the journal, to tell when its survivors are gone."""
    rebuilt = await _rebuilt(service, int(os.path.basename(directory.path)))
    if rebuilt is None or not rebuilt[0].final:
        return None
    procedure, seen = rebuilt
    run = Run(procedure, directory, service.bus, lambda _: None, seen)
    run.done.set()
    return run


async def _last_id(service: ScriptExecutionService) -> int:
    newest = await service.bus.lookup.procedures(limit=1)
    return int(newest[0]["id"]) if newest else 0


def _last_directory(runs: str) -> int:
    names = os.listdir(runs) if os.path.isdir(runs) else []
    return max((int(name) for name in names if name.isdecimal()), default=0)


async def _remembered(service: ScriptExecutionService) -> list[tuple[Procedure, int]]:
    live = await service.bus.lookup.all_procedures(states=[state.value for state in LIVE], limit=_PAGE)
    room = max(0, service.settings.history - len(live))
    ended = await service.bus.lookup.all_procedures(states=[state.value for state in FINAL], limit=room or 1)
    known = {document["id"] for document in (*live, *ended[:room])}
    rebuilt = [await _rebuilt(service, pid) for pid in sorted(known)]
    return [one for one in rebuilt if one is not None]


async def _rebuilt(service: ScriptExecutionService, pid: int) -> tuple[Procedure, int] | None:
    """As :func:`_fold`; None if that fails, as one procedure must not keep all others from being stopped."""
    try:
        return await _fold(service, pid)
    except ConnectionError:
        raise
    except Exception:
        LOG.exception("Procedure %s cannot be rebuilt from the journal; if it is alive, it is ended", pid)
        return None


async def _fold(service: ScriptExecutionService, pid: int) -> tuple[Procedure, int] | None:
    """Rebuild one procedure; tell also which record of its supervisor was the last to be journalled.

    None if the journal does not know it.
    """
    happened: list[events.Event] = []
    seen = 0
    prefixes = [topics.LIFECYCLE, topics.PAUSE, topics.QUESTION]
    async for envelope in service.bus.lookup.all_messages(about=[pid], topics=prefixes):
        if envelope.topic in events.EVENTS:
            happened.append(events.event(envelope.topic, envelope.payload, envelope.time))
        seen = max(seen, _record_number(envelope))
    return (Procedure.replay(happened), seen) if happened else None


def _record_number(envelope: Envelope) -> int:
    words = envelope.id.split("-")
    return int(words[2]) if words[0] == "run" and len(words) == 4 else 0
