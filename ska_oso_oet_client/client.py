"""``OETClient``: every operation of one OET as a method that returns typed objects."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

from .follow import Follower
from .limits import PATIENCE
from .operations.activities import ActivityOperations
from .operations.audit import AuditOperations
from .operations.checks import CheckOperations
from .operations.connection import Notify, log
from .operations.pace import PaceOperations
from .operations.procedures import ProcedureOperations
from .operations.reruns import RerunOperations
from .operations.server import ServerOperations
from .operations.streams import StreamOperations

# Questions and answers between the workers, some of them our own, and events that others repeat.
_UNHEARD = (
    "request.procedure.list",
    "procedure.pool",
    "request.procedure.output",
    "request.procedure.check_rerun",
    "procedure.pool.output",
    "request.activity.list",
    "activity.pool",
    "request.environment.list",
    "request.script",
    "environment.pool",
    "request.operator",
    "operator.pool",
    "request.worker",
    "worker.pong",
    "telescope.obs_state",
    "execution_block.command",
)


class OETClient(
    ProcedureOperations,
    PaceOperations,
    ActivityOperations,
    RerunOperations,
    StreamOperations,
    ServerOperations,
    AuditOperations,
    CheckOperations,
):
    """One OET, which is one subarray. Not for use by several threads at once.

    By default it uses the address in OET_URL, like the ``oet`` command. Requests
    carry ``token``, else that in OET_TOKEN, else one for the client in OET_CLIENT_ID and
    OET_CLIENT_SECRET, else the login of ``oet login``; a client's and a login's are renewed.
    All methods raise OETError when the server refuses, is away or is no OET.
    """

    def __enter__(self) -> OETClient:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def follower(
        self, notify: Notify = log.warning, clock: Callable[[], float] = time.monotonic
    ) -> Follower:
        """An open stream: everything created from now on can be followed without a gap."""
        stream = self.event_stream(exclude=_UNHEARD, patience=PATIENCE, notify=notify)
        return Follower(
            stream,
            procedure=lambda pid: self.patiently(partial(self.procedure, pid), notify),
            activity=lambda aid: self.patiently(partial(self.activity, aid), notify),
            output=lambda pid, last: self.all_output(pid, after=last, patient=True),
            clock=clock,
        )
