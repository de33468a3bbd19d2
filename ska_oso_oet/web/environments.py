"""The views of what is kept for scripts from git."""

from __future__ import annotations

from flask import Response, jsonify
from flask_openapi3 import APIBlueprint, Tag  # type: ignore[attr-defined]

from . import environment_schemas as schemas
from .asking import ask
from .auth.permissions import Permission, needs
from .problems import PROBLEMS

_REMOVING = 30.0  #: seconds for removing something large

api = APIBlueprint("environments", __name__, abp_tags=[Tag(name="environments")])


@api.get(
    "/environments",
    summary="List environments, work trees and mirrors",
    responses={200: schemas.Environments, **PROBLEMS},
)
@needs(Permission.READ)
def list_environments() -> Response:
    """What is kept for scripts from git, what was used last first. Times are seconds since the epoch."""
    return jsonify(ask("request.environment.list", {}))


@api.delete(
    "/environments/<string:environment_id>",
    summary="Remove an environment, work tree or mirror",
    responses={200: schemas.Environment, **PROBLEMS},
)
@needs(Permission.EXECUTE)
def remove_environment(path: schemas.EnvironmentPath) -> Response:
    """Refused while a procedure uses it; what is needed again is made again."""
    command = {"id": path.environment_id}
    return jsonify(ask("request.environment.remove", {"cmd": command}, _REMOVING))
