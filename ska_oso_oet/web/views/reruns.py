"""The views that run procedures and activities once more."""

from __future__ import annotations

from typing import Any

from flask import Response

from ...bus import topics
from ...domain.reruns import RerunActivity, RerunProcedure
from ...domain.scripts import Arguments
from ..auth import identity
from ..auth.permissions import Permission, needs
from ..context import services
from ..gateway import ask
from ..problems import PROBLEMS
from ..responses import created, shown_activity, shown_procedure
from ..routes import Routes
from ..schemas import activities, procedures
from ..schemas.reruns import RerunBody

_PROCEDURE = 30.0  #: seconds
_ACTIVITY = 60.0  #: with the archive

api = Routes("reruns", __name__, tag="reruns")


@api.post(
    "/procedures/<int:procedure_id>/rerun",
    summary="Prepare a procedure once more",
    responses={201: procedures.Procedure, **PROBLEMS},
)
@needs(Permission.EXECUTE)
def rerun_procedure(path: procedures.ProcedurePath, body: RerunBody) -> Response:
    """The same commit or file, environment and arguments; `differs` tells what is not as it was."""
    given = _given(body)
    command = RerunProcedure(
        pid=path.procedure_id,
        init=Arguments.from_dict(given.get("init")),
        main=Arguments.from_dict(given.get("main")),
        newest=body.newest,
        accept_changes=body.accept_changes,
    )
    return created(shown_procedure(ask(topics.RERUN, {"cmd": command.to_dict()}, _PROCEDURE)))


@api.post(
    "/activities/<int:activity_id>/rerun",
    summary="Run an activity once more",
    responses={201: activities.Activity, **PROBLEMS},
)
@needs(Permission.EXECUTE)
def rerun_activity(path: activities.ActivityPath, body: RerunBody) -> Response:
    """The same version of its scheduling block, with the same script and arguments; a new instance of it."""
    command = RerunActivity(
        aid=path.activity_id,
        script_args=_given(body),
        newest=body.newest,
        accept_changes=body.accept_changes,
    )
    with services().archive.taken(identity.whose()[0]):
        activity = ask(topics.RERUN_ACTIVITY, {"cmd": command.to_dict()}, _ACTIVITY)
    return created(shown_activity(activity))


def _given(body: RerunBody) -> dict[str, Any]:
    return body.script_args.model_dump(exclude_none=True) if body.script_args else {}
