"""The topics that the OET itself and its library for scripts send, and questions about them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .sentences import PATTERNS

WITHOUT_SENTENCE = frozenset(
    {
        "activity.lifecycle.execution_block",
        "activity.lifecycle.recorded",
        "activity.lifecycle.running",
        "activity.lifecycle.statechange",
        "activity.pool.list",
        "activity.stop.answered",
        "audit.command",
        "audit.result",
        "environment.pool.list",
        "environment.removed",
        "operator.pool.drain",
        "operator.pool.state",
        "procedure.lifecycle.created",
        "procedure.lifecycle.initialising",
        "procedure.lifecycle.resolved",
        "procedure.lifecycle.stacktrace",
        "procedure.lifecycle.statechange",
        "procedure.lifecycle.stopping",
        "procedure.output",
        "procedure.pace.answered",
        "procedure.pool.checked",
        "procedure.pool.list",
        "procedure.pool.output",
        "procedure.pool.script",
        "procedure.pool.scripts",
        "procedure.stop.answered",
        "request.activity.list",
        "request.environment.list",
        "request.environment.remove",
        "request.operator.drain",
        "request.operator.state",
        "request.procedure.check",
        "request.procedure.check_rerun",
        "request.procedure.list",
        "request.procedure.output",
        "request.script.list",
        "request.script.show",
        "request.worker.ping",
        "worker.pong",
        "worker.started",
    }
)
KNOWN = WITHOUT_SENTENCE | frozenset(PATTERNS)

OWN = (
    "activity.",
    "audit.",
    "auth.",
    "environment.",
    "operator.",
    "procedure.",
    "request.",
    "worker.",
)
"""Beginnings that are the OET's alone: no script can send under them."""

QUESTIONS = frozenset(
    topic
    for topic in WITHOUT_SENTENCE
    if topic.startswith("request.") and not topic.endswith(".remove")
)
"""Requests that change nothing."""


def unmatched(prefixes: Sequence[str]) -> Iterator[str]:
    """A sentence for each of these prefixes that no topic of the OET begins with."""
    for prefix in prefixes:
        if any(topic == prefix or topic.startswith(f"{prefix}.") for topic in KNOWN):
            continue
        near = _nearest(prefix)
        meant = f"; did you mean {near}?" if near else ""
        if f"{prefix.split('.')[0]}." in OWN:
            yield f"No topic begins with {prefix}: there will be nothing of it{meant}"
        else:
            yield f"No topic of the OET begins with {prefix}, but a script's own may{meant}"


def _nearest(prefix: str) -> str | None:
    from difflib import get_close_matches

    depth = prefix.count(".") + 1
    beginnings = {".".join(topic.split(".")[:depth]) for topic in KNOWN}
    found = get_close_matches(prefix, sorted(beginnings), n=1, cutoff=0.7)
    return found[0] if found else None
