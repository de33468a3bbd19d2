"""A query for messages."""

from __future__ import annotations

import dataclasses

from ..bus.envelope import Envelope
from ..bus.topic_names import matches


@dataclasses.dataclass(frozen=True, kw_only=True)
class Query:
    """A query for messages, in the order of the journal."""

    after: int = 0  #: only sequence numbers above this one
    limit: int = 500
    size: int | None = None  #: bytes of messages on a page; at least one message is read
    topics: tuple[str, ...] | None = None  #: topic prefixes
    about: tuple[int, ...] | None = None  #: procedure ids
    request_id: str | None = None
    since: float | None = None  #: only messages of this time or later, seconds since the epoch

    def matches(self, envelope: Envelope) -> bool:
        """Tell whether a message matches the query, apart from ``limit`` and ``size``."""
        return (
            (envelope.seq or 0) > self.after
            and (self.topics is None or matches(envelope.topic, self.topics))
            and (self.about is None or envelope.about in self.about)
            and (self.request_id is None or envelope.request_id == self.request_id)
            and (self.since is None or envelope.time >= self.since)
        )
