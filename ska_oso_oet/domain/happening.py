"""The base of all events."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar


@dataclasses.dataclass(frozen=True, kw_only=True)
class Happening:
    """Something that happened at a time; a topic of the event bus."""

    TOPIC: ClassVar[str]
    time: float

    def payload(self) -> dict[str, Any]:
        """Return the message's fields."""
        names = (field.name for field in dataclasses.fields(self) if field.name != "time")
        return {name: getattr(self, name) for name in names}
