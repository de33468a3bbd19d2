"""The views of pauses of running scripts, and of their questions to the operator."""

from __future__ import annotations

from typing import Any

from flask import Response, jsonify

from ...bus import topics
from ..auth.permissions import Permission, needs
from ..gateway import ask
from ..problems import PROBLEMS
from ..routes import Routes
from ..schemas import pace
from ..schemas.procedures import ProcedurePath

api = Routes("pace", __name__, tag="procedures")


def _find(pid: int) -> dict[str, Any]:
    document: dict[str, Any] = ask(topics.LIST_PROCEDURES, {"pids": [pid]})[0]
    return document


@api.get(
    "/procedures/<int:procedure_id>/pause",
    summary="Is the script paused?",
    responses={200: pace.Pause, **PROBLEMS},
)
@needs(Permission.READ)
def get_pause(path: ProcedurePath) -> Response:
    """Also part of the procedure's document."""
    return jsonify(_find(path.procedure_id)["pause"])


@api.put(
    "/procedures/<int:procedure_id>/pause",
    summary="Pause a running script at a checkpoint, or have it go on",
    responses={200: pace.Pause, **PROBLEMS},
)
@needs(Permission.EXECUTE)
def set_pause(path: ProcedurePath, body: pace.PauseBody) -> Response:
    """Answers at once; that the script has paused is told by an event. `wanted: false` resumes it."""
    return jsonify(ask(topics.WANT_PAUSE, {"pid": path.procedure_id, **body.model_dump()}))


@api.get(
    "/procedures/<int:procedure_id>/question",
    summary="What does the script ask?",
    responses={200: pace.Question, **PROBLEMS},
)
@needs(Permission.READ)
def get_question(path: ProcedurePath) -> Response:
    """The last question of the script; `state` is `none` if it has asked nothing."""
    return jsonify(_find(path.procedure_id)["question"] or {"state": "none"})


@api.put(
    "/procedures/<int:procedure_id>/question",
    summary="Answer the script's question",
    responses={200: pace.Question, **PROBLEMS},
)
@needs(Permission.EXECUTE)
def answer_question(path: ProcedurePath, body: pace.AnswerBody) -> Response:
    """Refused unless the script waits for an answer, and it is one of the choices."""
    asked = {"pid": path.procedure_id, **body.model_dump()}
    return jsonify(ask(topics.ANSWER, asked))
