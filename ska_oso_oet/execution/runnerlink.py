"""The supervisor's end of the socket to the runner. Standard library only."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import socket
from collections.abc import Callable
from typing import Any

from . import sayings
from .protocol import LONGEST

_READ = 256 * 1024  #: bytes taken at once
_SIP = 8 * 1024  #: bytes taken at once of a script that was held back for a while
_MOST_LEFT = 4 * 2**20  #: bytes that are heard of a runner that has ended
_PATIENCE = 0.25  #: seconds that a script which publishes too fast is held back without any progress

Said = list[dict[str, Any]]

LOG = logging.getLogger(__name__)


class RunnerLink:
    """Says things to the runner, and hears what it says.

    :param control: the socket
    :param heard: called with what was said, in order, and how many bytes that was; returns whether the
        runner must be held back
    """

    def __init__(self, control: socket.socket, heard: Callable[[Said, int, int], bool]) -> None:
        self._control = control
        self._heard = heard
        self._rest = b""
        self._reading = False
        self._closed = False
        self._complained = False
        self._room = _READ
        self._later: asyncio.TimerHandle | None = None  #: when more may be heard
        control.setblocking(False)

    def say(self, what: dict[str, Any]) -> None:
        """Say something; a runner that has ended does not hear it."""
        line = json.dumps(what).encode() + b"\n"
        self._control.setblocking(True)
        with contextlib.suppress(OSError):
            self._control.sendall(line)
        self._control.setblocking(False)

    def listen(self) -> None:
        """Hear what is said, from now on and until the runner must be held back."""
        if not self._reading and not self._closed and self._later is None:
            self._reading = True
            asyncio.get_running_loop().add_reader(self._control, self._readable)

    def hold(self, seconds: float) -> None:
        """Hear nothing for a while, whoever wants to; the runner waits where it says something."""
        self._pause()
        self.hurry(listen=False)
        self._room = _SIP
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
            asyncio.get_running_loop().call_later(_PATIENCE, self.listen)

    def drain(self) -> None:
        """Hear the last of what was said by a runner that has ended."""
        self._closed = True
        self._pause()
        # More than this the runner itself cannot have left in the socket; its children may go on for ever.
        left = _MOST_LEFT
        with contextlib.suppress(OSError):
            while left > 0 and (data := self._control.recv(_READ)):
                left -= len(data)
                self._take(data)

    def _take(self, data: bytes) -> bool:
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        if len(self._rest) > LONGEST:
            self._rest = b"too long"
        said = [found for line in lines if (found := sayings.read(line)) is not None]
        if len(said) < len(lines) and not self._complained:
            self._complained = True
            LOG.warning("Dropped what is no saying of a runner: %d lines", len(lines) - len(said))
        return self._heard(said, len(lines), len(data))
