"""What the bus can be asked about the histories of all subarrays.

The answers come from the central database, in threads of their own: a slow one keeps nobody else waiting.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import sqlalchemy as sa

from ...domain.errors import Invalid, Unavailable
from .database import reason
from .replicator import Replicator
from .store import History

_ANSWER = 5.0  #: seconds
_THREADS = 2


class NoCentre:
    """Stands for the central history where there is none."""

    def health(self, head: int) -> str | None:
        """How it stands beside a journal whose last message has this number."""
        return None

    async def answer(self, what: str, query: dict[str, Any]) -> Any:
        """Answer a question.

        :raises Invalid: always
        """
        raise Invalid(
            "this OET keeps no central history, so it knows its own subarray only; the server's "
            "OET_DATABASE_URL would have to name a PostgreSQL database"
        )


class Centre(NoCentre):
    """The central history."""

    def __init__(self, history: History, replicator: Replicator) -> None:
        self._history = history
        self._replicator = replicator
        self._threads = ThreadPoolExecutor(_THREADS, "history")
        self._questions: dict[str, Callable[..., Any]] = {
            "procedures": history.all_procedures,
            "events": history.events,
            "bounds": history.bounds,
        }

    def health(self, head: int) -> str | None:
        """How it stands: `ok`, or what the trouble is."""
        trouble = self._replicator.trouble
        if trouble is None:
            return "ok"
        return f"away: {trouble}; {head - self._replicator.copied()} messages wait to be copied"

    async def answer(self, what: str, query: dict[str, Any]) -> Any:
        """Answer a question.

        :raises Unavailable: where the database does not, or not in time
        """
        work = functools.partial(self._questions[what], **query)
        future = asyncio.get_running_loop().run_in_executor(self._threads, work)
        try:
            return await asyncio.wait_for(future, _ANSWER)
        except TimeoutError:
            why = f"no answer within {_ANSWER:g} s"
        except sa.exc.SQLAlchemyError as error:
            why = reason(error)
        raise Unavailable(f"the central history cannot be read at the moment ({why}); try again shortly")

    def close(self) -> None:
        """Hang up."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._history.engine.dispose()
