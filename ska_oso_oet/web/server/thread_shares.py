"""Limits the threads of one user, so that nobody occupies all of them; strangers wait behind users.

Runs in the thread of the poller.
"""

from __future__ import annotations

import collections
from typing import NamedTuple, Protocol


class Asker(NamedTuple):
    """Whose share a request takes.

    :param known: whether it is a user; a stranger may have any number of addresses
    """

    name: str
    known: bool


class Request(Protocol):
    """A request that waits for a thread."""

    def begin(self, waited: bool) -> bool:
        """Begin to answer it, unless its client has gone meanwhile; tell whether that began."""

    def refuse(self) -> None:
        """Answer that this user has too many requests."""

    def close(self) -> None:
        """Close without an answer."""


class Shares:
    """Requests that wait for their turn.

    Users go first, and take turns. Of strangers the newest request goes first, of an address that was not
    served just now: a flood is old by the time it is answered.

    :param threads: requests answered at once
    :param most: requests of one user answered at once
    :param strangers: requests of all strangers together answered at once
    :param waiting: requests of one user in the queue
    """

    def __init__(self, threads: int, most: int, strangers: int, waiting: int) -> None:
        self._threads = threads
        self._most = most
        self._most_strangers = strangers
        self._most_waiting = waiting
        self._busy: collections.Counter[Asker] = collections.Counter()
        self._strangers_busy = 0
        self._users: _Lines = collections.OrderedDict()
        self._strangers: _Lines = collections.OrderedDict()

    def want(self, asker: Asker, request: Request) -> None:
        """Begin a request, or queue it; the caller then calls ``finished`` for it.

        If the queue of this user is full, its oldest request is refused.
        """
        line = self._lines(asker).setdefault(asker, collections.deque())
        line.append(request)
        self._begin(request)
        if asker.known and len(line) > self._most_waiting:
            line.popleft().refuse()

    def finished(self, asker: Asker) -> None:
        """One of them was answered; others begin."""
        self._count(asker, -1)
        self._begin()

    def leave_stranger(self) -> bool:
        """Close the oldest connection of the stranger with most of them; tell whether there was one."""
        return self._leave(self._strangers)

    def give_way(self) -> bool:
        """Close a stranger's connection, or else the oldest of the longest line; tell if there was one."""
        return self.leave_stranger() or self._leave(self._users)

    def _leave(self, lines: _Lines) -> bool:
        if not lines:
            return False
        self._take(max(lines, key=lambda asker: len(lines[asker])), oldest=True).close()
        return True

    def _begin(self, new: Request | None = None) -> None:
        while (asker := self._next()) is not None:
            request = self._take(asker, oldest=asker.known)
            if request.begin(request is not new):
                self._count(asker, 1)

    def _next(self) -> Asker | None:
        if self._busy.total() >= self._threads:
            return None
        for asker in self._users:
            if self._busy[asker] < self._most:
                return asker
        return next(reversed(self._strangers), None) if self._strangers_busy < self._most_strangers else None

    def _take(self, asker: Asker, oldest: bool) -> Request:
        lines = self._lines(asker)
        line = lines[asker]
        request = line.popleft() if oldest else line.pop()
        if line:
            lines.move_to_end(asker, last=asker.known)
        else:
            del lines[asker]
        return request

    def _count(self, asker: Asker, more: int) -> None:
        self._busy[asker] += more
        if not self._busy[asker]:
            del self._busy[asker]
        if not asker.known:
            self._strangers_busy += more

    def _lines(self, asker: Asker) -> _Lines:
        return self._users if asker.known else self._strangers


_Lines = collections.OrderedDict[Asker, collections.deque[Request]]
