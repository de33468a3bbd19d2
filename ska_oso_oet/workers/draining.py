"""`oet-server drain`: drains a server from beside it, and waits until nothing runs.

For the end of a pod: it needs no token, and only the user who runs the server may reach its bus.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import pwd
import time
import uuid
from collections.abc import Callable
from typing import Any

from ..bus.client import BusClient
from ..domain.errors import Refusal
from ..settings import Settings
from .base import CannotStart, kept_running

_NAME = "oet-server drain"
_HAPPENS = "procedure.lifecycle"
_TOPICS = ("request.failed", "operator.drain.state", "operator.pool.drain", _HAPPENS)
_ASK = 5.0  #: seconds for a question
_FLUSH = 2.0  #: seconds that what was said last gets to reach the journal
_PATIENCE = 20.0  #: seconds a server may take to be drained: one of its workers may be restarting
_LOOK = 1.0  #: seconds after which is looked again though nothing was heard

Say = Callable[[str], None]


async def drain(settings: Settings, reason: str | None, wait: float, say: Say) -> None:
    """Drain the server of these settings, then wait until nothing runs.

    :param wait: seconds to wait at the most
    :param say: tells the user how it goes
    :raises CannotStart: where there is no server, or it does not answer
    """
    if not _serves(settings):
        raise CannotStart(
            f"no server has the state directory {settings.state_dir} in use; name another with OET_STATE_DIR"
        )
    bus = BusClient(_NAME, settings.bus_socket, _TOPICS)
    news = asyncio.Event()
    bus.local.subscribe_to_all(lambda heard: news.set() if heard.topic.startswith(_HAPPENS) else None)
    deadline = time.monotonic() + wait
    async with kept_running(bus.run()):
        await _begin(bus, reason)
        say("Drained: no new work is taken")
        if wait:
            say(await _until_nothing_runs(settings, bus, news, deadline, say))


async def _begin(bus: BusClient, reason: str | None) -> None:
    """Ask for it, and have that recorded like every other command."""
    user, deadline = _user(), time.monotonic() + _PATIENCE
    what = json.dumps({"reason": reason})
    asked = {"user": user, "name": _NAME, "address": None, "method": "POST", "path": "/drain", "what": what}
    command = bus.envelope("audit.command", asked, request_id=uuid.uuid4().hex, user=user)
    bus.send([command])
    while True:
        try:
            request_id = uuid.uuid4().hex
            await bus.ask(
                "operator.drain.begin", {"reason": reason}, request_id=request_id, timeout=_ASK, user=user
            )
            break
        except Refusal as error:
            if time.monotonic() > deadline:
                raise CannotStart(f"the server was not drained: {error.detail}") from None
            await asyncio.sleep(0.1)
    answered = {"command": command.id, "status": 200, "detail": None}
    result = bus.envelope("audit.result", answered, request_id=command.request_id, user=user)
    await asyncio.wait(bus.send([result]), timeout=_FLUSH)  # on a full disk it is in the journal later


async def _until_nothing_runs(
    settings: Settings, bus: BusClient, news: asyncio.Event, deadline: float, say: Say
) -> str:
    """Wait; return how it ended."""
    told = ""
    while True:
        news.clear()
        left = deadline - time.monotonic()
        state = await _state(bus, left)
        if state is not None and not state["drained"]:
            return "Work was resumed by somebody else; no longer waiting"
        if state is not None and not state["working"]:
            return "Nothing runs"
        names = _names(state)
        if left <= 0:
            return f"The time has passed; left to the end of the server: {names}"
        if not _serves(settings):
            return "The server has ended"
        if names != told:
            told = names
            say(f"Waiting for {names}; {left:.0f} s at the most")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(min(_LOOK, left)):
                await news.wait()


async def _state(bus: BusClient, left: float) -> dict[str, Any] | None:
    """Whether it is drained and what runs; None where nobody can tell at the moment."""
    try:
        async with asyncio.timeout(max(_LOOK, left)):
            question = bus.ask("request.operator.drain", {}, request_id=uuid.uuid4().hex, timeout=_ASK)
            found: dict[str, Any] = (await question).payload["result"]
            return found
    except (Refusal, TimeoutError):
        return None


def _names(state: dict[str, Any] | None) -> str:
    if state is None:
        return "a worker that is being restarted"
    return ", ".join(f"procedure {one['id']} ({one['state']})" for one in state["working"])


def _user() -> str:
    try:
        return f"local user {pwd.getpwuid(os.getuid()).pw_name}"
    except KeyError:
        return f"local user {os.getuid()}"


def _serves(settings: Settings) -> bool:
    """Whether a server, or at least its bus, runs with this state directory.

    :raises CannotStart: where that may not be known
    """
    return any(_held(os.path.join(settings.state_dir, f"{name}.lock")) for name in ("server", "bus"))


def _held(path: str) -> bool:
    try:
        lock = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise CannotStart(
            f"{path}: {error.strerror}; only the user who runs the server can drain it this way"
        ) from None
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False
