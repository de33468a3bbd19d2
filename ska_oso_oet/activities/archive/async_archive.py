"""The archive for an event loop: every call ends in time, even if it hangs for ever.

A call to a folder on a network file system that is away cannot be cancelled. So each call has a thread, which
is abandoned when it is late; there are few of them, so that few can be abandoned.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from ...domain.errors import ArchiveAway
from . import Archive, Status
from .entities import AGAIN

T = TypeVar("T")

_THREADS = 4


class AsyncArchive:
    """Calls an archive from an event loop; each call takes ``deadline`` seconds at the most."""

    def __init__(self, archive: Archive, deadline: float, threads: int = _THREADS) -> None:
        self._archive = archive
        self._deadline = deadline
        self._threads = threads
        self._free = asyncio.Semaphore(threads)
        self._hung = 0  #: abandoned threads

    async def scheduling_block(self, sbd_id: str, version: int | None = None) -> dict[str, Any]:
        """See the port."""
        return await self._in_time(lambda: self._archive.scheduling_block(sbd_id, version))

    async def store_instance(self, sbi: dict[str, Any]) -> None:
        """See the port."""
        await self._in_time(lambda: self._archive.store_instance(sbi))

    async def record_status(self, sbi_id: str, status: Status) -> None:
        """See the port."""
        await self._in_time(lambda: self._archive.record_status(sbi_id, status))

    async def record_execution_block(self, form: Callable[[], dict[str, Any]]) -> None:
        """See the port.

        :param form: makes the document, which may be large, in the thread
        """
        await self._in_time(lambda: self._archive.record_execution_block(form()))

    def with_one_thread(self) -> AsyncArchive:
        """The same archive with one thread of its own: calls to it take none from others."""
        return AsyncArchive(self._archive, self._deadline, threads=1)

    async def _in_time(self, call: Callable[[], T]) -> T:
        if self._hung == self._threads:
            raise ArchiveAway(f"the archive {self._archive.where} does not answer; {AGAIN}")
        try:
            return await asyncio.wait_for(self._in_thread(call), self._deadline)
        except TimeoutError:
            raise ArchiveAway(
                f"the archive {self._archive.where} did not answer within {self._deadline:g} s; {AGAIN}"
            ) from None

    async def _in_thread(self, call: Callable[[], T]) -> T:
        await self._free.acquire()
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[T] = loop.create_future()

        def finish(result: T | None, error: Exception | None) -> None:
            self._free.release()
            if ended.cancelled():
                self._hung -= 1
            elif error is not None:
                ended.set_exception(error)
            else:
                ended.set_result(result)  # type: ignore[arg-type]

        def run() -> None:
            result, error = None, None
            try:
                result = call()
            except Exception as raised:  # noqa: BLE001  the caller who waits raises it
                error = raised
            with contextlib.suppress(RuntimeError):  # the loop is closed: no caller waits
                loop.call_soon_threadsafe(finish, result, error)

        # Not an executor: its threads are waited for when the process ends.
        try:
            threading.Thread(target=run, name="archive", daemon=True).start()
        except RuntimeError as error:  # the system has no thread left
            self._free.release()
            raise ArchiveAway(
                f"the archive {self._archive.where} cannot be asked: {error}; try again shortly"
            ) from None
        try:
            return await ended
        except asyncio.CancelledError:
            if ended.cancelled():
                self._hung += 1
            raise
