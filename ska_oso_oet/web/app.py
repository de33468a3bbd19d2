"""The Flask application: its routes, its documentation, and the answers to failures."""

from __future__ import annotations

from typing import Any

from flask import Flask, request
from flask.json.provider import DefaultJSONProvider
from werkzeug.exceptions import HTTPException, NotAcceptable
from werkzeug.routing import BaseConverter

from .. import __version__
from ..domain.errors import Refusal
from ..settings import Settings
from .auth.guard import Guard, leave
from .bridge import Bridge
from .context import Services, Slots
from .middleware import errors
from .middleware.audit_trail import Audit
from .middleware.base_path import BasePath
from .middleware.json_body import JsonRequest
from .middleware.timing import note_route
from .openapi.page import Page
from .routes import Routes
from .schemas import strict
from .streams.all_subarrays import AllSubarraysHub
from .streams.hijack import HijackMiddleware
from .streams.hub import Hub
from .views import (
    activities,
    audit,
    checks,
    drain,
    environments,
    events,
    files,
    health,
    login,
    metrics,
    operator,
    pace,
    procedures,
    reruns,
    scripts,
)

_MOST_BYTES = 2**20
_LONGEST_ACCEPT = 1000  #: characters; parsing is slow, and precedes the check of permissions
_NOT_NEGOTIATED = ("/livez", "/readyz", "/metrics")


#: In the order of the document.
GROUPS: tuple[Routes, ...] = tuple(
    module.api
    for module in (
        *(procedures, pace, reruns, files, activities, scripts, checks, operator, drain, environments),
        *(events, login, audit, health, metrics),
    )
)


class AnyText(BaseConverter):
    """The rest of a path, with any characters."""

    regex = "(?s:.+)"
    part_isolating = False


class _Application(Flask):
    request_class = JsonRequest


class _Json(DefaultJSONProvider):
    sort_keys = False


def create_app(
    settings: Settings, bridge: Bridge, hub: Hub, all_subarrays: AllSubarraysHub | None = None
) -> BasePath:
    """Build the WSGI application.

    :raises Undeclared: if a route does not declare its permission
    """
    major = __version__.split(".")[0]
    app = _Application("ska_oso_oet", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = _MOST_BYTES
    app.json = _Json(app)
    archive = Slots(settings.web_threads, "the archive")
    centre = Slots(settings.web_threads, "the central history")
    checking = Slots(settings.web_threads, "checks of scripts")
    app.extensions["oet"] = Services(
        bridge, hub, all_subarrays or AllSubarraysHub(), settings, archive, centre, checking
    )
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False
    app.url_map.converters["any_text"] = AnyText
    for group in GROUPS:
        app.register_blueprint(group.blueprint)
    page = Page(app, settings)
    guard = Guard(app, settings)
    page.describe(guard)
    _answer_failures(app)
    app.before_request(note_route)
    app.before_request(guard.admit)
    app.before_request(_require_acceptable)
    app.before_request(strict.require_known_parameters)
    app.after_request(page.harden)
    app.after_request(Audit(settings.web_workers).end)
    app.teardown_request(leave)
    return BasePath(HijackMiddleware(app, bridge.loop), settings.namespace, settings.subarray_id, major)


def _answer_failures(app: Any) -> None:
    app.register_error_handler(Refusal, errors.from_refusal)
    app.register_error_handler(HTTPException, errors.from_http)
    app.register_error_handler(Exception, errors.from_bug)


def _require_acceptable() -> None:
    path = request.path
    # Prometheus accepts types with versions, which the view itself reads.
    if path.startswith("/ui") or path in _NOT_NEGOTIATED or request.routing_exception is not None:
        return
    if len(request.headers.get("Accept", "")) > _LONGEST_ACCEPT:
        raise NotAcceptable(f"the Accept header has more than {_LONGEST_ACCEPT} characters")
    follows = path.endswith("/output") and request.args.get("follow", "").lower() in ("true", "1", "yes")
    offered = "text/event-stream" if path == "/stream" or follows else "application/json"
    if request.endpoint == "files.get_file":
        offered = "application/octet-stream"
    accepted = request.accept_mimetypes
    if accepted and not accepted.best_match([offered, "application/problem+json"]):
        raise NotAcceptable(f"this is available as {offered} only; name that in the Accept header")
