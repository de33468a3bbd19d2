"""The common part of all workers: lock, heartbeat, pings, signals."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import os
import signal
import threading
import time
from collections.abc import Awaitable, Callable

from ..bus import topics
from ..bus.client import BusClient
from ..bus.envelope import Envelope
from ..kernel.processes import end_with_parent
from ..settings import Settings
from ..telemetry import tracing
from .heartbeat import begin_beating, receive_heartbeat_pipe

LOG = logging.getLogger(__name__)

#: Exit status of a worker that cannot start; a restart would not help.
CANNOT_START = 78
#: Exit status of a worker without which the server must end: an operator has to act first.
CANNOT_GO_ON = 79
#: Environment variable of a worker: the process id of its arbiter, which it must not outlive.
ARBITER = "OET_ARBITER"
#: Environment variable of a worker: set if it is a restart under the same arbiter.
RESTARTED = "OET_RESTARTED"

#: Bytes of a lock file: always the same, so that they are overwritten on a full disk.
_OWNER = 20
LOCK_PATIENCE = 10.0  #: seconds to wait for the end of a predecessor


class CannotStart(Exception):  # noqa: N818  reads as a sentence
    """A worker cannot start; the message gives the reason and the action to take."""

    status = CANNOT_START


class CannotGoOn(CannotStart):
    """A worker cannot start, and the server cannot run without it."""

    status = CANNOT_GO_ON


def hold_lock(settings: Settings, name: str, patience: float = LOCK_PATIENCE) -> int:
    """Require that this is the only process with this role on this state directory.

    The kernel releases the lock when the process ends, even if it is killed.

    :param patience: seconds to wait for the lock
    :returns: the descriptor that holds the lock
    :raises CannotStart: if another process has it
    """
    path = os.path.join(settings.state_dir, f"{name}.lock")
    try:
        os.makedirs(settings.state_dir, mode=0o700, exist_ok=True)
        held = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise CannotStart(f"the state directory cannot be used: {path}: {error.strerror}") from None
    deadline = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with contextlib.suppress(OSError):  # a full disk
                os.pwrite(held, str(os.getpid()).encode().ljust(_OWNER), 0)
            return held
        except BlockingIOError:
            if time.monotonic() > deadline:
                owner = os.pread(held, _OWNER, 0).decode().strip() or "?"
                os.close(held)
                raise CannotStart(
                    f"process {owner} has the state directory {settings.state_dir} in use; stop it, or "
                    "choose another with OET_STATE_DIR"
                ) from None
            time.sleep(0.01)


def live_with_arbiter() -> None:
    """Prepare the heartbeat, and end this process when its arbiter ends, if it has one."""
    receive_heartbeat_pipe()
    arbiter = os.environ.get(ARBITER)
    if arbiter is not None:
        end_with_parent()
        if os.getppid() != int(arbiter):
            raise CannotStart("the arbiter has ended already")


def begin_tracing(settings: Settings, worker: str) -> None:
    """Enable tracing, if configured, in the background."""
    about = {"oet.worker": worker, "oet.subarray": str(settings.subarray_id)}
    if settings.otlp_endpoint:  # its import takes too long for a start
        arguments = (settings.otlp_endpoint, about)
        threading.Thread(target=tracing.begin, args=arguments, name="tracing", daemon=True).start()


def answer_pings(bus: BusClient) -> None:
    """Answer the pings of readiness checks."""

    def pinged(request: Envelope) -> None:
        if request.payload["worker"] == bus.name:
            answer = bus.envelope(topics.PONG, {"worker": bus.name}, request_id=request.request_id)
            bus.send([answer])

    bus.local.subscribe(topics.PING, pinged)


async def restored(bus: BusClient, restore: Callable[[int], Awaitable[None]]) -> None:
    """Restore a service from the journal, as soon as that can be read.

    :param restore: called with the number of the last message before this process joined the bus
    """
    await bus.reached()
    while True:
        try:
            await restore(bus.joined_at)
            return
        except ConnectionError as error:
            LOG.warning("Cannot read the journal yet: %s", error)
            await asyncio.sleep(0.1)
            await bus.reached()


async def until_terminated(*work: Awaitable[None]) -> None:
    """Run work and heartbeats until SIGTERM or SIGINT; an error in the work ends the worker."""
    begin_beating()
    loop = asyncio.get_running_loop()
    ending = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ending.set)
    waiting = asyncio.ensure_future(ending.wait())
    tasks = [asyncio.ensure_future(part) for part in work]
    await asyncio.wait([waiting, *tasks], return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        if task.done():
            task.result()


@contextlib.asynccontextmanager
async def kept_running(work: Awaitable[None]):  # type: ignore[no-untyped-def]
    """Run work in the background during a block."""
    task = asyncio.ensure_future(work)
    try:
        yield task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


Body = Callable[[Settings], Awaitable[None]]
