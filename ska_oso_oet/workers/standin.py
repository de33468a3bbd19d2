"""Answers requests with an error while FlaskWorker is away. Runs in the arbiter."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable

from ..web.problems import problem_answer

LOG = logging.getLogger(__name__)

_PATIENCE = 3.0  #: seconds FlaskWorker may be away: connections wait, and a restart usually takes less
_STARTING = 15.0  #: seconds it may take to start for the first time, beside all other workers
_POLL = 0.2  #: seconds between two checks
_LONGEST = 3.0  #: seconds per client
_MOST = 256  #: clients at once; further connections are closed
_END = b"\r\n\r\n"  #: end of the head of a request
_STATUS = 503
_DETAIL = "FlaskWorker, which answers requests, is not there at the moment; try again soon"


class StandIn:
    """Accepts connections from the socket of FlaskWorker while that is away.

    :param is_served: returns whether FlaskWorker accepts them
    """

    def __init__(self, listener: socket.socket, is_served: Callable[[], bool]) -> None:
        self._listener = listener
        self._is_served = is_served
        self._answering: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Stand in whenever FlaskWorker is away for too long; never returns."""
        loop = asyncio.get_running_loop()
        self._listener.setblocking(False)
        away, patience = 0.0, _STARTING
        try:
            while True:
                before, away = away, 0.0 if self._is_served() else away + _POLL
                if away == 0.0:
                    patience = _PATIENCE
                if away >= patience > before:
                    LOG.error("FlaskWorker is away; every request is answered %d", _STATUS)
                    loop.add_reader(self._listener, self._accept)
                elif away == 0.0:
                    loop.remove_reader(self._listener)
                await asyncio.sleep(_POLL)
        finally:
            loop.remove_reader(self._listener)

    def _accept(self) -> None:
        if self._is_served():
            asyncio.get_running_loop().remove_reader(self._listener)
            return
        try:
            client, _ = self._listener.accept()
        except OSError:  # closed by the client, or too many open files
            return
        if len(self._answering) >= _MOST:
            client.close()
            return
        task = asyncio.ensure_future(_answer(client))
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)


async def _answer(client: socket.socket) -> None:
    """Answer a request, and read all of it, so that the client reads the answer."""
    client.setblocking(False)
    reader, writer = await asyncio.open_connection(sock=client)
    try:
        async with asyncio.timeout(_LONGEST):
            head = await reader.readuntil(_END)
            answer = problem_answer(_STATUS, _DETAIL)
            writer.write(answer.partition(_END)[0] + _END if head.startswith(b"HEAD ") else answer)
            writer.write_eof()
            while await reader.read(65536):
                pass
    except (OSError, TimeoutError, EOFError, asyncio.LimitOverrunError) as error:
        LOG.debug("A client was not answered: %r", error)
    finally:
        writer.close()
