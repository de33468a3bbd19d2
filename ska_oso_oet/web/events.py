"""The view of the event stream."""

from __future__ import annotations

import dataclasses

from flask import Response
from flask_openapi3 import APIBlueprint, Tag  # type: ignore[attr-defined]

from . import central, schemas
from .asking import ask, last_event_id
from .auth import identity
from .auth.permissions import Permission, needs
from .detached import Detached
from .problems import PROBLEMS, SCHEMAS
from .services import services
from .wanted import ActivityIds, Wanted

api = APIBlueprint("events", __name__, abp_tags=[Tag(name="events")])


@api.get(
    "/stream",
    summary="Follow every event",
    responses={
        200: {
            "description": "Server-sent events",
            "content": {"text/event-stream": {"schema": {"$ref": f"{SCHEMAS}Event"}}},
        },
        **PROBLEMS,
    },
)
@needs(Permission.READ)
def stream(query: schemas.StreamQuery) -> Response:
    """Server-sent events; `Last-Event-ID` replays what was missed.

    With `all_subarrays` they come from the central history: each has a field `subarray`, ids are positions in
    that history, and what is not kept (output, questions and their answers) is left out.
    """
    after = last_event_id(query.last_event_id)
    wanted = Wanted(
        topics=_prefixes(query.topics),
        exclude=_prefixes(query.exclude),
        procedure=query.procedure,
        activity=None if query.activity is None else _activity(query.activity),
    )
    if query.all_subarrays:
        return _everywhere(wanted, after)
    hub = services().hub
    return Detached(lambda peer: hub.serve(peer, wanted, after))


def _everywhere(wanted: Wanted, after: int | None) -> Response:
    _, last = central.ask("bounds")
    subarrays = identity.subarrays()
    wanted = dataclasses.replace(wanted, subarrays=None if subarrays is None else frozenset(subarrays))
    begin = last if after is None else after
    hub = services().everywhere
    return Detached(lambda peer: hub.serve(peer, wanted, begin))


def _activity(aid: int) -> ActivityIds:
    found = ask("request.activity.list", {"aids": [aid]})[0]
    return ActivityIds(aid, found["procedure_id"], found["sbi_id"])


def _prefixes(text: str) -> tuple[str, ...]:
    return tuple(word.strip().rstrip(".*") for word in text.split(",") if word.strip())
