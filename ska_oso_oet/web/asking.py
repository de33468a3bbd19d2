"""Views ask over the bus: the id of a request, and repeats of it."""

from __future__ import annotations

import hashlib
import re
import uuid
from typing import Any, TypeVar

from flask import request
from werkzeug.exceptions import BadRequest

from ..bus.envelope import Envelope
from ..logs import tagged
from . import audit
from .auth import identity
from .services import services

T = TypeVar("T")

_KEY = re.compile("[!-~]([ -~]*[!-~])?")
_ASK = 10.0  #: seconds for a question


def _request_id() -> tuple[str, bool]:
    """The id of the command this request means, and whether it may have been sent before."""
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return uuid.uuid4().hex, False
    if len(key) > 200 or _KEY.fullmatch(key) is None:
        raise BadRequest("Idempotency-Key must have between 1 and 200 characters, printable ones of ASCII")
    # The same key with another request, or of another user, is another request.
    body = hashlib.sha256(request.get_data()).hexdigest()
    name = f"{key} {request.method} {request.path} {body}"
    if (user := identity.current()) is not None:
        name += f" {user.issuer} {user.subject}"
    return uuid.uuid5(uuid.NAMESPACE_URL, name).hex, True


def ask(topic: str, payload: dict[str, Any], timeout: float = _ASK) -> Any:
    """Ask on behalf of the request that is being answered; return the result of the reply.

    :param timeout: seconds
    :raises Refusal: where it was not carried out
    """
    request_id, repeated = uuid.uuid4().hex, False
    before: list[Envelope] = []
    if audit.is_command():
        request_id, repeated = _request_id()
        before = audit.begin(request_id)
    user = identity.current()
    with tagged(request_id=request_id):
        return services().bridge.ask(
            topic,
            payload,
            request_id=request_id,
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
