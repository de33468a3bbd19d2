"""Views ask over the bus: the id of a request, and repeats of it."""

from __future__ import annotations

import json
import re
import uuid
from typing import Any, TypeVar, cast

from flask import request
from werkzeug.exceptions import BadRequest

from ..logs import tagged
from . import audit
from .auth import identity
from .requests import JsonRequest
from .services import services

T = TypeVar("T")

_KEY = re.compile("[!-~]([ -~]*[!-~])?")
_ASK = 10.0  #: seconds for a question


def _ids() -> tuple[str, str, bool]:
    """The id of this request, that of the command it means, and whether it may have been sent before."""
    key = request.headers.get("Idempotency-Key") if audit.is_command() else None
    if key is None:
        only = uuid.uuid4().hex
        return only, only, False
    if len(key) > 200 or _KEY.fullmatch(key) is None:
        raise BadRequest("Idempotency-Key must have between 1 and 200 characters, printable ones of ASCII")
    user = identity.current()  # the key of another user is another key
    whose = key if user is None else f"{key} {user.issuer} {user.subject}"
    body = json.dumps(cast(JsonRequest, request).said, sort_keys=True)
    what = f"{whose} {request.method} {request.path} {body}"
    return uuid.uuid5(uuid.NAMESPACE_URL, whose).hex, uuid.uuid5(uuid.NAMESPACE_URL, what).hex, True


def ask(topic: str, payload: dict[str, Any], timeout: float = _ASK) -> Any:
    """Ask on behalf of the request that is being answered; return the result of the reply.

    :param timeout: seconds
    :raises Refusal: where it was not carried out
    """
    request_id, command_id, repeated = _ids()
    before = audit.begin(request_id) if audit.is_command() else []
    user = identity.current()
    with tagged(request_id=request_id):
        return services().bridge.ask(
            topic,
            payload,
            request_id=request_id,
            command_id=command_id,
            timeout=timeout,
            user=user.subject if user is not None else None,
            repeated=repeated,
            before=before,
        )


def last_event_id(otherwise: T) -> int | T:
    """After which event a stream is to go on.

    :param otherwise: where the request has no `Last-Event-ID`
    :raises BadRequest: where that is none
    """
    header = request.headers.get("Last-Event-ID")
    if header is None:
        return otherwise
    if not (header.isascii() and header.isdecimal() and len(header) <= 18):
        raise BadRequest("Last-Event-ID must be a number this stream has sent")
    return int(header)
