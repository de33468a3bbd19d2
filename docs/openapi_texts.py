"""Texts about the whole API in the OpenAPI document."""

from __future__ import annotations

DESCRIPTION = """\
Runs observing scripts for one subarray, each in a process of its own that can always be stopped, and keeps
their output, events and results.

Create a procedure from a script, wait until it is READY, and start it; or have an activity of a scheduling
block do both. The event stream has all events as they happen. Times are seconds since 1970, in UTC.

Every failure is a problem document (RFC 9457), whose `detail` is a sentence. Unknown fields and
parameters are refused. A request that changes something may carry an `Idempotency-Key`: if it is repeated, it
is carried out once.
"""

TAGS = {
    "procedures": "Scripts that are loaded, started and stopped, and their output.",
    "activities": "Activities of scheduling blocks, each carried out by a procedure.",
    "reruns": "Procedures and activities once more, as they were.",
    "operator": "The operator's decisions: waiting for QA, and refusing new work.",
    "files": "Files written by scripts in their working directories.",
    "scripts": "The scripts on the server, and their descriptions.",
    "environments": "Environments, work trees and mirrors of scripts from git.",
    "events": "All events, as they happen.",
    "access": "Parameters for logging in, and the audit of commands.",
    "health": "Liveness, readiness and status of the server.",
}

BEARER = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "JWT",
    "description": "a token of the OpenID provider that `GET /auth` names; for operations with `security`",
}
