"""Starts of procedures on request: one at a time, and each gets one reply."""

from __future__ import annotations

import asyncio

from ..bus.deadline import Deadline
from ..bus.envelope import Envelope
from ..domain.commands import StartProcedure
from ..domain.errors import Conflict, Invalid, TimedOut
from ..domain.pool import Pool
from ..domain.scripts import Arguments
from ..domain.states import ProcedureState
from .drain import Drain
from .operator import OperatorSwitch
from .pending_order import PendingStart
from .preparer import Preparer
from .queries import ProcedureQueries
from .run import Run
from .spec import main_of


class Starts:
    """Starts procedures that are READY.

    :param runs: the live ones
    """

    def __init__(
        self,
        pool: Pool,
        runs: dict[int, Run],
        preparer: Preparer,
        drain: Drain,
        operator: OperatorSwitch,
        queries: ProcedureQueries,
    ) -> None:
        self._pool = pool
        self._runs = runs
        self._preparer = preparer
        self._drain = drain
        self._operator = operator
        self._queries = queries

    async def start(self, request: Envelope) -> None:
        """Start a procedure; the reply is the event of the start itself, which carries this request's id.

        :raises Refusal: if it is not READY, is being started, or may not be started now
        """
        deadline = Deadline(request)
        command = StartProcedure.from_dict(request.payload["cmd"])
        self._preparer.require_open()
        if (state := await self._queries.state_if_unlisted(command.pid)) is not None:
            raise Conflict.not_ready(command.pid, state, coming=False)
        self._drain.require_none()
        self._pool.subarray.reserve(command.pid)
        run = self._runs[command.pid]
        try:
            await self._have_it_begin(run, command, request, deadline)
        finally:
            # Beside a procedure that has begun nothing may run; one that has ended has given it back.
            if run.procedure.state is ProcedureState.READY:
                self._pool.subarray.release(command.pid)

    async def _have_it_begin(
        self, run: Run, command: StartProcedure, request: Envelope, deadline: Deadline
    ) -> None:
        main = main_of(run.directory, run.procedure.main).overridden_by(command.main)
        # An activity that is refused would not tell its procedure's failure.
        strict = run.procedure.activity_id is None or command.main != Arguments()
        start = run.orders.start(main, request.request_id, request.user, self._operator.context(), strict)
        while run.procedure.state is ProcedureState.READY:
            if start.unsuited is not None:
                raise Invalid(f"Cannot start procedure {command.pid} with these arguments: {start.unsuited}")
            if start.withdrawn:
                raise TimedOut(
                    f"Cannot start procedure {command.pid}: its process took no notice in time, and will not "
                    f"begin later; to start it again: oet procedure start --pid={command.pid}"
                )
            await _news(run, start, deadline)
        if not any(state is ProcedureState.RUNNING for state, _ in run.procedure.process_states):
            raise Conflict(
                f"Cannot start procedure {command.pid}: it ended before it could be started; to see why: "
                f"oet procedure describe --pid={command.pid}"
            )
        if not start.begun:  # by a request of an earlier life of this service
            raise Conflict.being_started(command.pid)


async def _news(run: Run, start: PendingStart, deadline: Deadline) -> None:
    """Wait for news of a start; it is withdrawn at its deadline, and then there are news of that."""
    try:
        async with asyncio.timeout(None if start.withdrawing else deadline.left):
            await run.changed.wait()
    except TimeoutError:
        start.withdraw()
