"""The views of draining: no new work, until somebody says so."""

from __future__ import annotations

from typing import Any

from flask import Response, jsonify
from flask_openapi3 import APIBlueprint, Tag  # type: ignore[attr-defined]

from . import drain_schemas as schemas
from .asking import ask
from .auth.permissions import Permission, needs
from .problems import PROBLEMS

STATE = ("drained", "since", "by", "reason")

api = APIBlueprint("drain", __name__, abp_tags=[Tag(name="operator")])


def drain_state(state: dict[str, Any]) -> dict[str, Any]:
    """Whether new work is taken, as clients see it."""
    return {key: state[key] for key in STATE}


@api.post("/drain", summary="Take no new work", responses={200: schemas.Drain, **PROBLEMS})
@needs(Permission.EXECUTE)
def drain(body: schemas.DrainBody) -> Response:
    """What runs goes on and can be stopped; creating and starting are refused. Again changes nothing."""
    return jsonify(drain_state(ask("operator.drain.begin", {"reason": body.reason})))


@api.post("/resume", summary="Take new work again", responses={200: schemas.Drain, **PROBLEMS})
@needs(Permission.EXECUTE)
def resume(body: schemas.ResumeBody) -> Response:
    """Ends a drain, whoever began it; without one nothing changes."""
    return jsonify(drain_state(ask("operator.drain.end", {})))
