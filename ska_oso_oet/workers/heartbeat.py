"""Heartbeats, by which the arbiter detects that a worker hangs.

A worker writes to a pipe every second, from the event loop that does its work. A worker without heartbeats is
killed, and its successor takes over its work.
"""

from __future__ import annotations

import asyncio
import contextlib
import os

#: Environment variable of a worker: the file descriptor of its pipe.
HEARTBEAT = "OET_HEARTBEAT"

_BEAT = 1.0  #: seconds

_pipes: list[int] = []
_beating: list[asyncio.Task[None]] = []  # an event loop has only weak references to its tasks


def receive_heartbeat_pipe() -> None:
    """Take the pipe from the environment, and close it in child processes."""
    given = os.environ.pop(HEARTBEAT, None)
    if given is not None:
        os.set_inheritable(int(given), False)
        os.set_blocking(int(given), False)
        _pipes.append(int(given))


def begin_beating() -> None:
    """Send heartbeats from this loop, if there is an arbiter."""
    _beating.extend(asyncio.ensure_future(_beat(pipe)) for pipe in _pipes)


async def _beat(pipe: int) -> None:
    while True:
        with contextlib.suppress(OSError):  # the pipe is full or closed: the arbiter is suspended or gone
            os.write(pipe, b".")
        await asyncio.sleep(_BEAT)


class Heartbeat:
    """The arbiter's end of a worker's heartbeat.

    :param patience: seconds without a heartbeat after which a worker hangs; None for no limit
    """

    def __init__(self, patience: float | None) -> None:
        self.begun = asyncio.Event()  #: the worker is ready for work, and handles SIGTERM
        self._patience = patience
        self._received = False
        self._read_end, self.write_end = os.pipe()
        os.set_blocking(self._read_end, False)
        asyncio.get_running_loop().add_reader(self._read_end, self._listen)

    def close_write_end(self) -> None:
        """Close our copy of the worker's end, once the worker is started."""
        os.close(self.write_end)

    def close(self) -> None:
        """Close the pipe."""
        self._stop_listening()
        os.close(self._read_end)

    async def lost(self) -> None:
        """Wait until the worker hangs; its start has no time limit.

        Counts its own intervals instead of reading a clock, so that the suspension of this machine or of the
        arbiter does not count.
        """
        await self.begun.wait()
        silent = 0
        while self._patience is None or silent * _BEAT < self._patience:
            self._received = False
            await asyncio.sleep(_BEAT)
            silent = 0 if self._received else silent + 1

    def _listen(self) -> None:
        if os.read(self._read_end, 65536):
            self._received = True
            self.begun.set()
        else:
            self._stop_listening()  # end of file: the worker has ended

    def _stop_listening(self) -> None:
        asyncio.get_running_loop().remove_reader(self._read_end)
