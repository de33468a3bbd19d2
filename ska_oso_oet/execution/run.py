"""One run as SESWorker sees it: turns what the supervisor records into events of the procedure."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

from .. import tracing
from ..bus.client import BusClient
from ..bus.envelope import Envelope
from ..bus.topics import objection
from ..domain import events
from ..domain.errors import Conflict
from ..domain.outcome import Outcome, Reason
from ..domain.procedure import Procedure
from ..domain.scripts import Arguments
from ..domain.states import ProcedureState
from ..logs import tagged
from ..peers import supervisor_of
from . import processes
from .handle import Handle
from .protocol import WINDOW
from .rundir import RunDirectory
from .survivors import Survivor, in_words, leave_nobody

LOG = logging.getLogger(__name__)

_RECORDING = 2.0  #: seconds a run waits for the journal before it begins all the same
_SLACK = 3.0  #: seconds beyond the grace period that a supervisor may take to carry out a stop


#: What a script sends when it has let a scan through because the operator has overridden the wait for QA.
OVERRIDE_ACKNOWLEDGED = "user.wait_for_qa_ready.acknowledged"


class Operator(Protocol):
    """Who wants to know what scripts have heard; see :mod:`.operator`."""

    def delivered(self, pid: int, n: int, at: float) -> dict[str, Any] | None:
        """A script's process has heard message ``n``; returns the new state if that changes it."""

    def acknowledged(self, pid: int, at: float) -> dict[str, Any] | None:
        """A script has made use of an override; returns the new state if that changes it."""


class Run:
    """A live procedure and its supervisor. Ends once, with ``done`` set and ``on_final`` called.

    :param seen: the number of the last record that is in the journal already
    """

    def __init__(
        self,
        procedure: Procedure,
        directory: RunDirectory,
        bus: BusClient,
        on_final: Callable[[Run], None],
        seen: int = 0,
        operator: Operator | None = None,
    ) -> None:
        self.procedure = procedure
        self.directory = directory
        self.done = asyncio.Event()
        self.changed = asyncio.Event()  #: set again and again, at every change of state
        self.survivors: list[Survivor] = []  #: what could not be ended
        self.abort_wanted = False
        self.aborting = False  #: whether its script is the one that aborts the subarray
        self._bus = bus
        self._on_final = on_final
        self._seen = seen
        self._first: list[asyncio.Future[None]] = []
        self._operator = operator
        self._trace = tracing.current()  #: what it was created, and later started, for
        self._handle: Handle | None = None
        self._intent: dict[str, Any] | None = None
        self._begun: dict[str, Any] | None = None
        self._burial: asyncio.Task[None] | None = None
        self._acknowledging: asyncio.Task[None] | None = None

    def publish_first(self, *happened: events.Event, **about: str | None) -> None:
        """Publish what happened before there was a supervisor."""
        key = f"run-{self.procedure.id}-0"
        self._first = self._bus.send(
            self._envelope(f"{key}-{i}", event, about) for i, event in enumerate(happened)
        )

    async def recorded(self) -> None:
        """Wait until the journal knows of it: a run nobody knows of could not be taken over.

        Not for ever: an abort must begin though the journal cannot be written.
        """
        if self._first:
            await asyncio.wait(self._first, timeout=_RECORDING)

    # -- orders ------------------------------------------------------------------------------------

    def begin(self, handle: Handle, spec: dict[str, Any]) -> None:
        """Give the job to a fresh supervisor."""
        self._attach(handle)
        handle.order({"op": "job", "run_dir": self.directory.path, **spec})

    def give_up(self, why: str) -> None:
        """It cannot begin: no supervisor can be had."""
        outcome = Outcome(reason=Reason.LOAD_ERROR, detail=why)
        self._finish(ProcedureState.FAILED, outcome, abort=False)

    async def take_over(self) -> None:
        """Go on with the supervisor an earlier SESWorker left behind, or record how it ended."""
        handle = Handle()
        try:
            await handle.take_over(self.directory, self._seen)
        except ConnectionError:
            await self._bury()
        else:
            self._attach(handle)

    def start(
        self,
        main: Arguments,
        request_id: str | None,
        user: str | None,
        context: dict[str, Any] | None = None,
    ) -> None:
        """Have ``main`` called.

        :param context: what ``main`` gets as its argument of that name, if it has one
        """
        self._trace = tracing.current() or self._trace
        order = {"op": "start", "main": main.to_dict(), "request_id": request_id, "user": user}
        self._order({**order, "context": context or {}})

    def tell(self, topic: str, payload: dict[str, Any], n: int) -> None:
        """Have the script hear a message.

        :param n: its number; one that is not above that of the last one heard is not heard again
        """
        self._order({"op": "message", "topic": topic, "payload": payload, "n": n})

    def stop(self, why: str, by: str | None, grace: float, abort: bool = False) -> None:
        """Have it ended, whatever it is doing; may be called again.

        :param abort: recorded with the end, so that it is not forgotten whatever happens to this process
        """
        order = {"op": "stop", "why": why, "by": by, "abort": abort}
        if self._handle is None:  # nothing of it exists yet
            reason = Reason.EVICTED if why == "evict" else Reason.STOPPED
            outcome = Outcome(reason=reason, by=by, detail="ended before anything was started for it")
            for stage in ("intent", "verified"):
                self._record(kind="stage", stage=stage)
            self._finish(ProcedureState.STOPPED, outcome, abort=abort)
            return
        if self._intent is None:
            self._intent = order
            asyncio.get_running_loop().call_later(grace + _SLACK, self._lose_patience)
        self._order(order)

    def _order(self, order: dict[str, Any]) -> None:
        if self._handle is not None:
            self._handle.order(order)

    def _attach(self, handle: Handle) -> None:
        self._handle = handle
        handle.on_records = self.take_in
        handle.on_output = self._pass_on
        handle.on_lost = self._lost
        if not handle.connected:
            self._lost()

    def _lose_patience(self) -> None:
        if self.done.is_set():
            return
        LOG.error("The supervisor of procedure %s does not stop it; killing it", self.procedure.id)
        if self._handle is not None:
            self._handle.kill()

    # -- what the supervisor tells -----------------------------------------------------------------

    def take_in(self, batch: list[dict[str, Any]]) -> None:
        """Publish records that are new, and have them acknowledged once they are in the journal."""
        with tagged(procedure_id=self.procedure.id, request_id=None):
            self._take_in(batch)

    def _take_in(self, batch: list[dict[str, Any]]) -> None:
        envelopes: list[Envelope] = []
        finals = []
        for record in batch:
            if record["n"] <= self._seen:
                continue
            self._seen = record["n"]
            envelopes += self._publishable(record)
            finals += [record] if record["kind"] == "final" else []
        stored = self._bus.send(envelopes)
        if finals:
            self.abort_wanted = finals[0].get("abort", False)
            self._finished()
        if stored and not self.procedure.final:
            stored[-1].add_done_callback(lambda _: self._acknowledge())
        else:
            self._acknowledge()

    def _survivors_found(self, survivors: list[Survivor]) -> Envelope:
        """Told before the end of the run, which is where many stop listening."""
        self.survivors = survivors
        pid = self.procedure.id
        LOG.critical("NOT EVERYTHING OF PROCEDURE %s HAS ENDED: %s", pid, in_words(survivors))
        fields = {"pid": pid, "survivors": survivors}
        return self._bus.envelope("procedure.survivors.found", fields, id=f"run-{pid}-survivors")

    def _acknowledge(self) -> None:
        self._order({"op": "ack", "n": self._seen})

    def _publishable(self, record: dict[str, Any]) -> list[Envelope]:
        key = f"run-{self.procedure.id}-{record['n']}"
        if record["kind"] == "message":
            return self._message(key, record)
        if record["kind"] == "final" and record.get("survivors"):
            return [self._survivors_found(record["survivors"]), *self._happened(key, record)]
        if record["kind"] == "gone":
            return [self._bus.envelope("procedure.survivors.gone", {"pid": self.procedure.id}, id=key)]
        if record["kind"] == "heard":
            if self._operator is None:
                return []
            told = record["message"], record["time"]
            return self._operator_state(key, record, self._operator.delivered(self.procedure.id, *told))
        return self._happened(key, record)

    def _happened(self, key: str, record: dict[str, Any]) -> list[Envelope]:
        try:
            happened = self._apply(record)
        except Conflict as error:
            LOG.error("Ignored a record of the supervisor: %s", error)
            return []
        self.changed.set()
        self.changed = asyncio.Event()
        self._trace_phase(happened)
        about = {"request_id": record.get("request_id"), "user": record.get("user")}
        return [self._envelope(f"{key}-{i}", event, about) for i, event in enumerate(happened)]

    def _trace_phase(self, happened: list[Any]) -> None:
        """Trace the phase that has just ended; by the times that its supervisor recorded."""
        if tracing.on() and any(isinstance(event, events.StateChanged) for event in happened):
            (state, began), (_, ended) = self.procedure.process_states[-2:]
            if state not in (ProcedureState.CREATING, ProcedureState.IDLE, ProcedureState.READY):
                tracing.happened(state.value, began, ended, self._trace, procedure=self.procedure.id)

    def _apply(self, record: dict[str, Any]) -> list[Any]:
        procedure, at = self.procedure, record["time"]
        match record["kind"]:
            case "state":
                changed = procedure.change(ProcedureState(record["state"]), at)
                init = Arguments.from_dict(record["init"]) if "init" in record else procedure.init
                return [changed] if init == procedure.init else [changed, procedure.call_init(at, init)]
            case "resolved":
                return [procedure.resolve(at, record["commit"], record.get("branch"))]
            case "slowed":
                LOG.warning("It sends too many messages: more than %g per second", record["rate"])
                return [procedure.slow_down(at, record["rate"])]
            case "ready":
                return procedure.ready(at, record["pid"])
            case "started":
                return procedure.start(at, Arguments.from_dict(record["main"]), record.get("user"))
            case "stage":
                return [procedure.stopping(at, record["stage"])]
            case "final":
                state = ProcedureState(record["state"])
                outcome = Outcome.from_dict(record["outcome"])
                return procedure.finish(state, at, outcome, record.get("stacktrace"))
        return []

    def _envelope(self, key: str, event: events.Event, about: dict[str, Any]) -> Envelope:
        mine = isinstance(
            event,
            (
                events.StateChanged,
                events.Resolved,
                events.Initialising,
                events.Slowed,
                events.Stopping,
                events.Stacktrace,
            ),
        )
        source = str(self.procedure.id) if mine else self._bus.name
        return self._bus.envelope(
            event.TOPIC, event.payload(), id=key, time=event.time, msg_src=source, **about
        )

    def _message(self, key: str, record: dict[str, Any]) -> list[Envelope]:
        topic = record["topic"]
        if (why := objection(topic)) is not None:  # its own process refuses it, unless it was tampered with
            LOG.warning("Dropped a message of procedure %s: %s", self.procedure.id, why)
            return []
        source = str(self.procedure.id)
        said = self._bus.envelope(topic, record["payload"], id=key, time=record["time"], msg_src=source)
        if topic != OVERRIDE_ACKNOWLEDGED or self._operator is None:
            return [said]
        state = self._operator.acknowledged(self.procedure.id, record["time"])
        return [said, *self._operator_state(f"{key}-0", record, state)]

    def _operator_state(
        self, key: str, record: dict[str, Any], state: dict[str, Any] | None
    ) -> list[Envelope]:
        # The key makes sure that it is said once, whatever is restarted.
        if state is None:
            return []
        return [self._bus.envelope("operator.override.state", state, id=key, time=record["time"])]

    def _pass_on(self, batch: Iterable[dict[str, Any]]) -> None:
        source = str(self.procedure.id)
        self._bus.send(
            self._bus.envelope(
                "procedure.output",
                {"pid": self.procedure.id, **{k: piece[k] for k in ("n", "stream", "text")}},
                msg_src=source,
                time=piece["time"],
            )
            for piece in batch
        )

    # -- the end -----------------------------------------------------------------------------------

    def _finished(self) -> None:
        if not self.done.is_set():
            self._on_final(self)
            self.done.set()

    async def gone(self) -> None:
        """Wait until the run has ended, and its supervisor's process too, unless that has to go on."""
        await self.done.wait()
        if self._handle is not None and not self.survivors:
            await self._handle.gone.wait()

    def _lost(self) -> None:
        if not self.done.is_set() and self._burial is None:
            self._burial = asyncio.ensure_future(self._bury())

    async def _bury(self) -> None:
        """The supervisor is gone: read what it recorded last; if that is no end, make one."""
        if self._handle is not None:
            try:
                await asyncio.wait_for(self._handle.gone.wait(), 2)
            except TimeoutError:
                self._handle.kill()
                await self._handle.gone.wait()
        while not self.done.is_set():
            records = await asyncio.to_thread(self.directory.records, self._seen, 1000)
            if not records:
                break
            self.take_in(records)
            while self._bus.unacknowledged > WINDOW and self._bus.connected:
                await asyncio.sleep(0.01)  # others have things to say, too
        if not self.done.is_set():
            mark, name = processes.mark_of(self.directory.path), supervisor_of(self.procedure.id)
            self._finish_lost(await leave_nobody(mark, name=name))

    def _finish_lost(self, survivors: list[Survivor]) -> None:
        if self._intent is not None and self._intent["why"] != "timeout":
            outcome = Outcome(
                reason=Reason.EVICTED if self._intent["why"] == "evict" else Reason.STOPPED,
                by=self._intent["by"],
                detail="its supervisor did not answer and was killed with it",
            )
            state = ProcedureState.STOPPED
        else:
            outcome = Outcome(
                reason=Reason.LOST, detail="its supervisor vanished; what was found of it was killed"
            )
            state = ProcedureState.FAILED
        if survivors:
            detail = f"{outcome.detail}; SIGKILL could not end {in_words(survivors)}"
            outcome = dataclasses.replace(outcome, detail=detail)
        abort = bool(self._intent and self._intent["abort"])
        self._finish(state, outcome, abort=abort, survivors=survivors)

    def _finish(
        self, state: ProcedureState, outcome: Outcome, *, abort: bool, survivors: Sequence[Survivor] = ()
    ) -> None:
        """Record an end that no supervisor can record."""
        end = {"state": state.value, "outcome": outcome.to_dict(), "abort": abort}
        self._record(kind="final", **end, survivors=list(survivors))

    def _record(self, **fields: Any) -> None:
        self.take_in([{"n": self._seen + 1, "time": time.time(), **fields}])
