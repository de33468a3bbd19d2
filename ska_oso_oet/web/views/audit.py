"""The views of the audit."""

from __future__ import annotations

from flask import Response, jsonify

from ..auth.permissions import Permission, needs
from ..context import services
from ..problems import PROBLEMS
from ..routes import Routes
from ..schemas import audit as schemas

_READ = 10.0  #: seconds for reading the journal


api = Routes("audit", __name__, tag="access")


@api.get("/audit", summary="List the audit of commands", responses={200: schemas.AuditEntries, **PROBLEMS})
@needs(Permission.READ)
def get_audit(query: schemas.AuditQuery) -> Response:
    """All commands, accepted or refused, and all refused reads; the newest first."""
    bridge = services().bridge
    entries = bridge.wait_for(bridge.client.lookup.audit(**query.model_dump()), _READ)
    for entry in entries:
        if entry["status"] is None:
            entry["detail"] = "no answer on record"
    return jsonify(entries)


@api.get(
    "/audit/records",
    summary="Read the records of the audit for a verification",
    responses={200: schemas.AuditRecords, **PROBLEMS},
)
@needs(Permission.READ)
def get_audit_records(query: schemas.RecordsQuery) -> Response:
    """The records of this list, each with the hash of the one before it; the oldest first."""
    return _chain("records", query.after, query.limit)


@api.get("/audit/verdict", summary="Verify the audit", responses={200: schemas.AuditVerdict, **PROBLEMS})
@needs(Permission.READ)
def get_audit_verdict(query: schemas.VerdictQuery) -> Response:
    """The server's verification; if it is not `complete`, continue after the `id` of `last`."""
    return _chain("verdict", query.after, query.limit)


def _chain(what: str, after: int, limit: int) -> Response:
    bridge = services().bridge
    return jsonify(bridge.wait_for(bridge.client.lookup.audit_chain(what, after=after, limit=limit), _READ))
