"""Keeps the central history up with the journal, however slow or often away the central database is.

Runs in the bus process: it decides in the event loop, and waits for the database in a thread of its own. The
journal is the spool: what could not be copied yet is there, and nobody waits for it to be copied.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import sqlalchemy as sa

from ..journal import copies
from ..journal.journal import Journal
from .copying import PAGE, Behind, Claimed, Copying, Emptied, StillOpen
from .database import Disagreement, reason
from .recovery import Recovery

LOG = logging.getLogger(__name__)

T = TypeVar("T")

_START = 5.0  #: seconds a start waits for the central database where it can do without
_SLOW = 10.0  #: seconds without an answer after which it counts as away
_GATHER = 0.05  #: seconds in which what is written is gathered, to be copied together
_PING = 15.0  #: seconds after which a quiet connection is tried
_PAUSES = (0.5, 10.0)  #: seconds between two attempts to reach it: the first time, and at the most
_REMIND = 30.0  #: seconds between two reminders that nothing can be begun


class Replicator:
    """Copies what is in the journal to the central history, as long as it runs.

    :param recovery: how to fetch what the journal lacks
    """

    def __init__(self, journal: Journal, copying: Copying, recovery: Recovery) -> None:
        self.trouble: str | None = "it was not reached yet"  #: why it is not up with the journal
        self._journal = journal
        self._copying = copying
        self._recovery = recovery
        self._lost = False
        self._caught_up = 0  #: messages copied since it was lost
        self._grown = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, "history")
        journal.grown = self._grown.set

    def copied(self) -> int:
        """The number up to which everything is known to be in the central history."""
        return self._copying.copied or 0

    @property
    def waiting(self) -> int:
        """How many messages are not in the central history yet."""
        return self._journal.head() - self.copied()

    # -- before the bus is served ------------------------------------------------------------------

    async def begin(self, patience: float = _START) -> None:
        """Fetch what the journal lacks, before anything can be written to it.

        With an empty journal, or one restored from a backup, the database is waited for as long as it takes:
        else numbers would be given again.

        :param patience: seconds it is waited for otherwise; with 0 it is not asked
        :raises Disagreement: where another server writes this history, or there is no way to fetch it
        """
        file = self._journal.file
        must = self._journal.head() == 0 or copies.is_restored(file)
        if not must and not patience:
            return
        reminded = -_REMIND
        while True:
            try:
                await asyncio.wait_for(self._step(self._copying.begin), None if must else patience)
                copies.forget_restored(file)
                return
            except Behind:
                fetched = await self._step(lambda: self._copying.recover(self._recovery))
                LOG.info("Fetched %d messages of this subarray from the central history", fetched)
                continue
            except (sa.exc.SQLAlchemyError, TimeoutError, Disagreement) as error:
                if isinstance(error, Claimed) or (must and _is_final(error)):
                    raise
                trouble = error if str(error) else TimeoutError(f"no answer within {patience:g} s")
            if not must:
                self._lose(trouble)
                return
            if (now := asyncio.get_running_loop().time()) - reminded >= _REMIND:
                reminded = now
                LOG.warning(
                    "No work is taken before the central history has told what came before: %s",
                    reason(trouble),
                )
            await asyncio.sleep(_PAUSES[0])

    # -- while it is -------------------------------------------------------------------------------

    async def run(self) -> None:
        """Copy what is written, and come back whenever the central database is lost; never ends by itself."""
        try:
            pause = _PAUSES[0]
            while True:
                try:
                    if not self._copying.connected:
                        await self._step(self._copying.begin)
                    while True:
                        await self._copy()
                        pause = _PAUSES[0]
                except Exception as error:
                    known = isinstance(error, (Disagreement, sa.exc.SQLAlchemyError))
                    if not known and reason(error) != self.trouble:
                        LOG.exception("Copying to the central history has failed; it is begun again")
                    self._lose(error)
                with contextlib.suppress(Exception):
                    await self._step(self._copying.end)
                await asyncio.sleep(pause)
                pause = min(2 * pause, _PAUSES[1])
        finally:
            self._thread.submit(self._copying.end)
            self._thread.shutdown(wait=False)

    async def _copy(self) -> None:
        self._grown.clear()
        count = await self._step(self._copying.page)
        self._caught_up += count
        if self.waiting < PAGE:  # with many writers there is always something
            self._find()
        if count:
            return
        with contextlib.suppress(TimeoutError):
            # No wait_for: where more comes at the moment this is cancelled, it would go on.
            async with asyncio.timeout(_PING):
                await self._grown.wait()
            await asyncio.sleep(_GATHER)

    async def finish(self, seconds: float) -> None:
        """Wait until what was said last is copied, if that is possible within some seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self.trouble is None and self.waiting:
                    await asyncio.sleep(0.02)

    async def _step(self, work: Callable[[], T]) -> T:
        """Do something in the thread, however long it takes; but say so where that is too long."""
        future = asyncio.get_running_loop().run_in_executor(self._thread, work)
        future.add_done_callback(lambda done: done.cancelled() or done.exception())  # who waits may be gone
        done, _ = await asyncio.wait([future], timeout=_SLOW)
        if not done:
            self._lose(TimeoutError(f"no answer within {_SLOW:g} s"))
        return await future

    def _lose(self, error: Exception) -> None:
        why = reason(error)
        if not self._lost or (_is_final(error) and why != self.trouble):
            level = logging.ERROR if _is_final(error) else logging.WARNING
            LOG.log(level, "The central history is not written: %s; what happens is kept in the journal", why)
        if not self._lost:
            self._caught_up = 0
        self._lost = True
        self.trouble = why

    def _find(self) -> None:
        if self._lost:
            LOG.info("The central history is up to date again; %d messages were copied", self._caught_up)
        self._lost = False
        self.trouble = None


def _is_final(error: Exception) -> bool:
    """Whether somebody has to do something about it."""
    return isinstance(error, Disagreement) and not isinstance(error, (StillOpen, Emptied))
