"""The views of the operator's switch for waiting for QA before a scan."""

from __future__ import annotations

from typing import Any

from flask import Response, jsonify

from ...bus import topics
from ..auth.permissions import Permission, needs
from ..gateway import ask
from ..problems import PROBLEMS
from ..routes import Routes
from ..schemas import activities as schemas

api = Routes("operator", __name__, tag="operator")


def shown(state: dict[str, Any]) -> dict[str, Any]:
    """The operator's decisions for clients."""
    override = state["override"]
    progress = (
        {key: override.get(key) for key in ("state", "procedure_id", "time", "by")} if override else None
    )
    about = {key: state.get(key) for key in ("set_by", "set_at")}
    return {"wait_for_qa_ready": state["wait_for_qa_ready"], "override": progress, **about}


@api.get(
    "/operator/wait_for_qa_ready",
    summary="Do scripts wait for QA?",
    responses={200: schemas.Switch, **PROBLEMS},
)
@needs(Permission.READ)
def get_switch() -> Response:
    """The switch, and the last override as long as its procedure runs."""
    return jsonify(shown(ask(topics.SHOW_QA, {})))


@api.put(
    "/operator/wait_for_qa_ready",
    summary="Set whether scripts wait for QA, or override the present wait",
    responses={200: schemas.Switch, **PROBLEMS},
)
@needs(Permission.EXECUTE)
def set_switch(body: schemas.SwitchBody) -> Response:
    """`enable` and `disable` last until they are changed; `override` is for the current scan only."""
    return jsonify(shown(ask(f"{topics.QA_SWITCH}.{body.action}", {})))
