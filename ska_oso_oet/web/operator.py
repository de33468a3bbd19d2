"""The views of what the operator decides: whether scripts wait for QA before they scan."""

from __future__ import annotations

from typing import Any

from flask import Response, jsonify
from flask_openapi3 import APIBlueprint, Tag  # type: ignore[attr-defined]

from . import activity_schemas as schemas
from .asking import ask
from .auth.permissions import Permission, needs
from .problems import PROBLEMS

api = APIBlueprint("operator", __name__, abp_tags=[Tag(name="operator")])


def shown(state: dict[str, Any]) -> dict[str, Any]:
    """The operator's decisions as clients see them."""
    override = state["override"]
    known = {key: override.get(key) for key in ("state", "procedure_id", "time", "by")} if override else None
    about = {key: state.get(key) for key in ("set_by", "set_at")}
    return {"wait_for_qa_ready": state["wait_for_qa_ready"], "override": known, **about}


@api.get(
    "/operator/wait_for_qa_ready",
    summary="Do scripts wait for QA?",
    responses={200: schemas.Switch, **PROBLEMS},
)
@needs(Permission.READ)
def get_switch() -> Response:
    """The switch, and the last override as long as its procedure runs."""
    return jsonify(shown(ask("request.operator.state", {})))


@api.put(
    "/operator/wait_for_qa_ready",
    summary="Have scripts wait for QA, or not, or let the present wait pass",
    responses={200: schemas.Switch, **PROBLEMS},
)
@needs(Permission.EXECUTE)
def set_switch(body: schemas.SwitchBody) -> Response:
    """`enable` and `disable` last until they are changed; `override` is for the current scan only."""
    return jsonify(shown(ask(f"operator.wait_for_qa_ready.{body.action}", {})))
