"""The supervisor's end of the socket to the runner, which never waits for it. Standard library only."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import socket
from collections.abc import Callable
from typing import Any

from ..kernel.lines import Lines
from ..runs.protocol import LONGEST
from . import runner_messages

_READ = 256 * 1024  #: bytes taken at once
_SMALL_READ = 8 * 1024  #: bytes taken at once of a script that was held back for a while
_MOST_LEFT = 4 * 2**20  #: bytes that are heard of a runner that has ended
_MOST_UNTAKEN = 8 * 2**20  #: bytes that wait for a runner which takes nothing
_PAUSE = 0.25  #: seconds that a script which publishes too fast is held back without any progress

Said = list[dict[str, Any]]

LOG = logging.getLogger(__name__)


class RunnerLink:
    """Sends messages to the runner, and receives its messages.

    :param control: the socket
    :param heard: called with what was said, in order, and how many bytes that was; returns whether the
        runner must be held back
    :param deaf: called when too much waits for a runner that takes nothing; what more is said, it never hears
    """

    def __init__(
        self,
        control: socket.socket,
        heard: Callable[[Said, int, int], bool],
        deaf: Callable[[], None],
    ) -> None:
        self._control = control
        self._heard = heard
        self._deaf = deaf
        self._untaken = b""  #: said already, and still to be taken by the runner
        self._lines = Lines()
        self._reading = False
        self._closed = False
        self._warned = False
        self._room = _READ
        self._later: asyncio.TimerHandle | None = None  #: when more may be heard
        control.setblocking(False)

    def say(self, what: dict[str, Any]) -> None:
        """Say something; a runner that has ended does not hear it."""
        line = json.dumps(what).encode() + b"\n"
        if self._closed:
            return
        if self._untaken and len(self._untaken) + len(line) > _MOST_UNTAKEN:
            self._deaf()
            return
        self._untaken += line
        self._send()

    def _send(self) -> None:
        try:
            taken = self._control.send(self._untaken)
        except BlockingIOError:
            taken = 0
        except OSError:
            taken = len(self._untaken)
        self._untaken = self._untaken[taken:]
        loop = asyncio.get_running_loop()
        if self._untaken:
            loop.add_writer(self._control, self._send)
        else:
            loop.remove_writer(self._control)

    def listen(self) -> None:
        """Hear what is said, from now on and until the runner must be held back."""
        if not self._reading and not self._closed and self._later is None:
            self._reading = True
            asyncio.get_running_loop().add_reader(self._control, self._readable)

    def hold(self, seconds: float) -> None:
        """Receive nothing for a while; the runner waits in its next message."""
        self._pause()
        self.hurry(listen=False)
        self._room = _SMALL_READ
        self._later = asyncio.get_running_loop().call_later(seconds, self.hurry)

    def hurry(self, listen: bool = True) -> None:
        """Wait no longer."""
        if self._later is not None:
            self._later.cancel()
            self._later = None
        if listen:
            self.listen()

    def _pause(self) -> None:
        if self._reading:
            self._reading = False
            asyncio.get_running_loop().remove_reader(self._control)

    def _readable(self) -> None:
        # Unread messages fill the socket, and the runner waits in its send: the kernel holds a script back,
        # and no message is dropped. It is never held back for good: after a pause one more piece is read,
        # so that a service which is away slows a script, but cannot stop it.
        try:
            data = self._control.recv(self._room)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._closed = True
            self._pause()
        elif self._take(data):
            self._pause()
            asyncio.get_running_loop().call_later(_PAUSE, self.listen)

    def drain(self) -> None:
        """Receive the last messages of a runner that has ended."""
        self._closed = True
        self._pause()
        asyncio.get_running_loop().remove_writer(self._control)
        # More than this the runner itself cannot have left in the socket; its children may go on for ever.
        left = _MOST_LEFT
        with contextlib.suppress(OSError):
            while left > 0 and (data := self._control.recv(_READ)):
                left -= len(data)
                self._take(data)

    def _take(self, data: bytes) -> bool:
        lines = self._lines.take(data)
        if self._lines.unfinished > LONGEST:
            self._lines.spoil()
        said = [found for line in lines if (found := runner_messages.read(line)) is not None]
        if len(said) < len(lines) and not self._warned:
            self._warned = True
            LOG.warning("Dropped %d lines that are not messages of a runner", len(lines) - len(said))
        return self._heard(said, len(lines), len(data))
