"""From the records of a supervisor to the messages that tell them: no input, no output, no clock."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from ..bus import topics
from ..bus.client import BusClient
from ..bus.envelope import Envelope
from ..bus.topic_names import objection
from ..domain import events, pace_events
from ..domain.errors import Conflict
from ..domain.outcome import Outcome, Reason
from ..domain.procedure import Procedure
from ..domain.scripts import Arguments
from ..domain.states import ProcedureState
from ..runs.survivors import Survivor, in_words

LOG = logging.getLogger(__name__)

Record = dict[str, Any]

#: Takes note of a message that the script of a procedure has heard or sent; returns the operator's new
#: state, if that changes it.
Observe = Callable[[int, Record], dict[str, Any] | None]

#: The events whose source is the procedure; that of the others is the service.
_OF_PROCEDURE = (
    events.StateChanged,
    events.Resolved,
    events.Initialising,
    events.Slowed,
    events.Stopping,
    events.Stacktrace,
    pace_events.PauseChanged,
    pace_events.QuestionChanged,
)


class Records:
    """Applies the records of one run to its procedure, and makes messages of them.

    The id of each message is made of procedure and record number: a record that is read twice is told once.
    """

    def __init__(self, procedure: Procedure, bus: BusClient, observe: Observe | None = None) -> None:
        self._procedure = procedure
        self._bus = bus
        self._observe = observe
        self._dropped = 0  #: messages whose topic no script may use

    def first(self, happened: Sequence[events.Event], about: dict[str, Any]) -> Iterator[Envelope]:
        """The messages of events that precede all records."""
        return self._told(f"run-{self._procedure.id}-0", happened, about)

    def messages(self, record: Record) -> list[Envelope]:
        """The messages of one record; none if it contradicts the procedure's state."""
        key = f"run-{self._procedure.id}-{record['n']}"
        if record["kind"] == "final" and self._dropped > 1:
            LOG.warning("Dropped %d messages of procedure %s in all", self._dropped, self._procedure.id)
        match record["kind"]:
            case "message":
                return self._message(key, record)
            case "heard":
                return self._operator_state(key, record)
            case "gone":
                gone = {"pid": self._procedure.id}
                return [self._bus.envelope(topics.SURVIVORS_GONE, gone, id=key)]
            case "final" if record.get("survivors"):
                # Before the end of the run, after which many stop listening.
                return [self._survivors_found(record["survivors"]), *self._happened(key, record)]
        return self._happened(key, record)

    def pace(self, report: dict[str, Any]) -> list[Envelope]:
        """Take in a report of the script's pace; its message, if there is progress."""
        before = self._procedure.pace.progress
        self._procedure.pace = self._procedure.pace.with_report(report)
        progress = self._procedure.pace.progress
        if progress is None or progress == before:
            return []
        fields = {"pid": self._procedure.id, "progress": progress}
        source = str(self._procedure.id)
        return [self._bus.envelope(topics.PROGRESS, fields, msg_src=source, time=progress["time"])]

    def output(self, batch: Iterable[dict[str, Any]]) -> Iterator[Envelope]:
        """The messages of pieces of output."""
        source = str(self._procedure.id)
        for piece in batch:
            fields = {"pid": self._procedure.id, **{key: piece[key] for key in ("n", "stream", "text")}}
            yield self._bus.envelope(topics.OUTPUT, fields, msg_src=source, time=piece["time"])

    def _happened(self, key: str, record: Record) -> list[Envelope]:
        try:
            happened = apply(self._procedure, record)
        except Conflict as error:
            LOG.error("Ignored a record of the supervisor: %s", error)
            return []
        if record["kind"] == "slowed":
            LOG.warning("The script sends too many messages: more than %g per second", record["rate"])
        about = {"request_id": record.get("request_id"), "user": record.get("user")}
        return list(self._told(key, happened, about))

    def _told(self, key: str, happened: Sequence[events.Event], about: dict[str, Any]) -> Iterator[Envelope]:
        for i, event in enumerate(happened):
            source = str(self._procedure.id) if isinstance(event, _OF_PROCEDURE) else self._bus.name
            yield self._bus.envelope(
                event.TOPIC, event.payload(), id=f"{key}-{i}", time=event.time, msg_src=source, **about
            )

    def _survivors_found(self, survivors: list[Survivor]) -> Envelope:
        pid = self._procedure.id
        LOG.critical("NOT EVERYTHING OF PROCEDURE %s HAS ENDED: %s", pid, in_words(survivors))
        fields = {"pid": pid, "survivors": survivors}
        return self._bus.envelope(topics.SURVIVORS_FOUND, fields, id=f"run-{pid}-survivors")

    def _message(self, key: str, record: Record) -> list[Envelope]:
        topic = record["topic"]
        # The script's own process refuses such a topic; a script that forges messages does not.
        if (why := objection(topic)) is not None:
            self._dropped += 1
            if self._dropped == 1:
                LOG.warning("Dropped a message of procedure %s: %s", self._procedure.id, why)
            return []
        source = str(self._procedure.id)
        sent = self._bus.envelope(topic, record["payload"], id=key, time=record["time"], msg_src=source)
        return [sent, *self._operator_state(f"{key}-0", record)]

    def _operator_state(self, key: str, record: Record) -> list[Envelope]:
        state = self._observe(self._procedure.id, record) if self._observe is not None else None
        if state is None:
            return []
        return [self._bus.envelope(topics.QA_STATE, state, id=key, time=record["time"])]


def apply(procedure: Procedure, record: Record) -> list[events.Event]:
    """Change a procedure as a record says; returns the events of that.

    :raises Conflict: if its state does not allow it
    """
    at = record["time"]
    procedure.origin = procedure.origin.loaded(record.get("sha256"))  # the document that follows has it
    match record["kind"]:
        case "state":
            changed = procedure.change(ProcedureState(record["state"]), at)
            init = Arguments.from_dict(record["init"]) if "init" in record else procedure.init
            return [changed] if init == procedure.init else [changed, procedure.call_init(at, init)]
        case "resolved":
            return [procedure.resolve(at, record["commit"], record.get("branch"))]
        case "slowed":
            return [procedure.slow_down(at, record["rate"])]
        case "ready":
            return procedure.ready(at, record["pid"])
        case "started":
            return procedure.start(at, Arguments.from_dict(record["main"]), record.get("user"))
        case "stage":
            return [procedure.stopping(at, record["stage"])]
        case "final":
            procedure.pace = procedure.pace.with_report(record.get("pace") or {})
            state, outcome = ProcedureState(record["state"]), Outcome.from_dict(record["outcome"])
            return procedure.finish(state, at, outcome, record.get("stacktrace"))
        case "pause" | "question":
            return _change_pace(procedure, record)
    return []


def _change_pace(procedure: Procedure, record: Record) -> list[events.Event]:
    event = _PACE_EVENTS.get((record["kind"], record["what"]))
    if event is None:  # nothing has changed; the service only waits for it
        return []
    kind = record["kind"]
    happened = event(time=record["time"], pid=procedure.id, **{kind: record[kind]})
    return [procedure.happened(happened)]


_PACE_EVENTS: dict[tuple[str, str], Callable[..., Any]] = {
    ("pause", "requested"): pace_events.PauseRequested,
    ("pause", "withdrawn"): pace_events.PauseWithdrawn,
    ("pause", "paused"): pace_events.Paused,
    ("pause", "resumed"): pace_events.Resumed,
    ("pause", "missed"): pace_events.PauseMissed,
    ("pause", "reminder"): pace_events.PauseReminder,
    ("question", "asked"): pace_events.QuestionAsked,
    ("question", "answered"): pace_events.QuestionAnswered,
}


# -- records of procedures without a supervisor ----------------------------------------------------


def never_launched(stop: dict[str, Any]) -> Record:
    """The last record of a run that was stopped before it had a supervisor.

    :param stop: the order to stop it
    """
    reason = Reason.EVICTED if stop["why"] == "evict" else Reason.STOPPED
    outcome = Outcome(reason=reason, by=stop["by"], detail="ended before anything was started for it")
    return _final(ProcedureState.STOPPED, outcome, abort=stop["abort"])


def cannot_launch(why: str) -> Record:
    """The last record of a run for which no supervisor can be had."""
    return _final(ProcedureState.FAILED, Outcome(reason=Reason.LOAD_ERROR, detail=why))


def lost(stop: dict[str, Any] | None, survivors: Sequence[Survivor]) -> Record:
    """The last record of a run whose supervisor has ended without one.

    :param stop: the order to stop it, if there was one
    """
    if stop is not None:
        state, by = ProcedureState.STOPPED, stop["by"]
        reason = Reason.EVICTED if stop["why"] == "evict" else Reason.STOPPED
        detail = "its supervisor did not answer and was killed with it"
    else:
        state, by, reason = ProcedureState.FAILED, None, Reason.LOST
        detail = "its supervisor vanished; its remaining processes were killed"
    if survivors:
        detail = f"{detail}; SIGKILL could not end {in_words(survivors)}"
    outcome = Outcome(reason=reason, by=by, detail=detail)
    return _final(state, outcome, abort=bool(stop and stop["abort"]), survivors=survivors)


def _final(
    state: ProcedureState, outcome: Outcome, *, abort: bool = False, survivors: Sequence[Survivor] = ()
) -> Record:
    return {
        "kind": "final",
        "state": state.value,
        "outcome": outcome.to_dict(),
        "abort": abort,
        "survivors": list(survivors),
    }
