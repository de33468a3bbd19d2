"""The views of procedures and their output."""

from __future__ import annotations

import time
from typing import Any

from flask import Response, jsonify

from ...bus import topics
from ...domain.commands import AbortSubarray, PrepareProcedure, StartProcedure, StopProcedure
from ...domain.procedure_document import whole
from ...domain.scripts import Arguments, script_from_dict
from ..auth import identity
from ..auth.permissions import Permission, needs
from ..context import services
from ..gateway import ask, ask_central, ask_for_list, last_event_id
from ..problems import PROBLEMS
from ..remaining import with_times
from ..responses import created, shown_of, shown_procedure, stopped, stopping_time
from ..routes import Routes
from ..schemas import output, procedures, script
from ..schemas.lists import ProceduresQuery
from ..streams.hijack import Hijacked

_CHANGE = 30.0  #: seconds for a start or a create

api = Routes("procedures", __name__, tag="procedures")


def _find(pid: int) -> dict[str, Any]:
    documents = ask(topics.LIST_PROCEDURES, {"pids": [pid]})
    return shown_procedure(documents[0])


@api.get("/procedures", summary="List procedures", responses={200: procedures.Procedures, **PROBLEMS})
@needs(Permission.READ)
def list_procedures(query: ProceduresQuery) -> Response:
    """The newest procedures, or a page of all stored ones, the oldest first."""
    if query.all_subarrays:
        return jsonify(_everywhere(query))
    documents = ask_for_list(topics.LIST_PROCEDURES, "pids", query.listing)
    return jsonify([shown_procedure(procedure) for procedure in documents])


def _everywhere(query: ProceduresQuery) -> list[dict[str, Any]]:
    found = ask_central(topics.CENTRAL_PROCEDURES, subarrays=identity.subarrays(), **query.listing.question)
    return [_shown_of(procedure) for procedure in reversed(found)]


def _shown_of(procedure: dict[str, Any]) -> dict[str, Any]:
    return shown_of("procedures", with_times(whole(procedure), time.time()), procedure["subarray"])


@api.post(
    "/procedures", summary="Load a script and prepare it", responses={201: procedures.Procedure, **PROBLEMS}
)
@needs(Permission.EXECUTE)
def create_procedure(body: procedures.CreateBody) -> Response:
    """Answers as soon as the procedure exists; its preparation continues."""
    given = body.script_args or script.ScriptArguments()
    command = PrepareProcedure(
        script=script_from_dict(body.script.model_dump()),
        init=_arguments(given.init),
        main=_arguments(given.main),
        simulated=body.simulate,
    )
    return created(shown_procedure(ask(topics.CREATE, {"cmd": command.to_dict()}, _CHANGE)))


@api.get(
    "/procedures/<int:procedure_id>",
    summary="Describe one procedure",
    responses={200: procedures.Procedure, **PROBLEMS},
)
@needs(Permission.READ)
def get_procedure(path: procedures.ProcedurePath) -> Response:
    """Also of runs that are no longer listed."""
    return jsonify(_find(path.procedure_id))


@api.put(
    "/procedures/<int:procedure_id>",
    summary="Start or stop a procedure",
    responses={200: procedures.Changed, **PROBLEMS},
)
@needs(Permission.EXECUTE)
def start_or_stop_procedure(path: procedures.ProcedurePath, body: procedures.ChangeBody) -> Response:
    """`state: RUNNING` starts, `state: STOPPED` stops; without `state` nothing changes."""
    pid = path.procedure_id
    if body.state == "RUNNING":
        main = body.script_args.main if body.script_args else None
        start = StartProcedure(pid=pid, main=_arguments(main))
        return jsonify(shown_procedure(ask(topics.START, {"cmd": start.to_dict()}, _CHANGE)))
    if body.state == "STOPPED":
        stop = StopProcedure(pid=pid, abort=body.abort, stop_abort=body.stop_abort, force=body.force)
        return stopped(ask(topics.STOP, {"cmd": stop.to_dict()}, stopping_time()))
    return jsonify(_find(pid))


@api.post("/abort", summary="Abort the subarray", responses={201: procedures.Procedure, **PROBLEMS})
@needs(Permission.EXECUTE)
def abort(body: procedures.AbortBody) -> Response:
    """Runs the abort script, as after a stop, if no script runs; its own procedure shows its end."""
    command = AbortSubarray(restart=body.restart)
    return created(shown_procedure(ask(topics.ABORT, {"cmd": command.to_dict()}, _CHANGE)))


def _arguments(given: script.Arguments | None) -> Arguments:
    return Arguments.from_dict(given.model_dump() if given else None)


@api.get(
    "/procedures/<int:procedure_id>/output",
    summary="Read captured output",
    responses={200: output.Output, **PROBLEMS},
)
@needs(Permission.READ)
def get_output(path: procedures.ProcedurePath, query: output.OutputQuery) -> Response:
    """A page of what the script printed, or with `follow` an event stream of it."""
    pid = path.procedure_id
    streams = [word for word in query.stream.split(",") if word]
    resumed = last_event_id(None)
    if query.follow:
        _find(pid)
        hub = services().hub
        after, tail = (query.after, query.tail) if resumed is None else (resumed, None)
        return Hijacked(lambda peer: hub.follow_output(peer, pid, after, tail, streams))
    payload = {
        "pid": pid,
        "after": query.after,
        "limit": query.limit,
        "tail": query.tail,
        "streams": streams,
    }
    return jsonify(ask(topics.READ_OUTPUT, payload))
