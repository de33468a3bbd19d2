"""What the OpenAPI document says in words about the whole of it."""

from __future__ import annotations

DESCRIPTION = """\
Runs observing scripts for one subarray, each in a process of its own that can always be stopped, and keeps
what they print, announce and come to.

Create a procedure from a script, wait until it is READY, and start it; or have an activity of a scheduling
block do both. The event stream tells everything as it happens. Times are seconds since 1970, in UTC.

Every failure is a problem document (RFC 9457), whose `detail` is a sentence. Fields and parameters that are
not known are refused. A request that changes something may carry an `Idempotency-Key`: sent again, it is
carried out once.
"""

TAGS = {
    "procedures": "Scripts that are loaded, started and stopped, and what they print.",
    "activities": "Activities of scheduling blocks, each carried out by a procedure.",
    "operator": "What the operator decides: waiting for QA, and taking no new work.",
    "files": "What scripts have written in their working directories.",
    "scripts": "Which scripts there are, and what they say of themselves.",
    "environments": "What is kept for scripts from git.",
    "events": "Everything that happens, as it happens.",
    "access": "How to log in, and who asked for what.",
    "health": "Whether the server lives and is ready, and what it is doing.",
}

BEARER = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "JWT",
    "description": "a token of the OpenID provider that `GET /auth` names; needed where `security` says so",
}
