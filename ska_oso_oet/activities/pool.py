"""The activities that ActivityWorker has in memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..domain.activity import Activity

_EARLY = 100  #: documents of procedures that are kept for an activity which is not known yet


class ActivityPool:
    """All live activities, and the newest of those that have ended.

    :param history: the number of activities that are kept
    """

    def __init__(self, history: int) -> None:
        self._history = history
        self._activities: dict[int, Activity] = {}
        self._last_id = 0
        self._early: dict[int, dict[str, Any]] = {}  #: by procedure

    def __iter__(self) -> Iterator[Activity]:
        return iter(list(self._activities.values()))

    def get(self, aid: int) -> Activity | None:
        """An activity in memory."""
        return self._activities.get(aid)

    def of_procedure(self, pid: int) -> Activity | None:
        """The activity in memory that a procedure belongs to."""
        return next((a for a in self._activities.values() if a.procedure_id == pid), None)

    def newest(self) -> list[Activity]:
        """The newest activities, the oldest of them first."""
        return sorted(self._activities.values(), key=lambda activity: activity.id)[-self._history :]

    def next_id(self) -> int:
        """An id that no activity had before."""
        self._last_id += 1
        return self._last_id

    def continue_ids_after(self, last_id: int) -> None:
        """Ids up to this one are taken."""
        self._last_id = max(self._last_id, last_id)

    def add(self, activity: Activity) -> None:
        """Keep an activity; the oldest that have ended make room for it."""
        self.continue_ids_after(activity.id)
        self._activities[activity.id] = activity
        surplus = len(self._activities) - self._history
        for old in [a.id for a in self._activities.values() if a.final][: max(0, surplus)]:
            del self._activities[old]

    # A procedure may change before the answer to its creation has come, which makes its activity known.

    def keep_early(self, procedure: dict[str, Any]) -> None:
        """Keep the document of a procedure whose activity is not known yet."""
        self._early[procedure["id"]] = procedure
        while len(self._early) > _EARLY:
            del self._early[next(iter(self._early))]

    def take_early(self, pid: int) -> dict[str, Any] | None:
        """The document that was kept of a procedure, once."""
        return self._early.pop(pid, None)
