"""Answers queries about the histories of all subarrays, over the bus.

The central database is read in threads, so that a slow answer delays no other one.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import sqlalchemy as sa

from ..bus import topics
from ..bus.client import BusClient
from ..bus.dispatcher import Dispatcher
from ..bus.envelope import Envelope
from ..domain.errors import Refusal, Unavailable
from .database import reason
from .store import History

_ANSWER = 5.0  #: seconds
_THREADS = 2


class CentralQueries:
    """Answers queries about the central history."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._threads = ThreadPoolExecutor(_THREADS, "queries")
        self._questions: dict[str, Callable[..., Any]] = {
            topics.CENTRAL_PROCEDURES: history.all_procedures,
            topics.CENTRAL_EVENTS: history.events,
            topics.CENTRAL_BOUNDS: history.bounds,
        }

    def listen(self, bus: BusClient, health: Callable[[], str]) -> None:
        """Start to answer queries on the bus.

        :param health: returns `ok`, or the trouble of the history
        """

        async def carry_out(request: Envelope) -> None:
            answer: dict[str, Any] = {"result": None}
            try:
                if request.topic == topics.CENTRAL_HEALTH:
                    answer["result"] = health()
                else:
                    answer["result"] = await self.answer(request.topic, request.payload["query"])
            except Refusal as error:
                answer |= {"kind": error.kind, "detail": error.detail}
            dispatcher.reply(request, topics.CENTRAL_ANSWER, answer)

        dispatcher = Dispatcher(bus, dict.fromkeys((*self._questions, topics.CENTRAL_HEALTH), carry_out))
        dispatcher.listen()
        dispatcher.open()

    async def answer(self, topic: str, query: dict[str, Any]) -> Any:
        """Answer a query.

        :raises Unavailable: if the database does not answer in time, or fails
        """
        work = functools.partial(self._questions[topic], **query)
        future = asyncio.get_running_loop().run_in_executor(self._threads, work)
        try:
            return await asyncio.wait_for(future, _ANSWER)
        except TimeoutError:
            why = f"no answer within {_ANSWER:g} s"
        except sa.exc.SQLAlchemyError as error:
            why = reason(error)
        raise Unavailable(f"the central history cannot be read at the moment ({why}); try again shortly")

    def close(self) -> None:
        """Close the connections to the database."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._history.engine.dispose()
