"""The views of draining: no new work until a resume."""

from __future__ import annotations

from typing import Any

from flask import Response, jsonify

from ...bus import topics
from ..auth.permissions import Permission, needs
from ..gateway import ask
from ..problems import PROBLEMS
from ..routes import Routes
from ..schemas import drain as schemas

STATE = ("drained", "since", "by", "reason")

api = Routes("drain", __name__, tag="operator")


def drain_state(state: dict[str, Any]) -> dict[str, Any]:
    """The state of the drain for clients."""
    return {key: state[key] for key in STATE}


@api.post("/drain", summary="Refuse new work", responses={200: schemas.Drain, **PROBLEMS})
@needs(Permission.EXECUTE)
def drain(body: schemas.DrainBody) -> Response:
    """Scripts continue and can be stopped; creating and starting are refused. A repeat changes nothing."""
    return jsonify(drain_state(ask(topics.DRAIN_BEGIN, {"reason": body.reason})))


@api.post("/resume", summary="Accept new work again", responses={200: schemas.Drain, **PROBLEMS})
@needs(Permission.EXECUTE)
def resume(body: schemas.ResumeBody) -> Response:
    """Ends any drain; without one nothing changes."""
    return jsonify(drain_state(ask(topics.DRAIN_END, {})))
