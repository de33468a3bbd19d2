"""What scripts say about execution blocks before their activity is known."""

from __future__ import annotations

import collections
import logging
import sys

from ..domain.execution_blocks import Message

LOG = logging.getLogger(__name__)

_EARLY = 8 * 2**20  #: bytes of messages that are kept for activities which are not known yet
_AROUND = 500  #: bytes of a message around its texts


class EarlyMessages:
    """Messages of procedures whose activity is not known yet; the oldest make room for others."""

    def __init__(self) -> None:
        self._messages: collections.deque[tuple[int, Message, float]] = collections.deque()
        self._size = 0
        self._refused: set[int] = set()  #: live procedures that belong to no activity

    def keep(self, pid: int, said: Message, at: float) -> None:
        """Keep what a procedure has said."""
        if pid in self._refused:
            return
        self._messages.append((pid, said, at))
        self._size += _size(said)
        while self._size > _EARLY:
            dropped, oldest, _ = self._messages.popleft()
            self._size -= _size(oldest)
            LOG.warning("Left out an early message of procedure %s about %s", dropped, oldest.eb_id)

    def take(self, pid: int) -> list[tuple[Message, float]]:
        """What was kept of a procedure, once."""
        taken = [(said, at) for of, said, at in self._messages if of == pid]
        if taken:
            self._messages = collections.deque(one for one in self._messages if one[0] != pid)
            self._size -= sum(_size(said) for said, _ in taken)
        return taken

    def refuse(self, pid: int, live: bool) -> None:
        """Keep nothing of a procedure, which belongs to no activity.

        :param live: whether it may say more
        """
        self.take(pid)
        if live:
            self._refused.add(pid)
        else:
            self._refused.discard(pid)


def _size(said: Message) -> int:
    """Bytes of memory, about."""
    return _AROUND + sum(sys.getsizeof(value) for value in vars(said).values() if isinstance(value, str))
