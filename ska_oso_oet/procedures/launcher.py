"""Has supervisors ready: starts the forkserver and keeps a warm supervisor and runner waiting."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import subprocess
import sys

from ..kernel import confidential
from .supervisor_link import SupervisorLink

LOG = logging.getLogger(__name__)

#: Seconds that the other workers get to be ready before the libraries of scripts compete with them.
_HEAD_START = 0.4
_REFILL_DELAY = 0.012  #: seconds before a supervisor is replaced
_FIRST_TIMEOUT = (
    45.0  #: seconds the first supervisor of a forkserver may take: libraries are imported before it
)
_NEXT_TIMEOUT = 15.0  #: seconds any other may take
_BACK_OFF = (0.1, 0.5, 2.0, 5.0)  #: seconds between attempts to start a forkserver that keeps ending


class Launcher:
    """Hands out supervisors.

    :param warm: how many wait for the next create
    :param preload: the modules their interpreters have imported
    """

    def __init__(self, warm: int, preload: tuple[str, ...]) -> None:
        self._wanted = warm
        self._preload = preload
        self._warm: list[SupervisorLink] = []
        self._orders: socket.socket | None = None
        self._forkserver: asyncio.subprocess.Process | None = None
        self._imported = False  #: whether the forkserver has got round to its work
        self._refill: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """How many interpreters wait."""
        return len(self._warm)

    async def run(self) -> None:
        """Keep a forkserver alive; never ends by itself."""
        failures = 0
        if self._preload:
            await asyncio.sleep(_HEAD_START)
        while True:
            ours, theirs = socket.socketpair()
            ours.setblocking(False)  # a forkserver that was halted takes no orders
            command = [sys.executable, "-Pm", "ska_oso_oet.supervision.forkserver", str(theirs.fileno())]
            forkserver = await asyncio.create_subprocess_exec(
                *command,
                *self._preload,
                env=confidential.without(os.environ, *confidential.FILES),
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
            )
            theirs.close()
            self._orders, self._forkserver, self._imported = ours, forkserver, False
            started = asyncio.get_running_loop().time()
            self._fill()
            try:
                await forkserver.wait()
            finally:
                self._orders = None
                ours.close()
                # At an orderly end it may still be importing, and would outlive this process by seconds.
                with contextlib.suppress(ProcessLookupError):
                    forkserver.kill()
            if asyncio.get_running_loop().time() - started > 10:
                failures = 0
            LOG.error("The forkserver of interpreters ended; starting another")
            await asyncio.sleep(_BACK_OFF[min(failures, len(_BACK_OFF) - 1)])
            failures += 1

    async def take(self) -> SupervisorLink:
        """Hand out a supervisor, a warm one if there is one.

        :raises ConnectionError: if the forkserver ends meanwhile
        """
        while self._warm:
            link = self._warm.pop(0)
            if link.connected:
                return link
        return await self.spawn()

    async def spawn(self) -> SupervisorLink:
        """Have a supervisor made, beside those that are warm.

        :raises ConnectionError: if the forkserver ends meanwhile
        """
        while self._orders is None:
            await asyncio.sleep(0.01)
        ours, theirs = socket.socketpair()
        try:
            socket.send_fds(self._orders, [b"!"], [theirs.fileno()])
        except OSError as error:
            ours.close()
            raise ConnectionError("the forkserver of interpreters has ended") from error
        finally:
            theirs.close()
        link, forkserver = SupervisorLink(), self._forkserver
        try:
            await link.adopt(ours, _NEXT_TIMEOUT if self._imported else _FIRST_TIMEOUT)
        except TimeoutError:
            LOG.error("The forkserver of interpreters hangs; killing it")
            if forkserver is not None:
                with contextlib.suppress(ProcessLookupError):
                    forkserver.kill()
            raise ConnectionError("the forkserver of interpreters hangs") from None
        self._imported = self._imported or forkserver is self._forkserver
        return link

    def refill(self) -> None:
        """Replace the supervisor that was handed out, later: its run needs the processors now."""
        asyncio.get_running_loop().call_later(_REFILL_DELAY, self._fill)

    def _fill(self) -> None:
        if self._refill is None or self._refill.done():
            self._refill = asyncio.ensure_future(self._keep_warm())

    async def _keep_warm(self) -> None:
        while len(self._warm) < self._wanted and self._orders is not None:
            try:
                link = await self.spawn()
            except ConnectionError:
                return
            self._warm.append(link)
