"""Orders to a supervisor that wait for its record of what became of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .records import Record


class PendingOrder:
    """An order, and the last record about it."""

    def __init__(self) -> None:
        self.record: Record | None = None

    def note(self, record: Record) -> None:
        """Take note of a record about it."""
        self.record = record


class PendingStart(PendingOrder):
    """One start of a procedure, from its order until it is recorded what became of it.

    :param request_id: its request; none for an abort of the OET's own
    :param order: gives orders to the supervisor
    """

    def __init__(self, request_id: str | None, order: Callable[[dict[str, Any]], None]) -> None:
        super().__init__()
        self._request_id = request_id
        self._order = order
        self.withdrawing = False  #: whether it was to be withdrawn; it may have begun all the same
        self.withdrawn = False  #: whether ``main`` will not be called for this one
        self.begun = False  #: whether ``main`` is called for this one
        self.unsuited: str | None = None  #: why ``main`` cannot take its arguments

    def withdraw(self) -> None:
        """Have ``main`` not called for it, unless it is already."""
        self.withdrawing = True
        self._order({"op": "withdraw", "request_id": self._request_id})

    def note(self, record: Record) -> None:
        """Take note of a record about it."""
        super().note(record)
        match record["kind"]:
            case "started":
                self.begun = True
            case "unsuited":
                self.unsuited = record["why"]
            case "withdrawn":
                self.withdrawn = True
