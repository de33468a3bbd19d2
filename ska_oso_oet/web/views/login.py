"""The view of the parameters for logging in."""

from __future__ import annotations

from typing import Any

from flask import Response, jsonify

from ...settings import Settings
from ..auth.permissions import Permission, needs
from ..context import services
from ..problems import PROBLEMS
from ..routes import Routes
from ..schemas import login as schemas

api = Routes("login", __name__, tag="access")


def login(settings: Settings) -> dict[str, Any]:
    """The parameters for logging in."""
    return {
        "required": bool(settings.auth_issuers),
        "issuer": next(iter(settings.auth_issuers), None),
        "client_id": settings.auth_client_id or None,
        "scopes": settings.auth_scopes,
        "audience": next(iter(settings.auth_audiences), None),
    }


@api.get("/auth", summary="Show how to log in", responses={200: schemas.Login, **PROBLEMS})
@needs(Permission.OPEN)
def get_login() -> Response:
    """Open to all; `required` is false if authentication is disabled."""
    return jsonify(login(services().settings))
