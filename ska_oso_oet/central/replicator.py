"""Keeps the central history up to date with the journal, even if the database is slow or often unavailable.

Decides in the event loop, and waits for the database in a thread. The journal is the spool: it has the
messages that are not copied yet, so nothing else waits for the database.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import sqlalchemy as sa

from .database import Disagreement, reason
from .history_writer import PAGE, Behind, Claimed, Emptied, Replication, StillOpen
from .recovery import Recovery
from .source import Source

LOG = logging.getLogger(__name__)

T = TypeVar("T")

_START = 5.0  #: seconds a start waits for the central database if it can do without
_SLOW = 10.0  #: seconds without an answer after which the database counts as away
_PING = 15.0  #: seconds without messages after which the connection is tested
_PAUSES = (0.5, 10.0)  #: seconds between two attempts to connect: at first, and at most
_REMIND = 30.0  #: seconds between two log lines while the start waits


class Replicator:
    """Copies the journal to the central history.

    :param vouch: called with the number up to which the central history is complete
    """

    def __init__(self, journal: Source, replication: Replication, vouch: Callable[[int], None]) -> None:
        self.trouble: str | None = "it was not reached yet"  #: why the central history is not up to date
        self._journal = journal
        self._replication = replication
        self._vouch = vouch
        self._away = False
        self._caught_up = 0  #: messages copied since the connection was lost
        self._grown = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, "history")
        self.wake = self._grown.set  #: to be called after a write to the journal

    def copied(self) -> int:
        """The number up to which the central history is complete."""
        return self._replication.copied or 0

    @property
    def waiting(self) -> int:
        """The number of messages that are not copied yet."""
        return self._journal.head() - self.copied()

    def health(self) -> str:
        """`ok`, or the trouble and the number of messages that wait."""
        if self.trouble is None:
            return "ok"
        return f"away: {self.trouble}; {self.waiting} messages wait to be copied"

    # -- before the journal is written -------------------------------------------------------------

    async def recover(self, recovery: Recovery, patience: float = _START) -> None:
        """Fetch the messages that the journal lacks, before it is written.

        If the journal is empty, or restored from a backup, this waits for the database without a limit:
        otherwise numbers would be reused.

        :param patience: time limit in seconds in all other cases
        :raises Disagreement: if another server writes this history, or it cannot be fetched
        """
        must = recovery.begin()
        reminded = -_REMIND
        while True:
            try:
                await asyncio.wait_for(self._step(self._replication.begin), None if must else patience)
                recovery.end()
                return
            except Behind:
                fetched = await self._step(lambda: self._replication.recover(recovery))
                LOG.info("Fetched %d messages of this subarray from the central history", fetched)
                continue
            except (sa.exc.SQLAlchemyError, TimeoutError, Disagreement) as error:
                if isinstance(error, Claimed) or (must and _is_final(error)):
                    raise
                trouble = error if str(error) else TimeoutError(f"no answer within {patience:g} s")
            if not must:
                self._failed(trouble)
                return
            if (now := asyncio.get_running_loop().time()) - reminded >= _REMIND:
                reminded = now
                LOG.warning(
                    "Not accepting work yet: waiting for the central history (%s)",
                    reason(trouble),
                )
            await asyncio.sleep(_PAUSES[0])

    # -- while the journal is written --------------------------------------------------------------

    async def run(self) -> None:
        """Copy messages as they are written, and reconnect after each failure; never returns."""
        try:
            pause = _PAUSES[0]
            while True:
                try:
                    if not self._replication.connected:
                        await self._step(self._replication.begin)
                    while True:
                        await self._copy()
                        pause = _PAUSES[0]
                except Exception as error:
                    expected = isinstance(error, (Disagreement, sa.exc.SQLAlchemyError))
                    if not expected and reason(error) != self.trouble:
                        LOG.exception("Copying to the central history failed; will retry")
                    self._failed(error)
                with contextlib.suppress(Exception):
                    await self._step(self._replication.end)
                await asyncio.sleep(pause)
                pause = min(2 * pause, _PAUSES[1])
        finally:
            self._thread.submit(self._replication.end)
            self._thread.shutdown(wait=False)

    async def _copy(self) -> None:
        self._grown.clear()
        count = await self._step(self._replication.page)
        self._caught_up += count
        self._vouch(self.copied())
        if self.waiting < PAGE:  # with many writers it rarely reaches 0
            self._recovered()
        if self.waiting > 0:
            return
        with contextlib.suppress(TimeoutError):
            # Not wait_for: it would ignore a cancellation that coincides with the event.
            async with asyncio.timeout(_PING):
                await self._grown.wait()

    async def finish(self, seconds: float) -> None:
        """Wait until all messages are copied, for at most some seconds."""
        self.wake()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self.trouble is None and self.waiting:
                    await asyncio.sleep(0.02)

    async def _step(self, work: Callable[[], T]) -> T:
        """Run work in the thread, without a time limit; the database counts as away after ``_SLOW``."""
        future = asyncio.get_running_loop().run_in_executor(self._thread, work)
        future.add_done_callback(lambda done: done.cancelled() or done.exception())  # the caller may be gone
        done, _ = await asyncio.wait([future], timeout=_SLOW)
        if not done:
            self._failed(TimeoutError(f"no answer within {_SLOW:g} s"))
        return await future

    def _failed(self, error: Exception) -> None:
        why = reason(error)
        if not self._away or (_is_final(error) and why != self.trouble):
            level = logging.ERROR if _is_final(error) else logging.WARNING
            LOG.log(level, "Stopped copying to the central history: %s; the journal keeps the messages", why)
        if not self._away:
            self._caught_up = 0
        self._away = True
        self.trouble = why

    def _recovered(self) -> None:
        if self._away:
            LOG.info("Copied %d messages; the central history is up to date again", self._caught_up)
        self._away = False
        self.trouble = None


def _is_final(error: Exception) -> bool:
    """Whether an operator has to act."""
    return isinstance(error, Disagreement) and not isinstance(error, (StillOpen, Emptied))
