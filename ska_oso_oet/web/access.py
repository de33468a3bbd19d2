"""The views of how to log in, and of who asked for what."""

from __future__ import annotations

from typing import Any

from flask import Response, jsonify
from flask_openapi3 import APIBlueprint, Tag  # type: ignore[attr-defined]

from ..settings import Settings
from . import access_schemas as schemas
from .auth.permissions import Permission, needs
from .problems import PROBLEMS
from .services import services

_READ = 10.0  #: seconds for reading the journal

api = APIBlueprint("access", __name__, abp_tags=[Tag(name="access")])


def login(settings: Settings) -> dict[str, Any]:
    """What a client must know to log in."""
    return {
        "required": bool(settings.auth_issuers),
        "issuer": next(iter(settings.auth_issuers), None),
        "client_id": settings.auth_client_id or None,
        "scopes": settings.auth_scopes,
        "audience": next(iter(settings.auth_audiences), None),
    }


@api.get("/auth", summary="How to log in", responses={200: schemas.Login, **PROBLEMS})
@needs(Permission.OPEN)
def get_login() -> Response:
    """Open to all; `required` is false where nobody is asked who they are."""
    return jsonify(login(services().settings))


@api.get("/audit", summary="Who asked for what?", responses={200: schemas.AuditEntries, **PROBLEMS})
@needs(Permission.READ)
def get_audit(query: schemas.AuditQuery) -> Response:
    """Every command, carried out or refused, and every read that was refused; the newest first."""
    bridge = services().bridge
    found = bridge.wait_for(bridge.client.read_audit(**query.model_dump()), _READ)
    for entry in found:
        if entry["status"] is None:
            entry["detail"] = "no answer on record"
    return jsonify(found)


@api.get("/audit/records", summary="The audit to verify", responses={200: schemas.AuditRecords, **PROBLEMS})
@needs(Permission.READ)
def get_audit_records(query: schemas.RecordsQuery) -> Response:
    """The records that this list is made of, each with the hash of the one before it; the oldest first."""
    return _chain("records", query.after, query.limit)


@api.get("/audit/verdict", summary="Is the audit whole?", responses={200: schemas.AuditVerdict, **PROBLEMS})
@needs(Permission.READ)
def get_audit_verdict(query: schemas.VerdictQuery) -> Response:
    """What the server finds; where that is not `complete`, the rest is looked at after the `id` of `last`."""
    return _chain("verdict", query.after, query.limit)


def _chain(what: str, after: int, limit: int) -> Response:
    bridge = services().bridge
    return jsonify(bridge.wait_for(bridge.client.read_audit_chain(what, after=after, limit=limit), _READ))
