"""The Flask application: its routes, its documentation, and how failures are answered."""

from __future__ import annotations

import os
from typing import Any

import flask_openapi3_swagger
from flask import Response, jsonify, request, send_from_directory
from flask.json.provider import DefaultJSONProvider
from flask_openapi3 import Info, OpenAPI, Server  # type: ignore[attr-defined]
from werkzeug.exceptions import HTTPException, NotAcceptable

from .. import __version__
from ..domain.errors import Refusal
from ..settings import Settings
from . import activities, environments, errors, events, health, operator, procedures
from .bridge import Bridge
from .detached import Detaching
from .requests import BasePath, JsonRequest
from .services import Services
from .stream import Hub

_MOST_BYTES = 2**20
_SWAGGER = os.path.join(os.path.dirname(flask_openapi3_swagger.__file__), "templates", "swagger")
_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Observation Execution Tool</title>
<link rel="stylesheet" href="{base}/ui/css/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="{base}/ui/js/swagger-ui-bundle.js"></script>
<script src="{base}/ui/start.js"></script>
</body>
</html>
"""
_START = 'SwaggerUIBundle({{url: "{base}/openapi.json", dom_id: "#swagger-ui", deepLinking: true}});\n'


class _OpenApi(OpenAPI):
    request_class = JsonRequest


class _Json(DefaultJSONProvider):
    sort_keys = False


def create_app(settings: Settings, bridge: Bridge, hub: Hub) -> BasePath:
    """Build the WSGI application."""
    major = __version__.split(".")[0]
    app = _OpenApi(
        "ska_oso_oet",
        info=Info(title="Observation Execution Tool", version=__version__),
        doc_ui=False,
        validation_error_callback=errors.from_validation,
        static_folder=None,
    )
    app.config["MAX_CONTENT_LENGTH"] = _MOST_BYTES
    app.json = _Json(app)
    app.extensions["oet"] = Services(bridge, hub, settings)
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False
    for module in (procedures, activities, operator, environments, events, health):
        app.register_api(module.api)
    _document(app)
    _answer_failures(app)
    app.before_request(_require_acceptable)
    app.after_request(_harden)
    whole = BasePath(Detaching(app, bridge.loop), settings.namespace, settings.subarray_id, major)
    app.severs = [Server(url=whole.base)]  # the library's own spelling
    return whole


def _document(app: Any) -> None:
    def openapi() -> Response:
        document = app.api_doc
        if document["components"].get("securitySchemes") is None:
            document["components"].pop("securitySchemes", None)  # the library writes null
        return jsonify(document)

    def ui() -> Response:
        return Response(_PAGE.format(base=request.script_root), content_type="text/html; charset=utf-8")

    def start() -> Response:
        script = _START.format(base=request.script_root)
        return Response(script, content_type="text/javascript; charset=utf-8")

    def asset(name: str) -> Response:
        return send_from_directory(_SWAGGER, name)

    app.add_url_rule("/openapi.json", view_func=openapi)
    app.add_url_rule("/ui", view_func=ui)
    app.add_url_rule("/ui/start.js", view_func=start)
    app.add_url_rule("/ui/<path:name>", view_func=asset)


def _answer_failures(app: Any) -> None:
    app.register_error_handler(Refusal, errors.from_refusal)
    app.register_error_handler(HTTPException, errors.from_http)
    app.register_error_handler(Exception, errors.from_bug)


def _require_acceptable() -> None:
    path = request.path
    if path.startswith("/ui") or request.routing_exception is not None:
        return
    follows = path.endswith("/output") and request.args.get("follow", "").lower() in ("true", "1", "yes")
    offered = "text/event-stream" if path == "/stream" or follows else "application/json"
    accepted = request.accept_mimetypes
    if accepted and not accepted.best_match([offered, "application/problem+json"]):
        raise NotAcceptable(f"this answers {offered} only; say so in the Accept header")


def _harden(response: Response) -> Response:
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Cache-Control", "no-store")
    if response.mimetype == "text/html":
        policy = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:"
        response.headers["Content-Security-Policy"] = f"{policy}; frame-ancestors 'none'"
    return response
