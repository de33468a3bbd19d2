"""The topics of the OET, with their fields.

Each constant is the name of a topic; :data:`TOPICS` has its rules. Scripts may use other names; see
:mod:`.topic_names`.
"""

from __future__ import annotations

import dataclasses

from ..domain import events, pace_events
from ..domain.happening import Happening


@dataclasses.dataclass(frozen=True)
class Topic:
    """One topic and its rules."""

    name: str
    fields: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    transient: bool = False  #: delivered, but not written to the journal
    replies: tuple[str, ...] = ()  #: possible replies to a request, beside :data:`REFUSED`
    worker: str = ""  #: the worker that answers a request
    new_work: bool = False  #: a command that is refused while the journal cannot be written
    verbatim: bool = False  #: its secrets are not masked, since it carries the output of a script
    private: bool = False  #: not in the event stream: not for every user, or of use to its sender only

    @property
    def question(self) -> bool:
        """Whether this is a request that changes nothing, so that it may be repeated."""
        return self.transient and bool(self.replies)


TOPICS: dict[str, Topic] = {}  #: every topic, by its name; the declarations below fill it

_SCRIPT_TOPIC = Topic("")


def topic_of(name: str) -> Topic:
    """The rules of a topic; the defaults for a topic of scripts."""
    return TOPICS.get(name, _SCRIPT_TOPIC)


def _add(topic: Topic) -> str:
    TOPICS[topic.name] = topic
    return topic.name


def _message(name: str, *fields: str, optional: tuple[str, ...] = ()) -> str:
    return _add(Topic(name, fields, optional))


def _event(event: type[Happening]) -> str:
    names = (field.name for field in dataclasses.fields(event) if field.name != "time")
    return _add(Topic(event.TOPIC, tuple(names)))


def _answer(name: str, field: str = "result", verbatim: bool = False, private: bool = False) -> str:
    return _add(Topic(name, (field,), transient=True, verbatim=verbatim, private=private))


def _command(
    worker: str,
    name: str,
    *fields: str,
    reply: str,
    optional: tuple[str, ...] = (),
    new_work: bool = False,
) -> str:
    return _add(Topic(name, fields, optional, replies=(reply,), worker=worker, new_work=new_work))


def _question(
    worker: str,
    name: str,
    *fields: str,
    reply: str,
    optional: tuple[str, ...] = (),
    private: bool = False,
) -> str:
    return _add(
        Topic(name, fields, optional, transient=True, replies=(reply,), worker=worker, private=private)
    )


_SES = "SESWorker"
_ACTIVITY = "ActivityWorker"
_CENTRAL = "CentralWorker"

# Events of procedures
LIFECYCLE = "procedure.lifecycle"  #: the prefix of most of them
CREATED = _event(events.Created)
STATE_CHANGED = _event(events.StateChanged)
RESOLVED = _event(events.Resolved)
INITIALISING = _event(events.Initialising)
SLOWED = _event(events.Slowed)
READY = _event(events.Ready)
STARTED = _event(events.Started)
STOPPING = _event(events.Stopping)
COMPLETE = _event(events.Completed)
FAILED = _event(events.Failed)
STOPPED = _event(events.Stopped)
STACKTRACE = _event(events.Stacktrace)
PAUSE = "procedure.pause"  #: the prefix of the next six
PAUSE_REQUESTED = _event(pace_events.PauseRequested)
PAUSE_WITHDRAWN = _event(pace_events.PauseWithdrawn)
PAUSED = _event(pace_events.Paused)
RESUMED = _event(pace_events.Resumed)
PAUSE_MISSED = _event(pace_events.PauseMissed)
PAUSE_REMINDER = _event(pace_events.PauseReminder)
QUESTION = "procedure.question"  #: the prefix of the next two
QUESTION_ASKED = _event(pace_events.QuestionAsked)
QUESTION_ANSWERED = _event(pace_events.QuestionAnswered)
STOP_ANSWERED = _message("procedure.stop.answered", "result")
ABORT_FAILED = _message("procedure.abort.failed", "pid", "abort_procedure", "detail")
ABORT_COMPLETE = _message("procedure.abort.complete", "pid", "detail")
SURVIVORS_FOUND = _message("procedure.survivors.found", "pid", "survivors")
SURVIVORS_GONE = _message("procedure.survivors.gone", "pid")
OUTPUT = _add(Topic("procedure.output", ("pid", "n", "stream", "text"), transient=True, verbatim=True))

#: The progress of a script; the last is in its document.
PROGRESS = _add(Topic("user.script.progress", ("pid", "progress"), transient=True, verbatim=True))

#: The events with the whole document of an existing procedure.
DOCUMENTS = (READY, STARTED, COMPLETE, FAILED, STOPPED)

# Events of activities and of their scheduling blocks
ACTIVITY_LIFECYCLE = "activity.lifecycle"  #: the prefix of most of them
ACTIVITY_RUNNING = _message("activity.lifecycle.running", "result")
ACTIVITY_STATE_CHANGED = _message("activity.lifecycle.statechange", "aid", "old_state", "new_state", "result")
ACTIVITY_COMPLETE = _message("activity.lifecycle.complete", "result")
ACTIVITY_FAILED = _message("activity.lifecycle.failed", "result")
ACTIVITY_STOPPED = _message("activity.lifecycle.stopped", "result")
ACTIVITY_RECORDED = _message("activity.lifecycle.recorded", "aid", "sbi_status", "result")
ACTIVITY_BLOCK_RECORDED = _message("activity.lifecycle.execution_block", "aid", "eb_id", "status", "result")
ACTIVITY_STOP_ANSWERED = _message("activity.stop.answered", "result")
SB_STARTED = _message("sb.lifecycle.started", "sbd_id", "sbi_id")
SB_SUCCEEDED = _message("sb.lifecycle.finished.succeeded", "sbd_id", "sbi_id")
SB_FAILED = _message("sb.lifecycle.finished.failed", "sbd_id", "sbi_id")

# Decisions of the operator
QA_STATE = _message(
    "operator.override.state", "wait_for_qa_ready", "override", optional=("n", "set_by", "set_at")
)
DRAIN_STATE = _message("operator.drain.state", "drained", "since", "by", "reason")

# The audit, which the journal links to a chain
AUDIT_COMMAND = _message("audit.command", "user", "name", "address", "method", "path", "what")
AUDIT_RESULT = _message("audit.result", "command", "status", "detail")
AUTH_REFUSED = _message(
    "auth.refused", "method", "path", "status", "why", optional=("user", "name", "address", "what")
)
AUDIT = frozenset({AUDIT_COMMAND, AUDIT_RESULT, AUTH_REFUSED})

# Events of workers
WORKER_STARTED = _message("worker.started", "worker")
WORKER_LOST = _message("worker.lost", "worker", optional=("detail",))
WORKER_RESTARTED = _message("worker.restarted", "worker")

# Replies for the sender of a request only
REFUSED = _message("request.failed", "topic", "kind", "status", "detail")
PROCEDURE_LIST = _answer("procedure.pool.list")
PACE_ANSWERED = _message("procedure.pace.answered", "result")
OUTPUT_PAGE = _answer("procedure.pool.output", verbatim=True)
CHECKED = _answer("procedure.pool.checked")
INSPECTED = _answer("procedure.pool.inspected", private=True)
SCRIPT_LIST = _answer("procedure.pool.scripts")
SCRIPT = _answer("procedure.pool.script")
ENVIRONMENT_LIST = _answer("environment.pool.list")
ENVIRONMENT_REMOVED = _message("environment.removed", "result")
QA_ANSWER = _answer("operator.pool.state")
DRAIN_ANSWER = _answer("operator.pool.drain")
ACTIVITY_LIST = _answer("activity.pool.list")
ACTIVITY_CHECKED = _answer("activity.pool.checked", private=True)
PONG = _answer("worker.pong", "worker")

# Requests to SESWorker
CREATE = _command(_SES, "request.procedure.create", "cmd", reply=CREATED, new_work=True)
RERUN = _command(_SES, "request.procedure.rerun", "cmd", reply=CREATED, new_work=True)
START = _command(_SES, "request.procedure.start", "cmd", reply=STARTED, new_work=True)
STOP = _command(_SES, "request.procedure.stop", "cmd", reply=STOP_ANSWERED)
ABORT = _command(_SES, "request.procedure.abort", "cmd", reply=CREATED)
WANT_PAUSE = _command(
    _SES, "request.procedure.pause", "pid", "wanted", reply=PACE_ANSWERED, optional=("at", "note")
)
ANSWER = _command(_SES, "request.procedure.answer", "pid", "answer", reply=PACE_ANSWERED, optional=("n",))
CHECK = _question(_SES, "request.procedure.check", "cmd", "start", reply=CHECKED)
INSPECT = _question(_SES, "request.procedure.inspect", "cmds", reply=INSPECTED, private=True)
CHECK_RERUN = _question(_SES, "request.procedure.check_rerun", "cmd", reply=CHECKED)
LIST_PROCEDURES = _question(_SES, "request.procedure.list", "pids", reply=PROCEDURE_LIST, optional=("query",))
READ_OUTPUT = _question(
    _SES, "request.procedure.output", "pid", "after", "limit", "tail", "streams", reply=OUTPUT_PAGE
)
LIST_SCRIPTS = _question(_SES, "request.script.list", reply=SCRIPT_LIST)
SHOW_SCRIPT = _question(_SES, "request.script.show", "path", reply=SCRIPT)
LIST_ENVIRONMENTS = _question(_SES, "request.environment.list", reply=ENVIRONMENT_LIST)
REMOVE_ENVIRONMENT = _command(_SES, "request.environment.remove", "cmd", reply=ENVIRONMENT_REMOVED)
QA_SWITCH = "operator.wait_for_qa_ready"  #: the prefix of the next three; scripts receive them as well
QA_ENABLE = _command(_SES, "operator.wait_for_qa_ready.enable", reply=QA_STATE)
QA_DISABLE = _command(_SES, "operator.wait_for_qa_ready.disable", reply=QA_STATE)
QA_OVERRIDE = _command(_SES, "operator.wait_for_qa_ready.override", reply=QA_STATE)
SHOW_QA = _question(_SES, "request.operator.state", reply=QA_ANSWER)
DRAIN_BEGIN = _command(_SES, "operator.drain.begin", reply=DRAIN_STATE, optional=("reason",))
DRAIN_END = _command(_SES, "operator.drain.end", reply=DRAIN_STATE)
SHOW_DRAIN = _question(_SES, "request.operator.drain", reply=DRAIN_ANSWER)

# Requests to ActivityWorker
RUN_ACTIVITY = _command(_ACTIVITY, "request.activity.run", "cmd", reply=ACTIVITY_RUNNING, new_work=True)
RERUN_ACTIVITY = _command(_ACTIVITY, "request.activity.rerun", "cmd", reply=ACTIVITY_RUNNING, new_work=True)
STOP_ACTIVITY = _command(_ACTIVITY, "request.activity.stop", "cmd", reply=ACTIVITY_STOP_ANSWERED)
CHECK_ACTIVITY = _question(_ACTIVITY, "request.activity.check", "cmd", reply=ACTIVITY_CHECKED, private=True)
LIST_ACTIVITIES = _question(
    _ACTIVITY, "request.activity.list", "aids", reply=ACTIVITY_LIST, optional=("query",)
)

# Requests to CentralWorker. A refusal is an answer as well, since it need not be in the journal.
CENTRAL_ANSWER = _add(
    Topic("central.answer", ("result",), ("kind", "detail"), transient=True, verbatim=True, private=True)
)


def _central_question(name: str, *fields: str) -> str:
    replies = (CENTRAL_ANSWER,)
    return _add(Topic(name, fields, transient=True, replies=replies, worker=_CENTRAL, private=True))


CENTRAL_PROCEDURES = _central_question("request.central.procedures", "query")
CENTRAL_EVENTS = _central_question("request.central.events", "query")
CENTRAL_BOUNDS = _central_question("request.central.bounds", "query")
CENTRAL_HEALTH = _central_question("request.central.health", "query")

# Request to the worker named in it
PING = _question("", "request.worker.ping", "worker", reply=PONG)


def requests_to(worker: str) -> tuple[str, ...]:
    """The topics of the requests to a worker."""
    return (*(topic.name for topic in TOPICS.values() if topic.replies and topic.worker == worker), PING)


# Topics of scripts that the OET follows. They are not in TOPICS, since scripts publish on them.
EXECUTION_BLOCK = "execution_block"
EXECUTION_BLOCKS = frozenset(f"{EXECUTION_BLOCK}.{what}" for what in ("started", "command", "finished"))
