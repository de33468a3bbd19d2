"""The views of the scripts on the server."""

from __future__ import annotations

from flask import Response, jsonify

from ...bus import topics
from ..auth.permissions import Permission, needs
from ..gateway import ask
from ..problems import PROBLEMS
from ..routes import Routes
from ..schemas import discovery

api = Routes("scripts", __name__, tag="scripts")


@api.get("/scripts", summary="List scripts", responses={200: discovery.FoundScripts, **PROBLEMS})
@needs(Permission.READ)
def list_scripts() -> Response:
    """The scripts in the scripts' location and the packaged ones, at most 1000; none is executed."""
    return jsonify(ask(topics.LIST_SCRIPTS, {}))


@api.get(
    "/scripts/<any_text:path>",
    summary="Describe one script",
    responses={200: discovery.DescribedScript, **PROBLEMS},
)
@needs(Permission.READ)
def describe_script(path: discovery.ScriptPath) -> Response:
    """Its docstring, and the parameters of `init` and `main`; it is not executed."""
    return jsonify(ask(topics.SHOW_SCRIPT, {"path": path.path}))
