"""Ends all processes of a run, and reports those that cannot be ended.

A process in the kernel's hands (a file server that is gone, a frozen control group) ends when it gets back.
Runs in the supervisor, or in SESWorker if the supervisor has died. Standard library only.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

from ..kernel import processes

Survivor = dict[str, Any]  #: ``pid``, ``command``, ``state`` (the kernel's)

KILL_TIMEOUT = 2.0  #: seconds after SIGKILL beyond which a process counts as a survivor
_ENDLESS = 20.0  #: seconds after which processes that start one another without end count as survivors
SLICE = 0.02  #: seconds of work in a row, after which an event loop gets its turn
_HUNT = 0.2  #: seconds that their parent looks for them between two looks at all of a run
_CHAIN = "processes that start one another faster than they can be killed"
_TIDYING = 1.0  #: seconds for helpers that tidy up after a Python process
_PAUSES = (0.001, 0.05)  #: seconds between looks: the first, and the longest

#: How the processes are known that unlink the shared memory and semaphores which a script has left behind.
_TIDIERS = b"resource_tracker"


async def leave_nobody(
    mark: int,
    *,
    root: int | None = None,
    name: str | None = None,
    on_kill: Callable[[], None] | None = None,
    patience: float = KILL_TIMEOUT,
) -> list[Survivor]:
    """Kill until no process of a run is alive; return those that could not be killed in time.

    :param mark: the run's mark
    :param root: a supervisor, all of whose descendants are meant as well
    :param name: the name of the run's supervisor, if its process is not known
    :param on_kill: called when something has to be killed
    :param patience: seconds after which the remaining processes count as survivors
    """
    begun, pause, before = time.monotonic(), _PAUSES[0], set[int]()
    while True:
        waited = time.monotonic() - begun
        left = processes.of_run(mark, root, name)
        killed = kill(left) if waited < _TIDYING else processes.kill(left)
        if root == os.getpid():
            if waited >= _TIDYING:
                await _outrun(root)
            reap()
        if not left:
            return []
        if waited >= patience:
            # Only processes of the last round have survived a SIGKILL; others are new.
            stuck = [found for pid in sorted(left & before) if (found := describe(pid)) is not None]
            if stuck or waited >= _ENDLESS:
                return stuck or [{"pid": min(left), "command": _CHAIN, "state": "unknown"}]
        before = left
        if on_kill is not None and killed:
            on_kill()
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, _PAUSES[1])


async def _outrun(supervisor: int) -> None:
    """Kill those that end as soon as they have started another: each is its child for a moment."""
    until = time.monotonic() + _HUNT
    while (now := time.monotonic()) < until:
        while time.monotonic() < now + SLICE:
            reap()
            found = processes.children(supervisor)
            if not found:
                return
            # None of them starts another while its group is being killed.
            processes.kill_groups(found)
            processes.kill(found)
        await asyncio.sleep(0)


def kill(pids: Collection[int]) -> int:
    """Send SIGKILL to these processes, but not to those that tidy up after others or end by themselves.

    Returns to how many.
    """
    return processes.kill([pid for pid in pids if not processes.ending(pid) and not _tidies_up(pid)])


async def gone(pids: Collection[int]) -> None:
    """Wait until none of these processes exists any more."""
    loop = asyncio.get_running_loop()
    for pid in pids:
        try:
            descriptor = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        ended = asyncio.Event()
        loop.add_reader(descriptor, ended.set)
        await ended.wait()
        loop.remove_reader(descriptor)
        os.close(descriptor)


def reap() -> None:
    """Reap the children of this process that have ended, as many as a moment allows."""
    for _ in ended_children():
        pass


def ended_children(seconds: float = SLICE) -> Iterator[tuple[int, int]]:
    """Reap children of this process that have ended, for so long at most; with their exit statuses.

    They are taken as they come: a look at each costs more time than a process needs to start the next one.
    """
    until = time.monotonic() + seconds
    with contextlib.suppress(ChildProcessError):
        while time.monotonic() < until and (ended := os.waitpid(-1, os.WNOHANG))[0]:
            yield ended


def describe(pid: int) -> Survivor | None:
    """The description of a process that cannot be ended; none if it is gone."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            words = file.read().rstrip(b"\0").split(b"\0")
        with open(f"/proc/{pid}/status") as status:
            fields = dict(line.split(":", 1) for line in status if ":" in line)
    except OSError:
        return None
    command = b" ".join(words).decode(errors="replace").strip() or f"[{fields['Name'].strip()}]"
    return {"pid": pid, "command": command[:_LONGEST], "state": fields["State"].strip()}


def in_words(survivors: Sequence[Survivor]) -> str:
    """The same for people, in one line."""
    return "; ".join(f"process {s['pid']} ({s['command']}), in state {s['state']}" for s in survivors)


_LONGEST = 200  #: characters of a command that are told


def _tidies_up(pid: int) -> bool:
    with contextlib.suppress(OSError), open(f"/proc/{pid}/cmdline", "rb") as file:
        return _TIDIERS in file.read()
    return False
