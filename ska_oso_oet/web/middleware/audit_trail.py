"""Records the audit of requests, on the bus and so in the journal.

A command is recorded before it is sent, and its answer afterwards, so that a command survives a crash of
FlaskWorker, without an answer. A refusal for lack of a token or permission is one message. Nothing here waits
for the journal. Successful reads are only counted.
"""

from __future__ import annotations

import collections
import contextlib
import json
import threading
import time
import uuid
from typing import Any, cast

from flask import Response, g, request
from werkzeug.exceptions import HTTPException

from ...bus import topics
from ...bus.envelope import Envelope
from ...domain.masking import masked, masked_text
from ..auth import identity
from ..auth.permissions import is_command
from ..context import services
from ..server.receiver import NotHere
from .json_body import JsonRequest

_MOST = 2048  #: characters of a recorded body
_PATH = 500
_DETAIL = 500
_RATE = 10.0  #: refusals of one user, or of all unknown clients, recorded per second, on average
_BURST = 200.0
_USERS = 1024  #: users whose refusals are counted apart


def begin(request_id: str) -> list[Envelope]:
    """The record of a command, to be sent before it; empty if it was sent before."""
    if "audit" in g:
        return []
    g.request_id = request_id
    record = _message(topics.AUDIT_COMMAND, **_asked(), what=_what())
    g.audit = record.id
    return [record]


class Audit:
    """Records the answers to requests.

    :param processes: how many share the limits of recorded refusals
    """

    def __init__(self, processes: int) -> None:
        self._processes = processes
        self._strangers = _Budget(processes)
        self._users: collections.OrderedDict[str, _Budget] = collections.OrderedDict()
        self._lock = threading.Lock()

    def end(self, response: Response) -> Response:
        """Record the answer to this request."""
        refused = g.get("refused")
        if refused is not None:
            self._record_refusal(response.status_code, refused)
        elif is_command():
            record = begin(uuid.uuid4().hex)
            answered = {"command": g.audit, "status": response.status_code, "detail": _detail(response)}
            services().bridge.tell([*record, _message(topics.AUDIT_RESULT, **answered)])
        elif response.status_code < 400:
            services().reads.add()
        return response

    def _record_refusal(self, status: int, why: str) -> None:
        left_out = self._budget().take()
        if left_out is None:
            return
        if left_out:
            why = f"{why}; {left_out} more such requests were not recorded"
        here = not isinstance(request.environ["wsgi.input"], NotHere)
        if is_command() and identity.current() is not None and here:  # not read for unknown clients
            with contextlib.suppress(HTTPException):
                request.get_json()
        g.request_id = uuid.uuid4().hex
        record = _message(topics.AUTH_REFUSED, **_asked(), status=status, why=why, what=_what())
        services().bridge.tell([record])

    def _budget(self) -> _Budget:
        """That of a user, or of all unknown clients together."""
        user = identity.current()
        if user is None:
            return self._strangers
        with self._lock:
            budget = self._users.setdefault(user.subject, _Budget(self._processes))
            self._users.move_to_end(user.subject)
            if len(self._users) > _USERS:
                self._users.popitem(last=False)
            return budget


class _Budget:
    """Limits the records of refusals, so that whoever may do nothing cannot fill the journal.

    :param processes: this one's part of the limits is one of so many
    """

    def __init__(self, processes: int) -> None:
        self._lock = threading.Lock()
        self._rate, self._burst = _RATE / processes, _BURST / processes
        self._left = self._burst
        self._at = time.monotonic()
        self._left_out = 0

    def take(self) -> int | None:
        """The number of requests not recorded before this one; None if this one must not be recorded."""
        with self._lock:
            now = time.monotonic()
            self._left = min(self._burst, self._left + (now - self._at) * self._rate)
            self._at = now
            if self._left < 1:
                self._left_out += 1
                return None
            self._left -= 1
            left_out, self._left_out = self._left_out, 0
            return left_out


def _message(topic: str, **payload: Any) -> Envelope:
    user = identity.current()
    subject = user.subject if user is not None else None
    client = services().bridge.client
    return client.envelope(topic, payload, request_id=g.request_id, user=subject)


def _asked() -> dict[str, Any]:
    user = identity.current()
    return {
        "user": user.subject if user is not None else None,
        "name": user.name if user is not None else None,
        "address": request.remote_addr,
        "method": request.method,
        "path": _plain(request.path)[:_PATH],
    }


def _what() -> str | None:
    """The body as JSON, without secrets, truncated."""
    said = cast(JsonRequest, request).said
    return json.dumps(masked(said))[:_MOST] if said is not None else None


def _plain(text: str) -> str:
    return masked_text("".join(letter if letter.isprintable() else "?" for letter in text))


def _detail(response: Response) -> str | None:
    if response.status_code >= 400:
        document = json.loads(response.get_data()) if response.mimetype == "application/problem+json" else {}
        return _plain(str(document.get("detail", "")))[:_DETAIL]
    location = response.headers.get("Location")
    return "/".join(location.split("/")[-2:]) if location else None
