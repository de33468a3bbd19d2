"""The life of one run, as SESWorker sees it: orders to its supervisor, and records from it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

from ..bus.client import BusClient
from ..domain import events
from ..domain.procedure import Procedure
from ..runs.directory import RunDirectory
from ..runs.protocol import WINDOW
from ..runs.survivors import Survivor
from ..settings import Settings
from ..telemetry.logs import tagged
from . import records
from .orders import Orders
from .phase_trace import PhaseTrace
from .records import Observe, Record, Records
from .remains import Remains
from .supervisor_link import SupervisorLink

LOG = logging.getLogger(__name__)

_JOURNAL_TIMEOUT = 2.0  #: seconds a run waits for the journal before it begins all the same
_SLACK = 4.0  #: seconds beyond the grace period that a supervisor may take to carry out a stop
_LAST_PATIENCE = 1.0  #: seconds after SIGKILL beyond which what a lost supervisor leaves counts as survivors
_EXIT_TIMEOUT = 2.0  #: seconds between the end of a supervisor's connection and of its process
_PAGE = 1000  #: records read at once


class Run:
    """A live procedure and its supervisor. Ends once, with ``done`` set and ``on_final`` called.

    :param seen: the number of the last record that is in the journal already
    :param observe: see :data:`.records.Observe`
    """

    def __init__(
        self,
        procedure: Procedure,
        directory: RunDirectory,
        bus: BusClient,
        on_final: Callable[[Run], None],
        seen: int = 0,
        observe: Observe | None = None,
    ) -> None:
        self.procedure = procedure
        self.directory = directory
        self.done = asyncio.Event()
        self.changed = asyncio.Event()  #: set and replaced at each change of state
        self.survivors: list[Survivor] = []  #: processes that could not be ended
        self.abort_wanted = False
        self.aborting = False  #: whether its script is the one that aborts the subarray
        self._bus = bus
        self._on_final = on_final
        self._seen = seen
        self._records = Records(procedure, bus, observe)
        self._first: list[asyncio.Future[None]] = []
        self._trace = PhaseTrace(procedure)
        self.orders = Orders(self._trace)
        self._remains = Remains(directory, procedure.id, lambda: self._record({"kind": "gone"}))
        self._link: SupervisorLink | None = None
        self._stop_order: dict[str, Any] | None = None
        self._ending: asyncio.Task[None] | None = None

    def publish_first(self, *happened: events.Event, **about: str | None) -> None:
        """Publish the events before there is a supervisor."""
        self._first = self._bus.send(self._records.first(happened, about))

    async def recorded(self) -> None:
        """Wait until the journal has the run, as another could not be taken over; but not for ever."""
        # An abort must begin though the journal cannot be written.
        if self._first:
            await asyncio.wait(self._first, timeout=_JOURNAL_TIMEOUT)

    # -- orders ------------------------------------------------------------------------------------

    def begin(self, link: SupervisorLink, spec: dict[str, Any]) -> None:
        """Give the spec to a fresh supervisor."""
        self._attach(link)
        link.order({"op": "spec", "run_dir": self.directory.path, **spec})

    def give_up(self, why: str) -> None:
        """End it before it begins: no supervisor can be had."""
        self._record(records.cannot_launch(why))

    async def take_over(self) -> None:
        """Go on with the supervisor an earlier SESWorker left behind, or record how it ended."""
        link = SupervisorLink()
        try:
            await link.take_over(self.directory, self._seen)
        except ConnectionError:
            await self._end_without_supervisor()
        else:
            self._attach(link)
            await link.followed()

    def stop(
        self,
        why: str,
        by: str | None,
        settings: Settings,
        abort: bool = False,
        force: bool = False,
    ) -> None:
        """End it in any state; may be called again.

        :param force: do not wait for the end of a section that is not to be interrupted
        :param abort: recorded with the end, so that a crash of this process does not forget it
        """
        order = {"op": "stop", "why": why, "by": by, "abort": abort, "force": force}
        if self._link is None:  # nothing of it exists yet
            for stage in ("intent", "verified"):
                self._record({"kind": "stage", "stage": stage})
            self._record(records.never_launched(order))
            return
        if self._stop_order is None:
            self._stop_order = order
            loop = asyncio.get_running_loop()
            loop.call_later(settings.stop_grace + _SLACK, self._kill_unless_told)
            loop.call_later(settings.stop_limit + _SLACK, self._kill_overdue)
        self.orders.give(order)

    def _attach(self, link: SupervisorLink) -> None:
        self._link = self.orders.link = link
        link.on_records = self.take_in
        link.on_output = lambda batch: self._bus.send(self._records.output(batch))
        link.on_pace = self._take_in_pace
        link.on_lost = self._lost
        if not link.connected:
            self._lost()

    def _kill_unless_told(self) -> None:
        """Kill a supervisor that has not even recorded that it is to stop."""
        if not self.procedure.stages:
            self._kill_overdue()

    def _kill_overdue(self) -> None:
        if self._link is not None and not self.done.is_set():
            LOG.error("The supervisor of procedure %s does not stop it; killing it", self.procedure.id)
            self._link.kill()

    # -- records -----------------------------------------------------------------------------------

    def take_in(self, batch: list[Record]) -> None:
        """Publish records that are new, and have them acknowledged once they are in the journal."""
        with tagged(procedure_id=self.procedure.id, request_id=None):
            self._take_in(batch)

    def _take_in(self, batch: list[Record]) -> None:
        envelopes, final = [], None
        for record in batch:
            if record["n"] <= self._seen:
                continue
            self._seen = record["n"]
            envelopes += self._records.messages(record)
            self._trace.note()
            self.orders.note(record)
            if record["kind"] == "final":
                final = record
            elif record["kind"] == "gone":
                self.survivors = []
        self.changed.set()
        self.changed = asyncio.Event()
        stored = self._bus.send(envelopes)
        if final is not None:
            self.survivors = final.get("survivors") or []
            self.abort_wanted = final.get("abort", False)
            self._finished()
        # Records that the journal lacks are sent again after a crash. At the end nothing is waited for:
        # the supervisor ends once it is acknowledged, and the run directory has the records for good.
        if stored and not self.procedure.final:
            stored[-1].add_done_callback(lambda _: self._acknowledge())
        else:
            self._acknowledge()

    def _take_in_pace(self, report: dict[str, Any]) -> None:
        self._bus.send(self._records.pace(report))

    def _acknowledge(self) -> None:
        self.orders.give({"op": "ack", "n": self._seen})

    def _record(self, record: Record) -> None:
        """Take in a record that no supervisor can make."""
        self.take_in([{"n": self._seen + 1, "time": time.time(), **record}])

    # -- the end -----------------------------------------------------------------------------------

    def _finished(self) -> None:
        if not self.done.is_set():
            self._on_final(self)
            self.done.set()

    async def gone(self) -> None:
        """Wait until the run has ended, and its supervisor's process too, unless it watches survivors."""
        await self.done.wait()
        if self._link is not None and not self.survivors:
            await self._link.gone.wait()

    def _lost(self) -> None:
        if self._ending is None and (self.survivors or not self.done.is_set()):
            self._ending = asyncio.ensure_future(self._end_without_supervisor())

    async def _end_without_supervisor(self) -> None:
        """Read the last records of the supervisor; if there is no end among them, make one."""
        if self._link is not None:
            # Its connection ends before its process does, which might write another record.
            try:
                await asyncio.wait_for(self._link.gone.wait(), _EXIT_TIMEOUT)
            except TimeoutError:
                self._link.kill()
                await self._link.gone.wait()
        await self._read_records()
        if not self.done.is_set():
            survivors = await self._remains.end(_LAST_PATIENCE)
            await self._read_records()  # of a file that they kept closed by a lease
            if not self.done.is_set():
                self._record(records.lost(self._stop_order, survivors))
        if self.survivors:
            self.watch(self.survivors)

    def watch(self, survivors: list[Survivor]) -> None:
        """Tell when the survivors of an ended run are gone, without a supervisor that does."""
        self.survivors = survivors
        self._remains.watch(survivors)

    async def _read_records(self) -> None:
        while not self.done.is_set():
            batch = await asyncio.to_thread(self.directory.records, self._seen, _PAGE)
            if not batch:
                break
            self.take_in(batch)
            while self._bus.unacknowledged > WINDOW and self._bus.connected:
                await asyncio.sleep(0.01)  # the other runs share this connection
