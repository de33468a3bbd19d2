"""Pages of the journal for replays: a page for many listeners is read and encoded once."""

from __future__ import annotations

from typing import NamedTuple

from ...bus.client import BusClient
from . import sse
from .filters import Wanted

SIZE = 2**17  #: bytes of a page; a larger message has a page of its own
_LIMIT = 500  #: messages
_LEAST = 2**14  #: minimum size of a page with its filtered copies, for the limit
_CACHE_SIZE = 2**23  #: bytes of cached pages


class Page(NamedTuple):
    """The events of a part of the journal."""

    first: int  #: the first number in the journal
    head: int  #: the last one
    last: int | None  #: the last one of the page; None if it is empty
    told: bytes


class Pages:
    """Reads pages of the journal, and caches them."""

    def __init__(self) -> None:
        self._cache: dict[tuple[Wanted, int], Page] = {}
        self._size = 0

    async def read(self, bus: BusClient, wanted: Wanted, after: int) -> Page:
        """Read a page of messages above a number.

        :raises ConnectionError: if the broker is away
        """
        kept = self._cache.get((wanted, after))
        if kept is not None:
            return kept
        topics = list(wanted.topics) or None
        messages = await bus.lookup.replay(after=after, limit=_LIMIT, size=SIZE, topics=topics)
        first, head = await bus.lookup.bounds()  # afterwards, since old messages are removed at any time
        told = b"".join(sse.message(envelope) for envelope in messages if wanted(envelope))
        page = Page(first, head, messages[-1].seq if messages else None, told)
        if messages:  # it never changes, since the journal is written in order
            self._keep((wanted, after), page)
        return page

    def forget(self) -> None:
        """Drop all pages: they may not be needed again, and old messages are removed from the journal."""
        self._cache.clear()
        self._size = 0

    def _keep(self, key: tuple[Wanted, int], page: Page) -> None:
        if key in self._cache:  # two users have read it at once
            return
        self._cache[key] = page
        self._size += _size(page)
        while self._size > _CACHE_SIZE:
            self._size -= _size(self._cache.pop(next(iter(self._cache))))


def _size(page: Page) -> int:
    return max(_LEAST, len(page.told))
