"""The view of the event stream."""

from __future__ import annotations

import dataclasses

from flask import Response

from ...bus import topics
from ..auth import identity
from ..auth.permissions import Permission, needs
from ..context import services
from ..gateway import ask, ask_central, last_event_id
from ..problems import PROBLEMS, SCHEMAS
from ..routes import Routes
from ..schemas import streams
from ..streams.filters import ActivityIds, Wanted
from ..streams.hijack import Hijacked

api = Routes("events", __name__, tag="events")


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
def stream(query: streams.StreamQuery) -> Response:
    """Server-sent events; `Last-Event-ID` replays missed ones.

    With `all_subarrays` they come from the central history: each has a field `subarray`, ids are positions in
    that history, and transient messages (output, questions and their answers) are left out.
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
    return Hijacked(lambda peer: hub.serve(peer, wanted, after))


def _everywhere(wanted: Wanted, after: int | None) -> Response:
    _, last = ask_central(topics.CENTRAL_BOUNDS)
    subarrays = identity.subarrays()
    wanted = dataclasses.replace(wanted, subarrays=None if subarrays is None else frozenset(subarrays))
    begin = last if after is None else after
    hub = services().all_subarrays
    return Hijacked(lambda peer: hub.serve(peer, wanted, begin))


def _activity(aid: int) -> ActivityIds:
    activity = ask(topics.LIST_ACTIVITIES, {"aids": [aid]})[0]
    return ActivityIds(aid, activity["procedure_id"], activity["sbi_id"])


def _prefixes(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word.strip().rstrip(".*") for word in text.split(",") if word.strip()))
