"""The filters of a listener."""

from __future__ import annotations

import dataclasses
import functools
from typing import NamedTuple

from ...bus.envelope import Envelope
from ...bus.topic_names import matches


class ActivityIds(NamedTuple):
    """An activity, its procedure, and the instance of its scheduling block."""

    activity: int
    procedure: int
    instance: str

    def concerned_by(self, envelope: Envelope) -> bool:
        """Tell whether a message is about one of these ids."""
        fields = envelope.payload
        if envelope.topic.startswith(("activity.", "request.activity.")):
            named = (fields.get(part) for part in ("result", "cmd"))
            ids = [part.get("id", part.get("aid")) for part in named if isinstance(part, dict)]
            return self.activity in (*ids, fields.get("aid"))
        return envelope.about == self.procedure or fields.get("sbi_id") == self.instance


@dataclasses.dataclass(frozen=True, kw_only=True)
class Wanted:
    """The filters of a listener."""

    topics: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    procedure: int | None = None
    activity: ActivityIds | None = None
    subarrays: frozenset[int] | None = None  #: subarrays of messages of the central history

    def __call__(self, envelope: Envelope) -> bool:
        """Tell whether a message passes the filters."""
        if self.topics and not matches(envelope.topic, self._topics):
            return False
        if matches(envelope.topic, self._exclude):
            return False
        if self.activity is not None and not self.activity.concerned_by(envelope):
            return False
        if self.subarrays is not None and envelope.payload["subarray"] not in self.subarrays:
            return False
        return self.procedure is None or envelope.about == self.procedure

    @functools.cached_property
    def _topics(self) -> frozenset[str]:
        return frozenset(self.topics)

    @functools.cached_property
    def _exclude(self) -> frozenset[str]:
        return frozenset(self.exclude)
