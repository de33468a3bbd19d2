"""The Flask application: its routes, its documentation, and how failures are answered."""

from __future__ import annotations

from typing import Any

from flask import request
from flask.json.provider import DefaultJSONProvider
from flask_openapi3 import Info, OpenAPI, Server  # type: ignore[attr-defined]
from werkzeug.exceptions import HTTPException, NotAcceptable
from werkzeug.routing import BaseConverter

from .. import __version__
from ..domain.errors import Refusal
from ..settings import Settings
from . import (
    access,
    activities,
    drain,
    environments,
    errors,
    events,
    files,
    health,
    metrics,
    operator,
    procedures,
    scripts,
    strict,
)
from .audit import Audit
from .auth.guard import Guard, leave
from .bridge import Bridge
from .detached import Detaching
from .everywhere import Everywhere
from .page import Page
from .requests import BasePath, JsonRequest
from .services import Places, Services
from .stream import Hub
from .timing import note_route

_MOST_BYTES = 2**20


_MODULES: tuple[Any, ...] = (
    *(procedures, files, activities, scripts, operator, drain, environments),
    *(events, access, health, metrics),
)


class _AnyText(BaseConverter):
    """The rest of a path, whatever it is."""

    regex = "(?s:.+)"
    part_isolating = False


class _OpenApi(OpenAPI):
    request_class = JsonRequest


class _Json(DefaultJSONProvider):
    sort_keys = False


def create_app(
    settings: Settings, bridge: Bridge, hub: Hub, everywhere: Everywhere | None = None
) -> BasePath:
    """Build the WSGI application.

    :raises Undeclared: where a route does not say which permission it needs
    """
    major = __version__.split(".")[0]
    app = _OpenApi(
        "ska_oso_oet",
        info=Info(title="Observation Execution Tool", version=__version__),
        doc_ui=False,
        validation_error_callback=strict.from_validation,
        static_folder=None,
    )
    app.config["MAX_CONTENT_LENGTH"] = _MOST_BYTES
    app.json = _Json(app)
    archive = Places(settings.web_threads, "the archive")
    centre = Places(settings.web_threads, "the central history")
    app.extensions["oet"] = Services(bridge, hub, everywhere or Everywhere(), settings, archive, centre)
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False
    app.url_map.converters["any_text"] = _AnyText
    for module in _MODULES:
        app.register_api(module.api)
    page = Page(app, settings)
    guard = Guard(app, settings)
    page.describe(guard)
    _answer_failures(app)
    app.before_request(note_route)
    app.before_request(guard.admit)
    app.before_request(_require_acceptable)
    app.before_request(strict.require_known_parameters)
    app.after_request(page.harden)
    app.after_request(Audit().end)
    app.teardown_request(leave)
    whole = BasePath(Detaching(app, bridge.loop), settings.namespace, settings.subarray_id, major)
    app.severs = [Server(url=whole.base)]  # the library's own spelling
    return whole


def _answer_failures(app: Any) -> None:
    app.register_error_handler(Refusal, errors.from_refusal)
    app.register_error_handler(HTTPException, errors.from_http)
    app.register_error_handler(Exception, errors.from_bug)


def _require_acceptable() -> None:
    path = request.path
    # What Prometheus accepts has versions in it, and is read where it is answered.
    if path.startswith("/ui") or path == "/metrics" or request.routing_exception is not None:
        return
    follows = path.endswith("/output") and request.args.get("follow", "").lower() in ("true", "1", "yes")
    offered = "text/event-stream" if path == "/stream" or follows else "application/json"
    if request.endpoint == "files.get_file":
        offered = "application/octet-stream"
    accepted = request.accept_mimetypes
    if accepted and not accepted.best_match([offered, "application/problem+json"]):
        raise NotAcceptable(f"this answers {offered} only; say so in the Accept header")
