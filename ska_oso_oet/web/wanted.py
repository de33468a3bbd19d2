"""Which messages a listener wants."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

from ..bus.envelope import Envelope
from ..bus.topics import matches


class ActivityIds(NamedTuple):
    """An activity, its procedure, and the instance of its scheduling block."""

    activity: int
    procedure: int
    instance: str

    def concerned_by(self, envelope: Envelope) -> bool:
        """Tell whether a message is about one of them."""
        fields = envelope.payload
        if envelope.topic.startswith(("activity.", "request.activity.")):
            named = (fields.get(part) for part in ("result", "cmd"))
            ids = [part.get("id", part.get("aid")) for part in named if isinstance(part, dict)]
            return self.activity in (*ids, fields.get("aid"))
        return envelope.about == self.procedure or fields.get("sbi_id") == self.instance


@dataclasses.dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which messages a listener wants."""

    topics: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    procedure: int | None = None
    activity: ActivityIds | None = None
    subarrays: frozenset[int] | None = None  #: of messages that say which one they are from

    def __call__(self, envelope: Envelope) -> bool:
        """Tell whether this message is wanted."""
        if self.topics and not matches(envelope.topic, self.topics):
            return False
        if self.exclude and matches(envelope.topic, self.exclude):
            return False
        if self.activity is not None and not self.activity.concerned_by(envelope):
            return False
        if self.subarrays is not None and envelope.payload["subarray"] not in self.subarrays:
            return False
        return self.procedure is None or envelope.about == self.procedure
