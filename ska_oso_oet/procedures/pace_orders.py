"""Pauses of running scripts, and answers to their questions, on request; each gets one reply."""

from __future__ import annotations

import asyncio
from typing import Any

from ..bus import topics
from ..bus.client import BusClient
from ..bus.deadline import Deadline
from ..bus.dispatcher import Handler
from ..bus.envelope import Envelope
from ..domain.errors import Conflict, Invalid, TimedOut
from ..domain.pool import Pool
from ..domain.states import ProcedureState
from .queries import ProcedureQueries
from .run import Run


class PaceOrders:
    """Passes the operator's word to the supervisor of a running script, which decides.

    :param runs: the live ones
    """

    def __init__(self, bus: BusClient, pool: Pool, runs: dict[int, Run], queries: ProcedureQueries) -> None:
        self._bus = bus
        self._pool = pool
        self._runs = runs
        self._queries = queries
        self.handlers: dict[str, Handler] = {topics.WANT_PAUSE: self._pause, topics.ANSWER: self._answer}

    async def _pause(self, request: Envelope) -> None:
        asked = request.payload
        order = {"op": "pause", **{name: asked.get(name) for name in ("wanted", "at", "note")}}
        run = await self._carry_out(request, order, "pause" if asked["wanted"] else "resume")
        self._reply(request, run.procedure.pace.pause)

    async def _answer(self, request: Envelope) -> None:
        order = {"op": "answer", **{name: request.payload.get(name) for name in ("answer", "n")}}
        run = await self._carry_out(request, order, "answer")
        self._reply(request, run.procedure.pace.question)

    async def _carry_out(self, request: Envelope, order: dict[str, Any], verb: str) -> Run:
        """Have the supervisor of a running script carry out an order, and wait for its record."""
        deadline, pid = Deadline(request), request.payload["pid"]
        run = await self._running(pid, verb)
        pending = run.orders.wait_for(request.request_id or "")
        about = {"request_id": request.request_id, "by": request.user, "expires": request.expires}
        run.orders.give({**order, **about})
        while pending.record is None:
            if run.procedure.final:
                raise Conflict.over(f"procedure {pid}", run.procedure.state)
            try:
                async with asyncio.timeout(deadline.left):
                    await run.changed.wait()
            except TimeoutError:
                raise TimedOut(
                    f"procedure {pid} took no notice in time, and will not later; try again"
                ) from None
        if pending.record["what"] == "refused":
            refusal = Invalid if pending.record.get("unsuited") else Conflict
            raise refusal(f"Cannot {verb} procedure {pid}: {pending.record['why']}")
        return run

    async def _running(self, pid: int, verb: str) -> Run:
        if (state := await self._queries.state_if_unlisted(pid)) is not None:
            raise Conflict(f"Cannot {verb} procedure {pid}: it is {state}, not RUNNING")
        procedure = self._pool.get(pid)
        if procedure.state is not ProcedureState.RUNNING:
            raise Conflict(f"Cannot {verb} procedure {pid}: it is {procedure.state}, not RUNNING")
        return self._runs[pid]

    def _reply(self, request: Envelope, result: dict[str, Any] | None) -> None:
        answer = self._bus.envelope(
            topics.PACE_ANSWERED, {"result": result or {}}, request_id=request.request_id
        )
        self._bus.send([answer])
