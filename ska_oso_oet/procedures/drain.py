"""Draining: running procedures continue, and no work begins until the subarray is resumed.

From the moment a drain is answered no script is loaded, and no ``main`` called, that was not before; but for
abort scripts. A drain is for one life of the server: a memo, which the arbiter empties at its start, carries
it over the restarts of workers.
"""

from __future__ import annotations

import dataclasses
import logging
import time
from typing import Any

from ..bus import topics
from ..bus.client import BusClient
from ..bus.dispatcher import Handler
from ..bus.envelope import Envelope
from ..domain.errors import Drained
from ..domain.pool import Pool
from ..domain.states import ProcedureState
from ..files.fixed_file import FixedFile
from ..settings import Settings
from .run import Run

LOG = logging.getLogger(__name__)

_LONGEST = 200  #: characters of a reason


@dataclasses.dataclass(frozen=True)
class _Order:
    since: float  #: seconds since the epoch
    by: str | None
    reason: str | None


class Drain:
    """Whether this service takes new work.

    :param runs: the live procedures
    """

    def __init__(self, bus: BusClient, settings: Settings, pool: Pool, runs: dict[int, Run]) -> None:
        self._bus = bus
        self._pool = pool
        self._runs = runs
        self._file = FixedFile(settings.drained)
        self._order: _Order | None = None
        self.handlers: dict[str, Handler] = {
            topics.DRAIN_BEGIN: self._begin,
            topics.DRAIN_END: self._end,
            topics.SHOW_DRAIN: self._tell,
        }

    @property
    def ordered(self) -> bool:
        """Whether new work is refused."""
        return self._order is not None

    def require_none(self) -> None:
        """Make sure that new work is taken.

        :raises Drained: if it is not
        """
        if self._order is not None:
            why = f": {self._order.reason}" if self._order.reason else ""
            raise Drained(f"this OET is drained and takes no new work{why}; `oet resume` ends that")

    def restore(self) -> None:
        """Take up the state from before this worker was restarted."""
        try:
            found = self._file.read()
            self._order = found and _Order(**found)
        except (OSError, ValueError, TypeError) as error:
            LOG.error("Drained, because the last order cannot be read: %s", error)
            self._order = _Order(time.time(), None, None)

    # -- requests ----------------------------------------------------------------------------------

    async def _begin(self, request: Envelope) -> None:
        if self._order is None:  # else the first one holds, with its reason
            reason = _plain(request.payload.get("reason") or "")
            self._order = _Order(request.time, request.user, reason or None)
            LOG.warning("Drained: no new work is taken")
        self._answer(request)

    async def _end(self, request: Envelope) -> None:
        if self._order is not None:
            self._order = None
            LOG.warning("Resumed: new work is taken again")
        self._answer(request)

    def _answer(self, request: Envelope) -> None:
        try:
            self._file.write(self._order and dataclasses.asdict(self._order))
        except OSError as error:
            LOG.error(
                "Cannot store whether new work is taken; a crash of this worker would change it: %s", error
            )
        about = {"request_id": request.request_id, "user": request.user}
        self._bus.send([self._bus.envelope(topics.DRAIN_STATE, self._state(), **about)])

    async def _tell(self, request: Envelope) -> None:
        result = {**self._state(), "working": self._working()}
        answer = {"result": result}
        self._bus.send([self._bus.envelope(topics.DRAIN_ANSWER, answer, request_id=request.request_id)])

    # -- the state ---------------------------------------------------------------------------------

    def _state(self) -> dict[str, Any]:
        known = self._order or _Order(0.0, None, None)
        return {
            "drained": self.ordered,
            "since": known.since or None,
            "by": known.by,
            "reason": known.reason,
        }

    def _working(self) -> list[dict[str, Any]]:
        """The procedures that something is being done for: all that live and do not wait to be started."""
        busy = {pid for pid, run in self._runs.items() if run.procedure.state is not ProcedureState.READY}
        # Also one that is about to be started, or whose abort is about to begin.
        busy |= {self._pool.subarray.holder} if self._pool.subarray.holder is not None else set()
        found = [self._pool.find(pid) for pid in sorted(busy)]
        return [{"id": one.id, "state": one.state.value} for one in found if one is not None]


def _plain(text: str) -> str:
    """A reason as logs, terminals and databases take it."""
    text = text.encode("utf-8", "replace").decode()
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:_LONGEST]
