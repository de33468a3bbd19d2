"""`oet-server drain`: drains a server on this machine, and waits until nothing runs.

For the end of a pod: it needs no token, since only the user who runs the server can reach its bus.
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

from ..bus import topics
from ..bus.client import BusClient
from ..domain.errors import Refusal
from ..settings import Settings
from .common import CannotStart, kept_running

_NAME = "oet-server drain"
_TOPICS = (topics.REFUSED, topics.DRAIN_STATE, topics.DRAIN_ANSWER, topics.LIFECYCLE)
_ASK = 5.0  #: seconds for a question
_FLUSH = 2.0  #: seconds for the last messages to reach the journal
_PATIENCE = 20.0  #: seconds for the drain: a worker may be restarting
_POLL = 1.0  #: seconds between two queries without an event

Say = Callable[[str], None]


async def drain(settings: Settings, reason: str | None, wait: float, say: Say) -> None:
    """Drain the server of these settings, then wait until nothing runs.

    :param wait: time limit in seconds
    :param say: prints the progress for the user
    :raises CannotStart: if there is no server, or it does not answer
    """
    if not _serves(settings):
        raise CannotStart(
            f"no server has the state directory {settings.state_dir} in use; name another with OET_STATE_DIR"
        )
    bus = BusClient(_NAME, settings.bus_socket, _TOPICS)
    news = asyncio.Event()
    bus.local.subscribe_to_all(lambda event: news.set() if event.topic.startswith(topics.LIFECYCLE) else None)
    deadline = time.monotonic() + wait
    async with kept_running(bus.run()):
        await _begin(bus, reason)
        say("Drained: no new work is taken")
        if wait:
            say(await _until_nothing_runs(settings, bus, news, deadline, say))


async def _begin(bus: BusClient, reason: str | None) -> None:
    """Send the command, with its records for the audit."""
    user, deadline = _user(), time.monotonic() + _PATIENCE
    what = json.dumps({"reason": reason})
    fields = {"user": user, "name": _NAME, "address": None, "method": "POST", "path": "/drain", "what": what}
    command = bus.envelope(topics.AUDIT_COMMAND, fields, request_id=uuid.uuid4().hex, user=user)
    bus.send([command])
    while True:
        try:
            request_id = uuid.uuid4().hex
            await bus.ask(
                topics.DRAIN_BEGIN, {"reason": reason}, request_id=request_id, timeout=_ASK, user=user
            )
            break
        except Refusal as error:
            if time.monotonic() > deadline:
                raise CannotStart(f"the server was not drained: {error.detail}") from None
            await asyncio.sleep(0.1)
    answered = {"command": command.id, "status": 200, "detail": None}
    result = bus.envelope(topics.AUDIT_RESULT, answered, request_id=command.request_id, user=user)
    await asyncio.wait(bus.send([result]), timeout=_FLUSH)  # on a full disk, it reaches the journal later


async def _until_nothing_runs(
    settings: Settings, bus: BusClient, news: asyncio.Event, deadline: float, say: Say
) -> str:
    """Wait; returns the result as a sentence."""
    shown = ""
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
        if names != shown:
            shown = names
            say(f"Waiting for {names}; {left:.0f} s at the most")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(min(_POLL, left)):
                await news.wait()


async def _state(bus: BusClient, left: float) -> dict[str, Any] | None:
    """The state of the drain and the runs; None if a worker does not answer."""
    try:
        async with asyncio.timeout(max(_POLL, left)):
            question = bus.ask(topics.SHOW_DRAIN, {}, request_id=uuid.uuid4().hex, timeout=_ASK)
            state: dict[str, Any] = (await question).payload["result"]
            return state
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
    """Whether a server, or at least its bus, runs on this state directory.

    :raises CannotStart: if this user may not know that
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
