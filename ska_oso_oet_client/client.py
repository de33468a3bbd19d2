"""``OETClient``: every operation of one OET as a method that returns typed objects."""

from __future__ import annotations

from .follow import Follower
from .model import ServerStatus
from .operations.activities import ActivityOperations
from .operations.audit import AuditOperations
from .operations.connection import Notify, log
from .operations.drain import DrainOperations
from .operations.environments import EnvironmentOperations
from .operations.events import EventOperations
from .operations.finding import FindingOperations
from .operations.output import OutputOperations
from .operations.procedures import ProcedureOperations
from .operations.qa import QaOperations
from .patience import PATIENCE

# Questions and answers between the workers, some of them our own, and what sentences tell better.
_UNHEARD = (
    "request.procedure.list",
    "procedure.pool",
    "request.procedure.output",
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
)


class OETClient(
    ProcedureOperations,
    ActivityOperations,
    OutputOperations,
    EventOperations,
    EnvironmentOperations,
    FindingOperations,
    QaOperations,
    DrainOperations,
    AuditOperations,
):
    """One OET, which is one subarray. Not for use by several threads at once.

    Without arguments it talks to the address in OET_URL, as the ``oet`` command does. Requests
    carry ``token``, else that in OET_TOKEN, else one for the client in OET_CLIENT_ID and
    OET_CLIENT_SECRET, else the login of ``oet login``; a client's and a login's are renewed.
    All methods raise OETError when the server refuses, is away or is no OET.
    """

    def __enter__(self) -> OETClient:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def status(self) -> ServerStatus:
        return self._decode(ServerStatus.from_json, self._transport.get("/status"))

    def follower(self, notify: Notify = log.warning) -> Follower:
        """An open ear: what is created or started from now on can be followed without a gap."""
        stream = self.event_stream(exclude=_UNHEARD, patience=PATIENCE, notify=notify)
        return Follower(self, stream, notify)
