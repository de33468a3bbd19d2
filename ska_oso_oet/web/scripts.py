"""The views of the scripts on the server."""

from __future__ import annotations

from flask import Response, jsonify
from flask_openapi3 import APIBlueprint, Tag  # type: ignore[attr-defined]

from . import found_schemas
from .asking import ask
from .auth.permissions import Permission, needs
from .problems import PROBLEMS

api = APIBlueprint("scripts", __name__, abp_tags=[Tag(name="scripts")])


@api.get("/scripts", summary="List scripts", responses={200: found_schemas.FoundScripts, **PROBLEMS})
@needs(Permission.READ)
def list_scripts() -> Response:
    """The scripts in the scripts' location and the packaged ones, at most 1000, read without running them."""
    return jsonify(ask("request.script.list", {}))


@api.get(
    "/scripts/<any_text:path>",
    summary="Describe one script",
    responses={200: found_schemas.DescribedScript, **PROBLEMS},
)
@needs(Permission.READ)
def describe_script(path: found_schemas.ScriptPath) -> Response:
    """Its docstring, and what `init` and `main` take, read without running it."""
    return jsonify(ask("request.script.show", {"path": path.path}))
