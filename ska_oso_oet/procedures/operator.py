"""Whether scripts wait for QA before they scan: the operator's switch, and the override of one wait.

The switch survives any restart. An override is for the script that is running: it is
*requested*, then *delivered* (the script's process has heard it), then *acknowledged* (the script has let a
scan through because of it). Both are kept in the journal, as ``operator.override.state``.
"""

from __future__ import annotations

from typing import Any

from ..bus import topics
from ..bus.client import BusClient
from ..bus.dispatcher import Handler
from ..bus.envelope import Envelope
from ..domain.errors import Conflict
from ..domain.pool import Pool
from ..domain.states import ProcedureState
from ..settings import Settings
from .run import Run

#: The message of a script that has begun a scan because the operator has overridden the wait for QA.
_ACKNOWLEDGED = "user.wait_for_qa_ready.acknowledged"


class OperatorSwitch:
    """The operator's decisions about QA, and which of them running scripts have received.

    :param runs: the live procedures
    """

    def __init__(self, bus: BusClient, settings: Settings, pool: Pool, runs: dict[int, Run]) -> None:
        self._bus = bus
        self._pool = pool
        self._runs = runs
        self._wait = settings.wait_for_qa_ready
        self._override: dict[str, Any] | None = None
        self._n = 0  #: number of the operator's last word
        self._set_by: str | None = None
        self._set_at: float | None = None
        self.handlers: dict[str, Handler] = {
            topics.QA_ENABLE: self._enable,
            topics.QA_DISABLE: self._disable,
            topics.QA_OVERRIDE: self._request_override,
            topics.SHOW_QA: self._tell,
        }

    def context(self) -> dict[str, Any]:
        """The context that a script is started with."""
        return {"wait_for_qa_ready": self._wait}

    # -- after a restart ---------------------------------------------------------------------------

    async def restore(self) -> None:
        """Restore the decisions of an earlier life.

        :raises ConnectionError: if the journal cannot be read
        """
        for state in await self._bus.lookup.documents(kind="operator"):
            self._wait, self._override, self._n = state["wait_for_qa_ready"], state["override"], state["n"]
            self._set_by, self._set_at = state.get("set_by"), state.get("set_at")

    def catch_up(self, run: Run) -> None:
        """Repeat to a run that was taken over the decisions it may have missed; it ignores the others."""
        override = self._override
        if override and override["procedure_id"] == run.procedure.id:
            self._pass_on(run, "override", override["n"])
        self._pass_on(run, "enable" if self._wait else "disable", self._n)

    # -- the operator's word -----------------------------------------------------------------------

    async def _enable(self, request: Envelope) -> None:
        self._set(request, True)

    async def _disable(self, request: Envelope) -> None:
        self._set(request, False)

    def _set(self, request: Envelope, wait: bool) -> None:
        self._wait = wait
        self._n = request.seq or 0
        self._set_by, self._set_at = request.user, request.time
        self._publish(request_id=request.request_id, user=request.user)
        for run in self._runs.values():
            self._pass_on(run, "enable" if wait else "disable", self._n)

    async def _request_override(self, request: Envelope) -> None:
        run = self._runs.get(self._pool.subarray.holder or 0)  # a dry run waits for no QA
        if run is None or run.procedure.state is not ProcedureState.RUNNING:
            raise Conflict(
                "There is no wait for QA to override: no procedure is RUNNING; to have none wait: "
                "oet wait_for_qa_ready disable"
            )
        self._override = {
            "state": "requested",
            "procedure_id": run.procedure.id,
            "time": request.time,
            "by": request.user,
            "n": request.seq or 0,
        }
        self._publish(request_id=request.request_id, user=request.user)
        self._pass_on(run, "override", request.seq or 0)

    def _pass_on(self, run: Run, word: str, n: int) -> None:
        run.orders.tell(f"{topics.QA_SWITCH}.{word}", {"msg_src": "FlaskWorker"}, n)

    async def _tell(self, request: Envelope) -> None:
        answer = self._bus.envelope(
            topics.QA_ANSWER, {"result": self._state()}, request_id=request.request_id
        )
        self._bus.send([answer])

    # -- receipts of scripts -----------------------------------------------------------------------

    def observe(self, pid: int, record: dict[str, Any]) -> dict[str, Any] | None:
        """Take note of a message that a script has heard or sent; returns the new state, if it changes."""
        at = record["time"]
        if record["kind"] == "heard":
            return self._advance(pid, "requested", "delivered", at, record["message"])
        if record["topic"] == _ACKNOWLEDGED:
            # It must have heard the override, whether or not that is recorded yet.
            self._advance(pid, "requested", "delivered", at)
            return self._advance(pid, "delivered", "acknowledged", at)
        return None

    def _advance(
        self, pid: int, old: str, new: str, at: float, n: int | None = None
    ) -> dict[str, Any] | None:
        override = self._override
        mine = override is not None and override["procedure_id"] == pid and n in (None, override["n"])
        if override is None or not mine or override["state"] != old:
            return None
        self._override = {**override, "state": new, "time": at}
        return self._state()

    def ended(self, pid: int) -> None:
        """A procedure has ended; decisions for it are void."""
        if self._override is not None and self._override["procedure_id"] == pid:
            self._override = None
            self._publish()

    # -- the state ---------------------------------------------------------------------------------

    def _state(self) -> dict[str, Any]:
        about = {"set_by": self._set_by, "set_at": self._set_at}
        return {"wait_for_qa_ready": self._wait, "override": self._override, "n": self._n, **about}

    def _publish(self, **about: str | None) -> None:
        self._bus.send([self._bus.envelope(topics.QA_STATE, self._state(), **about)])
