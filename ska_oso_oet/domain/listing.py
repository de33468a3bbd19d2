"""Lists of procedures and activities: selection, and the summary of each entry."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

from .states import FINAL

Document = dict[str, Any]

_NEWEST = 50  #: default length of a list of all there ever were
_ENDED = frozenset(state.value for state in FINAL)  #: of activities as well


@dataclasses.dataclass(frozen=True, kw_only=True)
class Listing:
    """Which ones to list: those that are listed, or everything there ever was; and which of them."""

    all: bool = False
    limit: int | None = None  #: how many of the newest
    before: int | None = None  #: only ids below this one
    states: tuple[str, ...] | None = None
    script: str | None = None  #: only scripts whose URI contains this; see :func:`contains`
    since: float | None = None  #: created at or after this time, seconds since the epoch

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Listing:
        """Read the JSON form."""
        states = data.get("states")
        return cls(**{**data, "states": None if states is None else tuple(states)})

    @property
    def question(self) -> dict[str, Any]:
        """The query of the journal for all there ever were."""
        asked = {name: value for name, value in self.to_dict().items() if value is not None}
        del asked["all"]
        return {"limit": _NEWEST, **asked}

    def of(self, listed: list[Document]) -> list[Document]:
        """Those of the listed ones that are wanted.

        :param listed: documents, the oldest first
        """
        wanted = [document for document in listed if self._wants(document)]
        return wanted if self.limit is None else wanted[-self.limit :]

    def _wants(self, document: Document) -> bool:
        return (
            (self.before is None or document["id"] < self.before)
            and (self.states is None or document["state"] in self.states)
            and (self.since is None or document["created"] >= self.since)
            and (self.script is None or contains(_script_uri(document), self.script))
        )


def _script_uri(document: Document) -> str:
    script = document.get("script")
    return str((script or document).get("script_uri") or "")


def contains(uri: str, pattern: str) -> bool:
    """Tell whether a URI contains a pattern: `*` is any letters, `?` is one, case does not matter.

    Takes as long as the URI is, whatever the pattern; nothing is compiled, and nothing kept.
    """
    # Bit n of a set is the place behind n letters of the pattern.
    accepting: dict[str, int] = {}
    any_letter, staying, end = 0, 1, 1
    for letter in pattern.lower():
        if letter == "*":
            staying |= end
            continue
        if letter == "?":
            any_letter |= end
        else:
            accepting[letter] = accepting.get(letter, 0) | end
        end <<= 1
    reached = 1
    for letter in uri.lower():
        if reached & end:
            break
        reached = (reached & (accepting.get(letter, 0) | any_letter)) << 1 | (reached & staying)
    return reached & end > 0


def like(pattern: str) -> str:
    """The same pattern as SQL has it; its escape character is the backslash."""
    literal = re.sub(r"[\\%_]", r"\\\g<0>", pattern)
    return f"%{literal.replace('*', '%').replace('?', '_')}%"


def summary(states: list[tuple[str, float]], outcome: Document | None) -> Document:
    """When it was created, begun and ended, in seconds since the epoch, and who has stopped it.

    :param states: its states with their times, the oldest first
    """
    last, at = states[-1]
    return {
        "created": states[0][1],
        "started": next((begun for state, begun in states if state == "RUNNING"), None),
        "ended": at if last in _ENDED else None,
        "stopped_by": (outcome or {}).get("by"),
    }


def created(document: Document) -> float | None:
    """When a procedure or activity was created, by a document of whatever release."""
    states = document.get("activity_states") or document.get("history", {}).get("process_states")
    return float(states[0][1]) if states else None


def completed(document: Document, **missing: Any) -> Document:
    """A document of an earlier release, completed by its missing fields."""
    return document | {name: value for name, value in missing.items() if name not in document}
