"""One supervised run, seen from SESWorker: its orders go out here, its records come in."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Callable
from typing import Any

from ..bus.wire import Frames, reachable
from ..kernel import processes
from ..runs.directory import RunDirectory

Records = Callable[[list[dict[str, Any]]], object]

_FOLLOW_TIMEOUT = 2.0  #: seconds for a supervisor to take up with a restarted SESWorker


class SupervisorLink:
    """The connection to one supervisor.

    ``on_records``, ``on_output`` and ``on_pace`` are called with its messages; ``on_lost`` once it is gone.
    """

    def __init__(self) -> None:
        self.on_records: Records = lambda batch: None
        self.on_output: Records = lambda batch: None
        self.on_pace: Callable[[dict[str, Any]], None] = lambda report: None
        self.on_lost: Callable[[], None] = lambda: None
        self.identity: dict[str, Any] = {}
        self.gone = asyncio.Event()  #: set when the supervisor's process has ended
        self._frames: Frames | None = None
        self._followed = asyncio.Event()
        self._hello: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._pidfd: int | None = None

    @property
    def connected(self) -> bool:
        """Whether the supervisor can be spoken to."""
        return self._frames is not None

    async def adopt(self, connection: socket.socket, patience: float) -> None:
        """Take charge of a supervisor that has just been forked.

        :param patience: seconds it may take to say hello
        :raises ConnectionError: if it ends before that
        :raises TimeoutError: if it takes too long
        """
        await asyncio.get_running_loop().create_connection(self._make, sock=connection)
        try:
            await asyncio.wait_for(asyncio.shield(self._hello), patience)
        except TimeoutError:
            self.close()
            raise

    async def take_over(self, directory: RunDirectory, after: int) -> None:
        """Take charge of the supervisor of a run that an earlier SESWorker began.

        :param after: the number of the last record that is in the journal
        :raises ConnectionError: if no supervisor of this run is alive
        """
        known = directory.read("process.json")
        if known is None or not processes.is_there(known):
            raise ConnectionError("its supervisor is not alive")
        self.identity = known
        try:
            await asyncio.get_running_loop().create_unix_connection(self._make, reachable(directory.socket))
        except OSError as error:
            raise ConnectionError("its supervisor cannot be reached") from error
        self._watch(known["pid"])
        self.order({"op": "follow", "after": after})

    async def followed(self) -> None:
        """Wait until it is known which start of the earlier SESWorker has begun; but not for ever."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._followed.wait(), _FOLLOW_TIMEOUT)

    def order(self, order: dict[str, Any]) -> None:
        """Give an order; without a connection it is dropped, and ``on_lost`` follows."""
        if self._frames is not None:
            self._frames.send(order)

    def close(self) -> None:
        """Let go of the supervisor; one without a spec ends."""
        if self._frames is not None:
            self._frames.close()

    def kill(self) -> None:
        """End the supervisor's process, and with it the script's."""
        if self._pidfd is not None:
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    # -- incoming messages -------------------------------------------------------------------------

    def _make(self) -> Frames:
        self._frames = Frames(self._received, self._ended)
        return self._frames

    def _received(self, frames: Frames, frame: dict[str, Any]) -> None:
        match frame.get("op"):
            case "records":
                self.on_records(frame["batch"])
            case "output":
                self.on_output(frame["batch"])
            case "pace":
                self.on_pace(frame["report"])
            case "followed":
                self._followed.set()
            case "hello":
                self.identity = {key: frame[key] for key in ("pid", "started", "boot", "runner")}
                self._watch(frame["pid"])
                if not self._hello.done():
                    self._hello.set_result(None)

    def _watch(self, pid: int) -> None:
        try:
            self._pidfd = os.pidfd_open(pid)
        except ProcessLookupError:
            self.gone.set()
            return
        asyncio.get_running_loop().add_reader(self._pidfd, self._process_ended)

    def _process_ended(self) -> None:
        if self._pidfd is not None:
            asyncio.get_running_loop().remove_reader(self._pidfd)
            os.close(self._pidfd)
            self._pidfd = None
        self.gone.set()

    def _ended(self, frames: Frames) -> None:
        self._frames = None
        self._followed.set()
        if not self._hello.done():
            self._hello.set_exception(ConnectionError("a supervisor ended before it said hello"))
            self._hello.exception()
        self.on_lost()
