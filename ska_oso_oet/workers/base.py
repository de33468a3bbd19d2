"""What every worker does: hold its lock, be on the bus, answer when asked whether it is there."""

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

from .. import tracing
from ..bus.client import BusClient
from ..bus.envelope import Envelope
from ..execution.processes import end_with_parent
from ..settings import Settings
from .pulse import begin_beating, receive_pulse

LOG = logging.getLogger(__name__)

#: Exit status of a worker that cannot start, so that starting it again would not help.
CANNOT_START = 78
#: Exit status of a worker that cannot start, nor can any later one before somebody has mended something.
CANNOT_GO_ON = 79
#: In the environment of a worker: the process id of the arbiter it must not outlive.
ARBITER = "OET_ARBITER"
#: In the environment of a worker: there was one before it, under the same arbiter.
RESTARTED = "OET_RESTARTED"

_LOCK_PATIENCE = 10.0  #: seconds to wait for a predecessor that is just being killed


class CannotStart(Exception):  # noqa: N818  reads as a sentence
    """A worker cannot start; the message says why, and what to do."""

    status = CANNOT_START


class CannotGoOn(CannotStart):
    """Nor can the server go on without it."""

    status = CANNOT_GO_ON


def hold_lock(settings: Settings, name: str, patience: float = _LOCK_PATIENCE) -> int:
    """Make sure this is the only process with this role on this state directory.

    The kernel gives the lock back when the process ends, however it ends.

    :returns: the descriptor that holds it
    :raises CannotStart: where another process has it
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
            os.truncate(held, 0)
            os.write(held, str(os.getpid()).encode())
            return held
        except BlockingIOError:
            if time.monotonic() > deadline:
                owner = os.pread(held, 20, 0).decode() or "?"
                os.close(held)
                raise CannotStart(
                    f"process {owner} has the state directory {settings.state_dir} in use; stop it, or "
                    "choose another with OET_STATE_DIR"
                ) from None
            time.sleep(0.01)


def live_with_arbiter() -> None:
    """End when the arbiter ends, if there is one, and be able to tell it that this worker lives."""
    receive_pulse()
    arbiter = os.environ.get(ARBITER)
    if arbiter is not None:
        end_with_parent()
        if os.getppid() != int(arbiter):
            raise CannotStart("the arbiter has ended already")


def begin_tracing(settings: Settings, worker: str) -> None:
    """Trace what this worker does, if that is wanted, and as soon as that can be had."""
    about = {"oet.worker": worker, "oet.subarray": str(settings.subarray_id)}
    if settings.otlp_endpoint:  # loading it takes longer than a worker may
        arguments = (settings.otlp_endpoint, about)
        threading.Thread(target=tracing.begin, args=arguments, name="tracing", daemon=True).start()


def answer_pings(bus: BusClient) -> None:
    """Answer whoever asks whether this worker is there."""

    def pinged(request: Envelope) -> None:
        if request.payload["worker"] == bus.name:
            answer = bus.envelope("worker.pong", {"worker": bus.name}, request_id=request.request_id)
            bus.send([answer])

    bus.local.subscribe("request.worker.ping", pinged)


async def restored(bus: BusClient, restore: Callable[[int], Awaitable[None]]) -> None:
    """Have a service take up where the last one was, as soon as the journal can be read.

    :param restore: called with the number of the last message before this process was on the bus
    """
    await bus.reached()
    while True:
        try:
            await restore(bus.joined_at)
            return
        except ConnectionError as error:
            LOG.warning("The journal cannot be read yet: %s", error)
            await asyncio.sleep(0.1)
            await bus.reached()


async def until_terminated(*work: Awaitable[None]) -> None:
    """Do this work until SIGTERM or SIGINT, giving signs of life; an error in it ends the worker."""
    begin_beating()
    loop = asyncio.get_running_loop()
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    waiting = asyncio.ensure_future(told.wait())
    tasks = [asyncio.ensure_future(part) for part in work]
    await asyncio.wait([waiting, *tasks], return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        if task.done():
            task.result()


@contextlib.asynccontextmanager
async def kept_running(work: Awaitable[None]):  # type: ignore[no-untyped-def]
    """Have something run in the background for as long as the block lasts."""
    task = asyncio.ensure_future(work)
    try:
        yield task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


Body = Callable[[Settings], Awaitable[None]]
