"""Has supervisors ready: starts the nursery and keeps a warm supervisor and runner waiting."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import subprocess
import sys

from .. import confidential
from .handle import Handle

LOG = logging.getLogger(__name__)

#: Seconds that the other workers get to be ready before the libraries of scripts compete with them.
_HEAD_START = 0.4
_LATER = 0.012  #: seconds before a supervisor is replaced
_FIRST = 45.0  #: seconds the first supervisor of a nursery may take: libraries are imported before it
_NEXT = 15.0  #: seconds any other may take
_BACK_OFF = (0.1, 0.5, 2.0, 5.0)  #: seconds between attempts to start a nursery that keeps ending


class Launcher:
    """Hands out supervisors.

    :param warm: how many wait for the next create
    :param preload: the modules their interpreters have imported
    """

    def __init__(self, warm: int, preload: tuple[str, ...]) -> None:
        self._wanted = warm
        self._preload = preload
        self._warm: list[Handle] = []
        self._orders: socket.socket | None = None
        self._nursery: asyncio.subprocess.Process | None = None
        self._imported = False  #: whether the nursery has got round to its work
        self._refill: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """How many interpreters wait."""
        return len(self._warm)

    async def run(self) -> None:
        """Keep a nursery alive; never ends by itself."""
        failures = 0
        if self._preload:
            await asyncio.sleep(_HEAD_START)
        while True:
            ours, theirs = socket.socketpair()
            command = [sys.executable, "-m", "ska_oso_oet.execution.nursery", str(theirs.fileno())]
            nursery = await asyncio.create_subprocess_exec(
                *command,
                *self._preload,
                env=confidential.without(os.environ, *confidential.FILES),
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
            )
            theirs.close()
            self._orders, self._nursery, self._imported = ours, nursery, False
            started = asyncio.get_running_loop().time()
            self._fill()
            try:
                await nursery.wait()
            finally:
                self._orders = None
                ours.close()
                # At an orderly end it may still be importing, and would outlive this process by seconds.
                with contextlib.suppress(ProcessLookupError):
                    nursery.kill()
            if asyncio.get_running_loop().time() - started > 10:
                failures = 0
            LOG.error("The nursery of interpreters ended; starting another")
            await asyncio.sleep(_BACK_OFF[min(failures, len(_BACK_OFF) - 1)])
            failures += 1

    async def take(self) -> Handle:
        """Hand out a supervisor, a warm one if there is one.

        :raises ConnectionError: where the nursery ends meanwhile
        """
        while self._warm:
            handle = self._warm.pop(0)
            if handle.connected:
                return handle
        return await self._born()

    async def _born(self) -> Handle:
        while self._orders is None:
            await asyncio.sleep(0.01)
        ours, theirs = socket.socketpair()
        try:
            socket.send_fds(self._orders, [b"!"], [theirs.fileno()])
        except OSError as error:
            ours.close()
            raise ConnectionError("the nursery of interpreters has ended") from error
        finally:
            theirs.close()
        handle, nursery = Handle(), self._nursery
        try:
            await handle.adopt(ours, _NEXT if self._imported else _FIRST)
        except TimeoutError:
            LOG.error("The nursery of interpreters hangs; killing it")
            if nursery is not None:
                with contextlib.suppress(ProcessLookupError):
                    nursery.kill()
            raise ConnectionError("the nursery of interpreters hangs") from None
        self._imported = self._imported or nursery is self._nursery
        return handle

    def refill(self) -> None:
        """Replace what was handed out, once what is going on now has had the processors to itself."""
        asyncio.get_running_loop().call_later(_LATER, self._fill)

    def _fill(self) -> None:
        if self._refill is None or self._refill.done():
            self._refill = asyncio.ensure_future(self._keep_warm())

    async def _keep_warm(self) -> None:
        while len(self._warm) < self._wanted and self._orders is not None:
            try:
                handle = await self._born()
            except ConnectionError:
                return
            self._warm.append(handle)
