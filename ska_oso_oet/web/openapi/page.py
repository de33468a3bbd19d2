"""The OpenAPI document and its page; the page needs no other server."""

from __future__ import annotations

import json
import os
import urllib.parse
from importlib import resources
from typing import TYPE_CHECKING, Any

from flask import Response, request, send_from_directory

from ...settings import Settings
from ..auth.guard import Guard
from ..auth.permissions import Permission, needs
from ..middleware.base_path import PREFIX
from ..middleware.proxies import FORWARDED
from ..responses import base_url
from ..views.login import login
from .document import document, endpoints

if TYPE_CHECKING:
    from ..auth.provider import Published

_SWAGGER = resources.files("flask_openapi3_swagger") / "templates" / "swagger"
_SCRIPTS = os.path.join(os.path.dirname(__file__), "page_assets")
_MOST_KEPT = 16  #: documents, one per address of this server
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
_REDIRECT = """<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>Logging in</title></head>
<body><script src="oauth2-redirect.js"></script></body>
</html>
"""
_START = """const ui = SwaggerUIBundle({{
  url: "{base}/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  oauth2RedirectUrl: window.location.origin + "{base}/ui/oauth2-redirect.html",
}});
ui.initOAuth({login});
"""


class Page:
    """The document and the page of one application."""

    def __init__(self, app: Any, settings: Settings) -> None:
        self._app = app
        self._settings = settings
        self._guard: Guard | None = None
        self._documents: dict[tuple[str, str, str], bytes] = {}
        for path, view in (
            ("/openapi.json", self._openapi),
            ("/ui", self._ui),
            ("/ui/start.js", self._start),
            ("/ui/oauth2-redirect.html", self._redirect),
            ("/ui/oauth2-redirect.js", self._redirect_script),
            ("/ui/<path:name>", self._asset),
        ):
            app.add_url_rule(path, endpoint=path, view_func=_open(view))

    def describe(self, guard: Guard) -> None:
        """Add the permission of each route to the document."""
        self._guard = guard

    @property
    def _published(self) -> Published | None:
        keys = self._guard.keys if self._guard is not None else {}
        return next((known.published for known in keys.values()), None)

    def harden(self, response: Response) -> Response:
        """Restrict the page in browsers to this server and its identity providers."""
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.headers.setdefault("Referrer-Policy", "no-referrer")
        response.headers.setdefault("X-Frame-Options", "DENY")
        response.headers.setdefault("Cache-Control", "no-store")
        if response.mimetype == "text/html":
            reached = " ".join(self._reached())
            response.headers["Content-Security-Policy"] = (
                "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
                f"connect-src {reached}; object-src 'none'; base-uri 'none'; form-action 'self'; "
                "frame-ancestors 'none'"
            )
        return response

    def _reached(self) -> list[str]:
        published = self._published
        others = [*self._settings.auth_issuers, (published.token_endpoint if published else None) or ""]
        return ["'self'", *dict.fromkeys(_origin(address) for address in others if address)]

    def _openapi(self) -> Response:
        environ = request.environ
        base, root = request.script_root, "/"
        if environ.get(FORWARDED):
            base, root = base_url(), f"{request.host_url.rstrip('/')}{environ.get(PREFIX, '')}"
        key = base, root, repr(self._login())
        if key not in self._documents:  # it takes long to generate, and needs no login
            if len(self._documents) >= _MOST_KEPT:
                self._documents = {}
            self._documents[key] = self._document(base, root)
        return Response(self._documents.get(key) or self._document(base, root), mimetype="application/json")

    def _document(self, base: str, root: str) -> bytes:
        ours = document()
        ours["servers"] = [{"url": base}]
        ours["paths"]["/metrics"]["get"]["servers"] = [{"url": root}]
        if not self._settings.central_url:
            self._leave_out_other_subarrays(ours["paths"])
        if self._settings.auth_issuers and self._guard is not None:
            schemes = ours["components"]["securitySchemes"]
            schemes |= self._login()
            self._secure(ours["paths"], list(schemes))
        text: str = self._app.json.dumps(ours)
        return text.encode()

    def _leave_out_other_subarrays(self, paths: dict[str, Any]) -> None:
        """Without a central history, this server knows its own subarray only."""
        for path in ("/procedures", "/stream"):
            for parameter in paths[path]["get"]["parameters"]:
                if parameter["name"] == "all_subarrays":
                    parameter["schema"] = {"type": "boolean", "enum": [False], "default": False}

    def _login(self) -> dict[str, Any]:
        """The page's way to get a token, if the metadata of the provider is known."""
        published = self._published
        if published is None or not published.authorization_endpoint or not published.token_endpoint:
            return {}
        flow = {
            "authorizationUrl": published.authorization_endpoint,
            "tokenUrl": published.token_endpoint,
            "scopes": {name: "" for name in self._settings.auth_scopes.split()},
        }
        return {"login": {"type": "oauth2", "flows": {"authorizationCode": flow}}}

    def _secure(self, paths: dict[str, Any], schemes: list[str]) -> None:
        assert self._guard is not None
        ways: list[dict[str, list[str]]] = [{scheme: []} for scheme in schemes]
        for (path, method), endpoint in endpoints(self._app).items():
            operation = paths.get(path, {}).get(method)
            if operation is not None:
                permission = self._guard.permissions[endpoint]
                described = f"{operation.get('description', '')} Permission: {permission}.".strip()
                operation["description"] = described
                operation["security"] = [] if permission is Permission.OPEN else ways

    def _ui(self) -> Response:
        return Response(_PAGE.format(base=request.script_root), content_type="text/html; charset=utf-8")

    def _start(self) -> Response:
        parameters = login(self._settings)
        options = {
            "clientId": parameters["client_id"] or "",
            "scopes": parameters["scopes"],
            "usePkceWithAuthorizationCodeGrant": True,
            "additionalQueryStringParams": {"resource": parameters["audience"]}
            if parameters["audience"]
            else {},
        }
        script = _START.format(base=request.script_root, login=json.dumps(options))
        return Response(script, content_type="text/javascript; charset=utf-8")

    def _redirect(self) -> Response:
        return Response(_REDIRECT, content_type="text/html; charset=utf-8")

    def _redirect_script(self) -> Response:
        return send_from_directory(_SCRIPTS, "oauth2-redirect.js")

    def _asset(self, name: str) -> Response:
        return send_from_directory(str(_SWAGGER), name)


def _open(view: Any) -> Any:
    def shown(**path: str) -> Response:
        response: Response = view(**path)
        # In one piece, so that a thread waits only once for a slow client.
        response.direct_passthrough = False
        response.get_data()
        return response

    return needs(Permission.OPEN)(shown)


def _origin(address: str) -> str:
    parts = urllib.parse.urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"
