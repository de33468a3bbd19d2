"""The views of procedures and their output."""

from __future__ import annotations

from typing import Any

from flask import Response, jsonify
from flask_openapi3 import APIBlueprint, Tag  # type: ignore[attr-defined]

from ..domain.commands import AbortSubarray, PrepareProcedure, StartProcedure, StopProcedure
from ..domain.procedure import whole
from ..domain.scripts import Arguments, script_from_dict
from . import central, schemas, script_schemas
from .asking import ask, last_event_id
from .auth import identity
from .auth.permissions import Permission, needs
from .detached import Detached
from .list_schemas import ProceduresQuery
from .problems import PROBLEMS
from .resources import created, shown, shown_of, stopped, stopping_time
from .services import services

_CHANGE = 30.0  #: seconds for a start or a create

api = APIBlueprint("procedures", __name__, abp_tags=[Tag(name="procedures")])


def _shown(procedure: dict[str, Any]) -> dict[str, Any]:
    return shown("procedures", procedure)


def _find(pid: int) -> dict[str, Any]:
    found = ask("request.procedure.list", {"pids": [pid]})
    return _shown(found[0])


@api.get("/procedures", summary="List procedures", responses={200: schemas.Procedures, **PROBLEMS})
@needs(Permission.READ)
def list_procedures(query: ProceduresQuery) -> Response:
    """The newest procedures, or a page of everything ever run, the oldest first."""
    if query.all_subarrays:
        return jsonify(_everywhere(query))
    found = ask("request.procedure.list", {"pids": None, "query": query.listing.to_dict()})
    return jsonify([_shown(procedure) for procedure in found])


def _everywhere(query: ProceduresQuery) -> list[dict[str, Any]]:
    found = central.ask("procedures", subarrays=identity.subarrays(), **query.listing.question)
    return [shown_of("procedures", whole(procedure), procedure["subarray"]) for procedure in reversed(found)]


@api.post(
    "/procedures", summary="Load a script and prepare it", responses={201: schemas.Procedure, **PROBLEMS}
)
@needs(Permission.EXECUTE)
def create_procedure(body: schemas.CreateBody) -> Response:
    """Answers as soon as the procedure exists; its preparation goes on."""
    given = body.script_args or script_schemas.ScriptArguments()
    command = PrepareProcedure(
        script=script_from_dict(body.script.model_dump()),
        init=_arguments(given.init),
        main=_arguments(given.main),
    )
    return created(_shown(ask("request.procedure.create", {"cmd": command.to_dict()}, _CHANGE)))


@api.get(
    "/procedures/<int:procedure_id>",
    summary="Describe one procedure",
    responses={200: schemas.Procedure, **PROBLEMS},
)
@needs(Permission.READ)
def get_procedure(path: schemas.ProcedurePath) -> Response:
    """Also of runs that are no longer listed."""
    return jsonify(_find(path.procedure_id))


@api.put(
    "/procedures/<int:procedure_id>",
    summary="Start or stop a procedure",
    responses={200: schemas.Changed, **PROBLEMS},
)
@needs(Permission.EXECUTE)
def start_or_stop_procedure(path: schemas.ProcedurePath, body: schemas.ChangeBody) -> Response:
    """`state: RUNNING` starts, `state: STOPPED` stops; without `state` nothing changes."""
    pid = path.procedure_id
    if body.state == "RUNNING":
        main = body.script_args.main if body.script_args else None
        start = StartProcedure(pid=pid, main=_arguments(main))
        return jsonify(_shown(ask("request.procedure.start", {"cmd": start.to_dict()}, _CHANGE)))
    if body.state == "STOPPED":
        stop = StopProcedure(pid=pid, abort=body.abort, stop_abort=body.stop_abort)
        return stopped(ask("request.procedure.stop", {"cmd": stop.to_dict()}, stopping_time()))
    return jsonify(_find(pid))


@api.post("/abort", summary="Abort the subarray", responses={201: schemas.Procedure, **PROBLEMS})
@needs(Permission.EXECUTE)
def abort(body: schemas.AbortBody) -> Response:
    """Runs the abort script, as after a stop, where no script runs; its procedure tells how that ends."""
    command = AbortSubarray(restart=body.restart)
    return created(_shown(ask("request.procedure.abort", {"cmd": command.to_dict()}, _CHANGE)))


def _arguments(given: script_schemas.Arguments | None) -> Arguments:
    return Arguments.from_dict(given.model_dump() if given else None)


@api.get(
    "/procedures/<int:procedure_id>/output",
    summary="Read captured output",
    responses={200: schemas.Output, **PROBLEMS},
)
@needs(Permission.READ)
def get_output(path: schemas.ProcedurePath, query: schemas.OutputQuery) -> Response:
    """A page of what the script printed, or with `follow` an event stream of it."""
    pid = path.procedure_id
    streams = [word for word in query.stream.split(",") if word]
    resumed = last_event_id(None)
    if query.follow:
        _find(pid)
        hub = services().hub
        after, tail = (query.after, query.tail) if resumed is None else (resumed, None)
        return Detached(lambda peer: hub.follow_output(peer, pid, after, tail, streams))
    payload = {
        "pid": pid,
        "after": query.after,
        "limit": query.limit,
        "tail": query.tail,
        "streams": streams,
    }
    return jsonify(ask("request.procedure.output", payload))
