"""Pages of the journal for replays: what many listeners ask for is read and encoded once."""

from __future__ import annotations

from typing import NamedTuple

from ..bus.client import BusClient
from . import sse
from .wanted import Wanted

SIZE = 2**17  #: bytes of a page, unless a single message has more
_LIMIT = 500  #: messages
_LEAST = 2**14  #: bytes a page counts for, with what was wanted of it
_KEPT = 2**23  #: bytes of pages that are kept for others who ask for the same soon


class Page(NamedTuple):
    """What is told of a part of the journal."""

    first: int  #: the first number in the journal
    head: int  #: the last one
    last: int | None  #: the last one of the page; none where it is empty
    told: bytes


class Pages:
    """Reads the journal."""

    def __init__(self) -> None:
        self._kept: dict[tuple[Wanted, int], Page] = {}
        self._size = 0

    async def read(self, bus: BusClient, wanted: Wanted, after: int) -> Page:
        """Read what follows a number, up to some later one.

        :raises ConnectionError: where the broker is away
        """
        kept = self._kept.get((wanted, after))
        if kept is not None:
            return kept
        topics = list(wanted.topics) or None
        found = await bus.read(after=after, limit=_LIMIT, size=SIZE, topics=topics)
        first, head = await bus.bounds()  # afterwards: what is too old is removed all the time
        told = b"".join(sse.message(envelope) for envelope in found if wanted(envelope))
        page = Page(first, head, found[-1].seq if found else None, told)
        if found:  # then it is the same for ever: the journal is written in order
            self._keep((wanted, after), page)
        return page

    def forget(self) -> None:
        """Keep none of them any longer: nobody may ask for them again, and the journal drops what is old."""
        self._kept.clear()
        self._size = 0

    def _keep(self, key: tuple[Wanted, int], page: Page) -> None:
        if key in self._kept:  # two users have asked at once
            return
        self._kept[key] = page
        self._size += _size(page)
        while self._size > _KEPT:
            self._size -= _size(self._kept.pop(next(iter(self._kept))))


def _size(page: Page) -> int:
    return max(_LEAST, len(page.told))
