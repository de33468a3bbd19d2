"""Admission to the bus: processes with its key, and others of the server's account except scripts."""

from __future__ import annotations

import asyncio
import hmac
import logging
from typing import Any

from ..bus import key
from ..bus.wire import Frames
from ..kernel import peers

LOG = logging.getLogger(__name__)

_STRANGERS = 64  #: connections without a hello, at once
_HELLO = 4096  #: bytes of a hello
_PATIENCE = 5.0  #: seconds until the hello


class Admission:
    """Decides about connections up to their hello.

    :param path: path of the broker's socket
    :param arbiter: process id of the arbiter, whose children are workers
    """

    def __init__(self, path: str, arbiter: int | None) -> None:
        self._key = key.required(path)
        self._arbiter = arbiter
        self._strangers: dict[Frames, bool] = {}  #: connections without a hello; True if not of a script

    def came(self, frames: Frames) -> None:
        """Start the time limit of a new connection for its hello."""
        own = peers.is_own(frames.socket, but=self._arbiter)
        if (
            list(self._strangers.values()).count(own) >= _STRANGERS
        ):  # counted apart, so that scripts cannot occupy all
            frames.abort()
            return
        self._strangers[frames] = own
        frames.longest = _HELLO
        asyncio.get_running_loop().call_later(_PATIENCE, self._turn_away_silent, frames)

    def _turn_away_silent(self, frames: Frames) -> None:
        if frames in self._strangers:
            frames.abort()

    def gone(self, frames: Frames) -> None:
        """Forget a connection."""
        self._strangers.pop(frames, None)

    def admit(self, frames: Frames, name: str, given: Any) -> bool | None:
        """Tell whether a process is a worker, by its key; None if it is turned away."""
        worker = hmac.compare_digest(str(given).encode(), self._key.encode())
        if not worker and not self._strangers.get(frames, False):
            LOG.error("Turned away a process that is not a worker from the bus; it calls itself %.80r", name)
            frames.close()
            return None
        self._strangers.pop(frames, None)
        frames.longest = None
        return worker
