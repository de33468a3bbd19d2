"""Which procedures or activities to list, and asking for them page by page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from ..model import Document
from .connection import LARGEST_PAGE


class Documented(Protocol):
    @property
    def document(self) -> Document: ...


D = TypeVar("D", bound=Documented)


@dataclass(frozen=True, kw_only=True)
class Listing:
    """Which ones; without ``all`` of the newest that an OET lists, with it of all there ever were.

    ``limit`` is how many of the newest, by default all that are listed, or 50 of all. ``script``
    is part of the URI of the script, where ``*`` stands for any letters and ``?`` for one.
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
        every = "true" if self.all else None
        return {"all": every, "state": states or None, "script": self.script, "since": self.since}

    def read(self, ask: Callable[..., list[D]], place: str = "id") -> list[D]:
        """The ones that are wanted, oldest first, by ``ask``, which takes parameters.

        ``place`` is what documents are ordered by. Pages may be shorter than they were asked for.
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
