"""Signs of life: how the arbiter notices a worker that is there, but does nothing any more.

A worker writes to a pipe every second; one that hangs is killed, and its successor takes over what it did.
The loop that writes is the one that does the work, so that a loop which never comes round is noticed as well.
"""

from __future__ import annotations

import asyncio
import contextlib
import os

#: In the environment of a worker: the descriptor of the pipe for its signs of life.
PULSE = "OET_PULSE"

_BEAT = 1.0  #: seconds

_pipes: list[int] = []
_beating: list[asyncio.Task[None]] = []  # a loop does not keep its tasks


def receive_pulse() -> None:
    """Keep the pipe from those whom this worker starts."""
    given = os.environ.pop(PULSE, None)
    if given is not None:
        os.set_inheritable(int(given), False)
        os.set_blocking(int(given), False)
        _pipes.append(int(given))


def begin_beating() -> None:
    """Give signs of life from now on, as long as this loop runs, where an arbiter listens."""
    _beating.extend(asyncio.ensure_future(_beat(pipe)) for pipe in _pipes)


async def _beat(pipe: int) -> None:
    while True:
        with contextlib.suppress(OSError):  # full, or nobody reads it: an arbiter that is stopped, or gone
            os.write(pipe, b".")
        await asyncio.sleep(_BEAT)


class Pulse:
    """Listens to one worker.

    :param patience: seconds without a sign of life after which it hangs; none if that does not matter
    """

    def __init__(self, patience: float | None) -> None:
        self.begun = asyncio.Event()  #: the worker is ready for work, and hears when it is told to end
        self._patience = patience
        self._heard = False
        self._ear, self.mouth = os.pipe()
        os.set_blocking(self._ear, False)
        asyncio.get_running_loop().add_reader(self._ear, self._listen)

    def given(self) -> None:
        """The worker has its end, so that ours is not needed any more."""
        os.close(self.mouth)

    def close(self) -> None:
        """Listen no more."""
        self._deaf()
        os.close(self._ear)

    async def lost(self) -> None:
        """Wait until the worker hangs. One that is still starting is given the time it needs.

        Counted in beats of our own and not by the clock, so that it counts for nothing when this machine, or
        the arbiter, was stopped for a while.
        """
        await self.begun.wait()
        silent = 0
        while self._patience is None or silent * _BEAT < self._patience:
            self._heard = False
            await asyncio.sleep(_BEAT)
            silent = 0 if self._heard else silent + 1

    def _listen(self) -> None:
        if os.read(self._ear, 65536):
            self._heard = True
            self.begun.set()
        else:
            self._deaf()  # the worker has ended, and so has whoever had its end of the pipe

    def _deaf(self) -> None:
        asyncio.get_running_loop().remove_reader(self._ear)
