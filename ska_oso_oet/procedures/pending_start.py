"""One start of a procedure, from its order until its supervisor has recorded what became of it."""

from __future__ import annotations

from .records import Record


class PendingStart:
    """What the records of a supervisor say about one start.

    :param request_id: its request; none for an abort of the OET's own
    """

    def __init__(self, request_id: str | None) -> None:
        self._request_id = request_id
        self.begun = False  #: whether ``main`` is called for this one
        self.unsuited: str | None = None  #: why ``main`` cannot take its arguments

    def note(self, record: Record) -> None:
        """Take note of a record, which may be about another start of an earlier life of SESWorker."""
        if record.get("request_id") == self._request_id:
            match record["kind"]:
                case "started":
                    self.begun = True
                case "unsuited":
                    self.unsuited = record["why"]
