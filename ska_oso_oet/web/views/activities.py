"""The views of activities."""

from __future__ import annotations

from typing import Any

from flask import Response, jsonify

from ...bus import topics
from ...domain.activity_commands import RunActivity, StopActivity
from ..auth import identity
from ..auth.permissions import Permission, needs
from ..context import services
from ..gateway import ask, ask_for_list
from ..problems import PROBLEMS
from ..responses import created, shown_activity, stopped, stopping_time
from ..routes import Routes
from ..schemas import activities as schemas
from ..schemas.lists import ActivitiesQuery

_RUN = 60.0  #: seconds for the archive, and for creating the procedure

api = Routes("activities", __name__, tag="activities")


def _paced(activities: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The documents for clients, with the pace of those that run."""
    running = [activity["procedure_id"] for activity in activities if activity["state"] == "RUNNING"]
    found = ask(topics.LIST_PROCEDURES, {"pids": running}) if running else []
    procedures = {one["id"]: one for one in found}
    return [shown_activity(activity, procedures.get(activity["procedure_id"])) for activity in activities]


def _find(aid: int) -> dict[str, Any]:
    return _paced(ask(topics.LIST_ACTIVITIES, {"aids": [aid]}))[0]


@api.get("/activities", summary="List activities", responses={200: schemas.Activities, **PROBLEMS})
@needs(Permission.READ)
def list_activities(query: ActivitiesQuery) -> Response:
    """The newest activities, or a page of all stored ones, the oldest first."""
    documents = ask_for_list(topics.LIST_ACTIVITIES, "aids", query.listing)
    return jsonify(_paced(documents))


@api.post(
    "/activities",
    summary="Run an activity of a scheduling block",
    responses={201: schemas.Activity, **PROBLEMS},
)
@needs(Permission.EXECUTE)
def run_activity(body: schemas.RunBody) -> Response:
    """Answers as soon as the procedure exists; it is started when it is READY, unless `prepare_only`."""
    given = body.script_args.model_dump(exclude_none=True) if body.script_args else {}
    command = RunActivity(**{**body.model_dump(), "script_args": given})
    with services().archive.taken(identity.whose()[0]):
        activity = shown_activity(ask(topics.RUN_ACTIVITY, {"cmd": command.to_dict()}, _RUN))
    return created(activity)


@api.get(
    "/activities/<int:activity_id>",
    summary="Describe one activity",
    responses={200: schemas.Activity, **PROBLEMS},
)
@needs(Permission.READ)
def get_activity(path: schemas.ActivityPath) -> Response:
    """Also of activities that are no longer listed."""
    return jsonify(_find(path.activity_id))


@api.put(
    "/activities/<int:activity_id>",
    summary="Stop an activity",
    responses={200: schemas.ActivityChanged, **PROBLEMS},
)
@needs(Permission.EXECUTE)
def stop_activity(path: schemas.ActivityPath, body: schemas.ActivityChangeBody) -> Response:
    """`state: STOPPED` stops its procedure; without `state` nothing changes."""
    if body.state is None:
        return jsonify(_find(path.activity_id))
    command = StopActivity(aid=path.activity_id, abort=body.abort)
    return stopped(ask(topics.STOP_ACTIVITY, {"cmd": command.to_dict()}, stopping_time()))
