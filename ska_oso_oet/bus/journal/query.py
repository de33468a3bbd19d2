"""Which messages to read."""

from __future__ import annotations

import dataclasses

from ..envelope import Envelope
from ..topics import matches


@dataclasses.dataclass(frozen=True, kw_only=True)
class Query:
    """Which messages to read, in the order of the journal."""

    after: int = 0  #: only sequence numbers above this one
    limit: int = 500
    size: int | None = None  #: bytes of messages with which a page ends before that; at least one is read
    topics: tuple[str, ...] | None = None  #: topic prefixes
    about: tuple[int, ...] | None = None  #: procedure ids
    request_id: str | None = None
    since: float | None = None  #: only what happened at or after this time

    def wants(self, envelope: Envelope) -> bool:
        """Tell whether a message is asked for, apart from ``limit`` and ``size``."""
        return (
            (envelope.seq or 0) > self.after
            and (self.topics is None or matches(envelope.topic, self.topics))
            and (self.about is None or envelope.about in self.about)
            and (self.request_id is None or envelope.request_id == self.request_id)
            and (self.since is None or envelope.time >= self.since)
        )
