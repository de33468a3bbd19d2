"""Limits the number of open streams and of their unread bytes.

Beyond a limit, the longest stalled stream of the user with most of them is closed, so that others are not
affected. Runs in the event loop that writes the streams.
"""

from __future__ import annotations

import collections
from typing import Protocol

_MOST = 2000  #: streams
_MOST_UNREAD = 2**27  #: unread bytes of all clients
_INTERVAL = 2**20  #: bytes written between two checks of the limit


class Member(Protocol):
    """One stream."""

    user: str  #: its user
    stalled: float | None  #: time since which its client has read nothing; None while it reads

    @property
    def unread(self) -> int:
        """Bytes that wait for the client."""

    def leave(self) -> None:
        """Close it at once; the client may resume by id."""


class Crowd:
    """All open streams, within the limits."""

    def __init__(self, most: int = _MOST, most_unread: int = _MOST_UNREAD) -> None:
        self._members: dict[Member, None] = {}
        self._most = most
        self._most_unread = most_unread
        self._written = 0

    def enter(self, member: Member) -> bool:
        """Add a stream; refuse it if there are too many, and its user has most of them."""
        if len(self._members) >= self._most:
            count = collections.Counter(other.user for other in self._members)
            user, most = count.most_common(1)[0]
            if count[member.user] >= most:
                return False
            self._send_away([other for other in self._members if other.user == user])
        self._members[member] = None
        return True

    def left(self, member: Member) -> None:
        """Remove a closed stream."""
        self._members.pop(member, None)

    def written(self, size: int) -> None:
        """Count bytes written to a stream."""
        self._written += size
        if self._written >= _INTERVAL:
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
        """Close the longest stalled of these streams, or else the oldest."""
        gone = min(members, key=lambda member: (member.stalled is None, member.stalled or 0.0))
        self.left(gone)
        gone.leave()
        return gone
