"""The record of who asked for what: told on the bus, and kept in the journal.

A command is recorded before it is asked for and its answer afterwards, so that one whose FlaskWorker died is
there without an answer. What was refused for want of a token or a permission is one message. Nothing here
waits for the journal. Reads that succeed are counted only.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
import uuid
from typing import Any, cast

from flask import Response, g, request
from werkzeug.exceptions import HTTPException

from ..bus.envelope import Envelope
from ..domain.masking import masked, masked_text
from .arrivals import NotHere
from .auth import identity
from .requests import JsonRequest
from .services import services

_MOST = 2048  #: characters of a body that are kept
_PATH = 500
_DETAIL = 500
_RATE = 10.0  #: refusals of unknown clients recorded per second, on average
_BURST = 200.0


def is_command() -> bool:
    """Whether this request may change something."""
    return request.method not in ("GET", "HEAD", "OPTIONS")


def begin(request_id: str) -> list[Envelope]:
    """The record of a command, to be told before it is asked for; nothing where that was done before."""
    if "audit" in g:
        return []
    g.request_id = request_id
    told = _message("audit.command", **_asked(), what=_what())
    g.audit = told.id
    return [told]


class Audit:
    """Records how requests were answered."""

    def __init__(self) -> None:
        self._budget = _Budget()

    def end(self, response: Response) -> Response:
        """Record how this request was answered."""
        refused = g.get("refused")
        if refused is not None:
            self._record_refusal(response.status_code, refused)
        elif is_command():
            told = begin(uuid.uuid4().hex)
            answered = {"command": g.audit, "status": response.status_code, "detail": _detail(response)}
            services().bridge.tell([*told, _message("audit.result", **answered)])
        elif response.status_code < 400:
            services().reads.add()
        return response

    def _record_refusal(self, status: int, why: str) -> None:
        left_out = self._budget.take() if identity.current() is None else 0
        if left_out is None:
            return
        if left_out:
            why = f"{why}; {left_out} more such requests were not recorded"
        here = not isinstance(request.environ["wsgi.input"], NotHere)
        if is_command() and identity.current() is not None and here:  # of somebody unknown it is not read
            with contextlib.suppress(HTTPException):
                request.get_json()
        g.request_id = uuid.uuid4().hex
        told = _message("auth.refused", **_asked(), status=status, why=why, what=_what())
        services().bridge.tell([told])


class _Budget:
    """Keeps clients that nobody knows from filling the journal."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._left = _BURST
        self._at = time.monotonic()
        self._left_out = 0

    def take(self) -> int | None:
        """How many were left out before this one; None where this one is left out, too."""
        with self._lock:
            now = time.monotonic()
            self._left = min(_BURST, self._left + (now - self._at) * _RATE)
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
    """The body that was read, as JSON, without what may be secret, cut off where it is long."""
    said = cast(JsonRequest, request).said
    return json.dumps(masked(said))[:_MOST] if said is not None else None


def _plain(text: str) -> str:
    return masked_text("".join(letter if letter.isprintable() else "?" for letter in text))


def _detail(response: Response) -> str | None:
    if response.status_code >= 400:
        found = json.loads(response.get_data()) if response.mimetype == "application/problem+json" else {}
        return _plain(str(found.get("detail", "")))[:_DETAIL]
    location = response.headers.get("Location")
    return "/".join(location.split("/")[-2:]) if location else None
