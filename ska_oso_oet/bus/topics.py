"""The topics of the bus: every name the OET itself sends, with its fields, written once.

A script may send under any other name; see :func:`objection`.
"""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Topic:
    """One topic: its fields, whether it goes into the journal, and the replies a request can get."""

    name: str
    fields: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    transient: bool = False
    replies: tuple[str, ...] = ()
    worker: str = ""  #: who answers a request
    verbatim: bool = False  #: it tells what a script has printed, letter by letter


FAILED = "request.failed"

_ALL = (
    # requests to the script execution service, and its replies
    Topic("request.procedure.create", ("cmd",), replies=("procedure.lifecycle.created",), worker="SESWorker"),
    Topic("request.procedure.start", ("cmd",), replies=("procedure.lifecycle.started",), worker="SESWorker"),
    Topic("request.procedure.stop", ("cmd",), replies=("procedure.stop.answered",), worker="SESWorker"),
    Topic("request.procedure.abort", ("cmd",), replies=("procedure.lifecycle.created",), worker="SESWorker"),
    Topic(
        "request.procedure.list",
        ("pids",),
        ("query",),
        transient=True,
        replies=("procedure.pool.list",),
        worker="SESWorker",
    ),
    Topic(
        "request.procedure.output",
        ("pid", "after", "limit", "tail", "streams"),
        transient=True,
        replies=("procedure.pool.output",),
        worker="SESWorker",
    ),
    Topic("request.script.list", transient=True, replies=("procedure.pool.scripts",), worker="SESWorker"),
    Topic(
        "request.script.show",
        ("path",),
        transient=True,
        replies=("procedure.pool.script",),
        worker="SESWorker",
    ),
    Topic(
        "request.environment.list",
        transient=True,
        replies=("environment.pool.list",),
        worker="SESWorker",
    ),
    Topic("request.environment.remove", ("cmd",), replies=("environment.removed",), worker="SESWorker"),
    Topic(
        "request.procedure.check",
        ("cmd", "start"),
        transient=True,
        replies=("procedure.pool.checked",),
        worker="SESWorker",
    ),
    Topic("request.operator.state", transient=True, replies=("operator.pool.state",), worker="SESWorker"),
    Topic("operator.wait_for_qa_ready.enable", replies=("operator.override.state",), worker="SESWorker"),
    Topic("operator.wait_for_qa_ready.disable", replies=("operator.override.state",), worker="SESWorker"),
    Topic("operator.wait_for_qa_ready.override", replies=("operator.override.state",), worker="SESWorker"),
    Topic("request.operator.drain", transient=True, replies=("operator.pool.drain",), worker="SESWorker"),
    Topic(
        "operator.drain.begin", optional=("reason",), replies=("operator.drain.state",), worker="SESWorker"
    ),
    Topic("operator.drain.end", replies=("operator.drain.state",), worker="SESWorker"),
    # requests to the activity worker
    Topic("request.activity.run", ("cmd",), replies=("activity.lifecycle.running",), worker="ActivityWorker"),
    Topic("request.activity.stop", ("cmd",), replies=("activity.stop.answered",), worker="ActivityWorker"),
    Topic(
        "request.activity.list",
        ("aids",),
        ("query",),
        transient=True,
        replies=("activity.pool.list",),
        worker="ActivityWorker",
    ),
    # requests to any worker, and refusals
    Topic("request.worker.ping", ("worker",), transient=True, replies=("worker.pong",)),
    Topic(FAILED, ("topic", "kind", "status", "detail")),
    Topic("procedure.pool.list", ("result",), transient=True),
    Topic("procedure.pool.output", ("result",), transient=True, verbatim=True),
    Topic("procedure.pool.checked", ("result",), transient=True),
    Topic("activity.pool.list", ("result",), transient=True),
    Topic("operator.pool.state", ("result",), transient=True),
    Topic("operator.pool.drain", ("result",), transient=True),
    Topic("worker.pong", ("worker",), transient=True),
    # what happens to procedures
    Topic("procedure.lifecycle.created", ("result",)),
    Topic("procedure.lifecycle.statechange", ("pid", "old_state", "new_state")),
    Topic("procedure.lifecycle.resolved", ("pid", "resolved_commit", "resolved_branch")),
    Topic("procedure.lifecycle.initialising", ("pid", "init")),
    Topic("procedure.lifecycle.slowed", ("pid", "rate")),
    Topic("procedure.lifecycle.ready", ("result",)),
    Topic("procedure.lifecycle.started", ("result",)),
    Topic("procedure.lifecycle.stopping", ("pid", "stage")),
    Topic("procedure.lifecycle.complete", ("result",)),
    Topic("procedure.lifecycle.failed", ("result",)),
    Topic("procedure.lifecycle.stopped", ("result",)),
    Topic("procedure.lifecycle.stacktrace", ("pid", "stacktrace")),
    Topic("procedure.stop.answered", ("result",)),
    Topic("procedure.abort.failed", ("pid", "abort_procedure", "detail")),
    Topic("procedure.survivors.found", ("pid", "survivors")),
    Topic("procedure.survivors.gone", ("pid",)),
    Topic("procedure.output", ("pid", "n", "stream", "text"), transient=True, verbatim=True),
    # what happens to activities, and to scheduling blocks by them
    Topic("activity.lifecycle.running", ("result",)),
    Topic("activity.lifecycle.statechange", ("aid", "old_state", "new_state", "result")),
    Topic("activity.lifecycle.complete", ("result",)),
    Topic("activity.lifecycle.failed", ("result",)),
    Topic("activity.lifecycle.stopped", ("result",)),
    Topic("activity.lifecycle.recorded", ("aid", "sbi_status", "result")),
    Topic("activity.stop.answered", ("result",)),
    Topic("sb.lifecycle.started", ("sbd_id", "sbi_id")),
    Topic("sb.lifecycle.finished.succeeded", ("sbd_id", "sbi_id")),
    Topic("sb.lifecycle.finished.failed", ("sbd_id", "sbi_id")),
    # what the operator has decided
    Topic("operator.override.state", ("wait_for_qa_ready", "override"), ("n", "set_by", "set_at")),
    Topic("operator.drain.state", ("drained", "since", "by", "reason")),
    # what scripts say of themselves
    Topic("procedure.pool.scripts", ("result",), transient=True),
    Topic("procedure.pool.script", ("result",), transient=True),
    # what is kept for scripts from git
    Topic("environment.pool.list", ("result",), transient=True),
    Topic("environment.removed", ("result",)),
    # who asked for what, and what they were answered
    Topic("audit.command", ("user", "name", "address", "method", "path", "what")),
    Topic("audit.result", ("command", "status", "detail")),
    Topic("auth.refused", ("method", "path", "status", "why"), ("user", "name", "address", "what")),
    # what happens to workers
    Topic("worker.started", ("worker",)),
    Topic("worker.lost", ("worker",), ("detail",)),
    Topic("worker.restarted", ("worker",)),
)

TOPICS: dict[str, Topic] = {topic.name: topic for topic in _ALL}

#: The records of who asked for what, which are linked to a chain in the journal.
AUDIT = frozenset({"audit.command", "audit.result", "auth.refused"})

#: The first words a script may never publish under.
_RESERVED = frozenset(
    {"request", "procedure", "activity", "operator", "environment", "worker", "auth", "audit", "stream"}
)

_LONGEST = 200  #: characters of a script's topic


def objection(topic: str) -> str | None:
    """Tell why a script may not publish under this topic; nothing where it may."""
    first = topic.split(".")[0]
    if first in _RESERVED or topic in TOPICS:
        return f"topic {topic!r} is for the OET itself; begin with another word, such as 'user'"
    if len(topic) > _LONGEST:
        return f"topic {topic[:40]!r}… has more than {_LONGEST} characters"
    if not all(topic.split(".")):
        return f"topic {topic!r} has an empty word"
    if not topic.isprintable():
        return f"topic {topic!r} has characters that cannot be printed"
    return None


def matches(topic: str, prefixes: tuple[str, ...]) -> bool:
    """Tell whether a topic is, or lies below, one of these topic prefixes."""
    return any(topic == prefix or topic.startswith(f"{prefix}.") for prefix in prefixes)
