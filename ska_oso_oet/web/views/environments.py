"""The views of environments, work trees and mirrors."""

from __future__ import annotations

from flask import Response, jsonify

from ...bus import topics
from ..auth.permissions import Permission, needs
from ..gateway import ask
from ..problems import PROBLEMS
from ..routes import Routes
from ..schemas import environments as schemas

_REMOVING = 30.0  #: seconds for the removal of a large one

api = Routes("environments", __name__, tag="environments")


@api.get(
    "/environments",
    summary="List environments, work trees and mirrors",
    responses={200: schemas.Environments, **PROBLEMS},
)
@needs(Permission.READ)
def list_environments() -> Response:
    """Those of scripts from git, the most recently used first. Times are seconds since the epoch."""
    return jsonify(ask(topics.LIST_ENVIRONMENTS, {}))


@api.delete(
    "/environments/<string:environment_id>",
    summary="Remove an environment, work tree or mirror",
    responses={200: schemas.Environment, **PROBLEMS},
)
@needs(Permission.EXECUTE)
def remove_environment(path: schemas.EnvironmentPath) -> Response:
    """Refused while a procedure uses it; rebuilt if it is needed again."""
    command = {"id": path.environment_id}
    return jsonify(ask(topics.REMOVE_ENVIRONMENT, {"cmd": command}, _REMOVING))
