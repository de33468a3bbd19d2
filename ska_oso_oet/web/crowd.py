"""All whose streams are open: however many they are and whatever they leave unread, memory is bounded.

Where there is too much, whoever has most of it must go, and of theirs the one that has waited longest: others
do not notice. Lives in the event loop that writes the streams.
"""

from __future__ import annotations

import collections
from typing import Protocol

_MOST = 2000  #: streams
_MOST_UNREAD = 2**27  #: bytes that all clients together may leave unread
_LOOK = 2**20  #: bytes written between two looks at how much that is


class Member(Protocol):
    """One stream."""

    user: str  #: whose it is
    stalled: float | None  #: since when its client takes nothing; none while it does

    @property
    def unread(self) -> int:
        """Bytes that wait for the client."""

    def leave(self) -> None:
        """End it at once; the client may resume it by id."""


class Crowd:
    """Keeps the number of streams, and what waits for their clients, within bounds."""

    def __init__(self, most: int = _MOST, most_unread: int = _MOST_UNREAD) -> None:
        self._members: dict[Member, None] = {}
        self._most = most
        self._most_unread = most_unread
        self._written = 0

    def enter(self, member: Member) -> bool:
        """Take a stream in; where there are too many, and its user has most of them, it stays outside."""
        if len(self._members) >= self._most:
            count = collections.Counter(other.user for other in self._members)
            user, most = count.most_common(1)[0]
            if count[member.user] >= most:
                return False
            self._send_away([other for other in self._members if other.user == user])
        self._members[member] = None
        return True

    def left(self, member: Member) -> None:
        """A stream is over."""
        self._members.pop(member, None)

    def written(self, size: int) -> None:
        """So many bytes were written to one of them."""
        self._written += size
        if self._written >= _LOOK:
            self._written = 0
            self._look()

    def _look(self) -> None:
        unread = {member: member.unread for member in self._members}
        total = sum(unread.values())
        while total > self._most_unread:
            count: collections.Counter[str] = collections.Counter()
            for member, size in unread.items():
                count[member.user] += size
            user = count.most_common(1)[0][0]
            total -= unread.pop(self._send_away([one for one in unread if one.user == user and unread[one]]))

    def _send_away(self, members: list[Member]) -> Member:
        """End the one of these streams that has stalled for longest, or else the oldest."""
        gone = min(members, key=lambda member: (member.stalled is None, member.stalled or 0.0))
        self.left(gone)
        gone.leave()
        return gone
