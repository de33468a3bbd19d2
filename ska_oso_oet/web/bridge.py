"""Connects the threads that serve HTTP with the event loop of the bus."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Coroutine, Sequence
from concurrent.futures import Future
from typing import Any, TypeVar

from ..bus.client import BusClient
from ..bus.envelope import Envelope
from ..domain.errors import Refusal, Unavailable

T = TypeVar("T")


class Bridge:
    """Runs a bus client in an event loop of its own, in a thread of its own.

    :param path: the broker's socket
    """

    def __init__(self, path: str) -> None:
        self.loop = asyncio.new_event_loop()
        self._path = path
        self._started: Future[BusClient] = Future()

    def start(self, prepare: Any = None) -> None:
        """Start the thread; ``prepare`` is called in the loop with the client before it connects."""
        threading.Thread(target=self._run, args=(prepare,), name="bus", daemon=True).start()
        self._started.result()

    def _run(self, prepare: Any) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_until_complete(self._main(prepare))

    async def _main(self, prepare: Any) -> None:
        try:
            client = BusClient("FlaskWorker", self._path)
            if prepare is not None:
                prepare(client)
        except BaseException as error:
            self._started.set_exception(error)
            raise
        self._started.set_result(client)
        await client.run()

    @property
    def client(self) -> BusClient:
        """The bus client; to be used from within the loop only."""
        return self._started.result()

    def tell(self, envelopes: Sequence[Envelope]) -> None:
        """Publish without waiting. For threads."""
        self.loop.call_soon_threadsafe(self.client.send, envelopes)

    def flush(self, timeout: float) -> None:
        """Wait until every message so far is in the journal, or for ``timeout`` seconds. For threads."""

        async def acknowledged() -> None:
            while self.client.unacknowledged:
                await asyncio.sleep(0.01)

        with contextlib.suppress(Refusal):
            self.wait_for(acknowledged(), timeout)

    def wait_for(self, work: Coroutine[Any, Any, T], timeout: float) -> T:
        """Run a coroutine in the loop, and wait for it. For threads.

        :raises Refusal: if it fails, or exceeds its time limit
        """
        future = asyncio.run_coroutine_threadsafe(work, self.loop)
        try:
            return future.result(timeout)
        except Refusal:
            raise
        except (TimeoutError, ConnectionError):
            future.cancel()
            raise Unavailable("the event bus does not answer; try again shortly") from None
