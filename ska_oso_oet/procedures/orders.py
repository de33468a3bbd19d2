"""Orders to the supervisor of one run, and which of them wait for its record."""

from __future__ import annotations

from typing import Any

from ..domain.scripts import Arguments
from .pending_order import PendingOrder, PendingStart
from .phase_trace import PhaseTrace
from .records import Record
from .supervisor_link import SupervisorLink


class Orders:
    """Gives orders; those given before there is a supervisor are dropped."""

    def __init__(self, trace: PhaseTrace) -> None:
        self.link: SupervisorLink | None = None
        self._trace = trace
        self._waiting: dict[str | None, PendingOrder] = {}  #: by the ids of their requests

    def give(self, order: dict[str, Any]) -> None:
        """Give an order."""
        if self.link is not None:
            self.link.order(order)

    def note(self, record: Record) -> None:
        """Take note of a record, in case an order waits for it."""
        if (pending := self._waiting.get(record.get("request_id"))) is not None:
            pending.note(record)

    def start(
        self,
        main: Arguments,
        request_id: str | None,
        user: str | None,
        context: dict[str, Any] | None = None,
        strict: bool = False,
    ) -> PendingStart:
        """Have ``main`` called; to be asked again once what was ordered last has begun or is unsuited.

        :param context: the argument of that name for ``main``, if it has one
        :param strict: do not call it with arguments that it cannot take, but tell why
        """
        self._trace.started()
        start = PendingStart(request_id, self.give)
        self._waiting[request_id] = start
        order = {"op": "start", "main": main.to_dict(), "request_id": request_id, "user": user}
        self.give({**order, "context": context or {}, "strict": strict})
        return start

    def wait_for(self, request_id: str) -> PendingOrder:
        """Take note of the records of the order of one request, which is to be given next."""
        return self._waiting.setdefault(request_id, PendingOrder())

    def tell(self, topic: str, payload: dict[str, Any], n: int) -> None:
        """Have the script hear a message.

        :param n: its number; a script hears no number twice, and none below the last one
        """
        self.give({"op": "message", "topic": topic, "payload": payload, "n": n})
