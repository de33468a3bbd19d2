"""The filters of lists of procedures and activities, and reading them page by page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from ..model import Documented
from .connection import LARGEST_PAGE, comma_list

D = TypeVar("D", bound=Documented)


@dataclass(frozen=True, kw_only=True)
class Listing:
    """The filters; without ``all`` of the newest that an OET lists, with it of all stored ones.

    ``limit`` is the number of the newest, by default all that are listed, or 50 of all. ``script``
    is part of the URI of the script, with ``*`` for any letters and ``?`` for one.
    ``since`` is the earliest time of creation, in seconds since the epoch.
    """

    all: bool = False
    limit: int | None = None
    state: str | Sequence[str] | None = None
    script: str | None = None
    since: float | None = None

    @property
    def parameters(self) -> dict[str, Any]:
        states = [self.state] if isinstance(self.state, str) else list(self.state or ())
        return {
            "all": "true" if self.all else None,
            "state": comma_list(states),
            "script": self.script,
            "since": self.since,
        }

    def read(self, ask: Callable[..., list[D]], place: str = "id") -> list[D]:
        """The selected ones, oldest first, by ``ask``, which takes parameters.

        ``place`` is the key that orders documents. Pages may be shorter than requested.
        """
        if self.limit is None or not self.all:
            return ask(limit=self.limit, **self.parameters)
        found: list[D] = []
        before: int | None = None
        while len(found) < self.limit:
            size = min(self.limit - len(found), LARGEST_PAGE)
            page = ask(limit=size, before=before, **self.parameters)
            if not page:
                break
            found = page + found
            before = page[0].document[place]
        return found
