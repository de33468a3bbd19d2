"""Between the threads that serve HTTP and the event loop that speaks on the bus."""

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

_OVERTIME = 5.0  #: seconds beyond its own limit that a question may take before its thread gives up


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

    def ask(
        self,
        topic: str,
        payload: dict[str, Any],
        *,
        request_id: str,
        command_id: str,
        timeout: float,
        user: str | None = None,
        repeated: bool = False,
        before: Sequence[Envelope] = (),
    ) -> Any:
        """Send a request over the bus and return the reply's ``result``, or all its fields. For threads.

        :param before: messages that go into the journal before the request, and with it

        :raises Refusal: where it was not carried out
        """
        question = self.client.ask(
            topic,
            payload,
            request_id=request_id,
            command_id=command_id,
            timeout=timeout,
            user=user,
            repeated=repeated,
            before=before,
        )
        reply = self.wait_for(question, timeout + _OVERTIME)
        return reply.payload.get("result", reply.payload)

    def tell(self, envelopes: Sequence[Envelope]) -> None:
        """Say something without waiting. For threads."""
        self.loop.call_soon_threadsafe(self.client.send, envelopes)

    def flush(self, timeout: float) -> None:
        """Wait until everything said so far is in the journal, or for ``timeout`` seconds. For threads."""

        async def acknowledged() -> None:
            while self.client.unacknowledged:
                await asyncio.sleep(0.01)

        with contextlib.suppress(Refusal):
            self.wait_for(acknowledged(), timeout)

    def wait_for(self, work: Coroutine[Any, Any, T], timeout: float) -> T:
        """Have the loop do something and wait for it. For threads.

        :raises Refusal: where that fails, or takes too long
        """
        future = asyncio.run_coroutine_threadsafe(work, self.loop)
        try:
            return future.result(timeout)
        except Refusal:
            raise
        except (TimeoutError, ConnectionError):
            future.cancel()
            raise Unavailable("the event bus does not answer; try again shortly") from None
