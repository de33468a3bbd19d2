"""Sends the requests of views over the bus, and recognises repeated ones."""

from __future__ import annotations

import json
import re
import uuid
from typing import Any, TypeVar, cast

from flask import request
from werkzeug.exceptions import BadRequest

from ..bus import central_queries
from ..domain.errors import Invalid
from ..domain.listing import Listing
from ..telemetry.logs import tagged
from .auth import identity
from .auth.permissions import is_command
from .context import services
from .middleware import audit_trail
from .middleware.json_body import JsonRequest

T = TypeVar("T")

_KEY = re.compile("[!-~]([ -~]*[!-~])?")
_ASK = 10.0  #: seconds for a question
_OVERTIME = 5.0  #: seconds beyond the limit of a question until its thread gives up
_READ = 10.0  #: seconds for the central history
_NO_CENTRAL = (
    "this OET keeps no central history, so it knows its own subarray only; the server's "
    "OET_DATABASE_URL would have to name a PostgreSQL database"
)


def _ids() -> tuple[str, str, bool]:
    """The id of this request, the id of its command, and whether it may be a repeat."""
    key = request.headers.get("Idempotency-Key") if is_command() else None
    if key is None:
        only = uuid.uuid4().hex
        return only, only, False
    if len(key) > 200 or _KEY.fullmatch(key) is None:
        raise BadRequest("Idempotency-Key must have between 1 and 200 characters, printable ones of ASCII")
    user = identity.current()  # users may use the same key
    whose = key if user is None else json.dumps([key, user.issuer, user.subject])  # a key may have spaces
    body = json.dumps(cast(JsonRequest, request).said, sort_keys=True)
    what = f"{whose} {request.method} {request.path} {body}"
    return uuid.uuid5(uuid.NAMESPACE_URL, whose).hex, uuid.uuid5(uuid.NAMESPACE_URL, what).hex, True


def ask(topic: str, payload: dict[str, Any], timeout: float = _ASK) -> Any:
    """Send a request for the current HTTP request; returns the result of the reply.

    :param timeout: seconds
    :raises Refusal: if it was not carried out
    """
    request_id, command_id, repeated = _ids()
    before = audit_trail.begin(request_id) if is_command() else []
    user = identity.current()
    bridge = services().bridge
    with tagged(request_id=request_id):
        question = bridge.client.ask(
            topic,
            payload,
            request_id=request_id,
            command_id=command_id,
            timeout=timeout,
            user=user.subject if user is not None else None,
            repeated=repeated,
            before=before,
        )
        reply = bridge.wait_for(question, timeout + _OVERTIME)
    return reply.payload.get("result", reply.payload)


def ask_for_list(topic: str, ids: str, wanted: Listing) -> list[dict[str, Any]]:
    """Get the documents of a list, or of a page of all stored ones.

    The list is requested whole and filtered here, so that concurrent clients share an answer even if their
    filters differ, and do not occupy the worker.
    """
    if wanted.all:
        return cast(list[dict[str, Any]], ask(topic, {ids: None, "query": wanted.to_dict()}))
    return wanted.of(ask(topic, {ids: None}))


def ask_central(topic: str, **query: Any) -> Any:
    """Send a query to the central history.

    :raises Refusal: if there is no central history, or it does not answer
    """
    context = services()
    if not context.settings.central_url:
        raise Invalid(_NO_CENTRAL)
    with context.centre.taken(identity.whose()[0]):
        return context.bridge.wait_for(
            central_queries.ask_central(context.bridge.client, topic, query), _READ
        )


def last_event_id(otherwise: T) -> int | T:
    """The id of the event after which a stream continues.

    :param otherwise: the value if the request has no `Last-Event-ID`
    :raises BadRequest: if it is not a number
    """
    header = request.headers.get("Last-Event-ID")
    if header is None:
        return otherwise
    if not (header.isascii() and header.isdecimal() and len(header) <= 18):
        raise BadRequest("Last-Event-ID must be a number this stream has sent")
    return int(header)
