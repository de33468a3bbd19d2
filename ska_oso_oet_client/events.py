"""Events of the OET's bus, and pieces of the output of scripts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .model import Document


@dataclass(frozen=True, kw_only=True)
class Event:
    """A message of the event bus. ``id`` is None for those the server does not keep."""

    topic: str
    fields: Mapping[str, Any]
    id: str | None = None

    @property
    def source(self) -> str:
        """Who published it: a worker's name, or a procedure id."""
        return str(self.fields.get("msg_src", ""))

    @classmethod
    def from_message(cls, name: str, data: Document, id: str | None) -> Event:
        fields = {key: value for key, value in data.items() if key != "topic"}
        return cls(topic=data.get("topic", name), fields=fields, id=id)

    def to_json(self) -> dict[str, Any]:
        identity = {} if self.id is None else {"id": self.id}
        return {**identity, "topic": self.topic, **self.fields}


@dataclass(frozen=True, kw_only=True)
class OutputChunk:
    """A piece (not a line) of a script's output. ``n`` counts from 1, without holes.

    ``stream`` is ``stdout``, ``stderr`` or ``oet``; the last marks output that the server left out.
    """

    n: int
    time: float | None = None
    stream: str
    text: str


@dataclass(frozen=True, kw_only=True)
class OutputPage:
    """Some consecutive output; ask with ``after=next`` for what follows."""

    chunks: tuple[OutputChunk, ...]
    next: int
    final: bool
