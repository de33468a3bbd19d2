"""How a running script gets on: its pause, its question to the operator, progress, checkpoints, estimate."""

from __future__ import annotations

import dataclasses
from typing import Any

from .happening import Happening
from .pace_events import PauseChanged, QuestionChanged

Document = dict[str, Any]

#: The pause of a script that nobody wants to pause.
NO_PAUSE: Document = {
    "state": "none",  # none, requested, paused, missed
    "at": None,  # regular expression that the name of the checkpoint matches; none means any
    "checkpoint": None,  # its name, once the script stands at it
    "n": None,
    "of": None,
    "since": None,  # seconds since the epoch: when it came to this state
    "by": None,
    "note": None,
}


_REPORTED = ("progress", "checkpoints", "estimate", "dry_run")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Pace:
    """What a script tells about itself while it runs, and what the operator wants of its pace.

    ``progress`` has ``done``, ``of``, ``unit``, ``text`` and ``time``; each of ``checkpoints`` has ``name``,
    ``n``, ``of``, ``time`` (of the last pass) and ``passes``; ``estimate`` has ``seconds``, ``low``,
    ``high``, ``source`` (script, block, history) and ``runs``.
    """

    pause: Document = dataclasses.field(default_factory=lambda: NO_PAUSE)
    question: Document | None = None
    progress: Document | None = None
    checkpoints: tuple[Document, ...] = ()
    estimate: Document | None = None
    dry_run: Document | None = None  #: ``seconds`` and ``commands``, of a dry run

    def after(self, event: Happening) -> Pace:
        """The pace after an event."""
        if isinstance(event, PauseChanged):
            return dataclasses.replace(self, pause=event.pause)
        if isinstance(event, QuestionChanged):
            return dataclasses.replace(self, question=event.question)
        return self

    def with_report(self, report: Document) -> Pace:
        """The pace after a report of the script's process; what it does not mention stays."""
        known = {name: report[name] for name in _REPORTED if name in report}
        if "checkpoints" in known:
            known["checkpoints"] = tuple(known["checkpoints"])
        return dataclasses.replace(self, **known)

    def at_end(self) -> Pace:
        """The pace of a run that has ended: nothing pauses or asks any more; a missed pause stays told."""
        missed = self.pause["state"] == "missed"
        answered = self.question is not None and self.question["state"] != "asked"
        return dataclasses.replace(
            self,
            pause=self.pause if missed else NO_PAUSE,
            question=self.question if answered else None,
        )

    def to_dict(self) -> Document:
        """Return the JSON form, part of the document of a procedure."""
        return {**vars(self), "checkpoints": list(self.checkpoints)}

    @classmethod
    def from_dict(cls, data: Document) -> Pace:
        """Read it from the document of a procedure, of whatever release."""
        known = {field.name: data[field.name] for field in dataclasses.fields(cls) if data.get(field.name)}
        if "checkpoints" in known:
            known["checkpoints"] = tuple(known["checkpoints"])
        return cls(**known)
