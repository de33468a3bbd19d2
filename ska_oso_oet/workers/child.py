"""The arbiter's record of a worker: its process, heartbeat and secrets."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import os
import signal

from ..kernel import confidential
from ..settings import Settings
from ..settings.variables import VARIABLES
from . import NAMES
from .common import ARBITER
from .heartbeat import Heartbeat

LOG = logging.getLogger(__name__)


class Process:
    """A child of this process; whoever reaps children calls :meth:`ended`."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._gone = asyncio.Event()

    def ended(self, status: int) -> None:
        """Note its end."""
        self.returncode = os.waitstatus_to_exitcode(status)
        self._gone.set()

    async def wait(self) -> int:
        """Wait for its end; returns its exit status, or minus the number of the signal that ended it."""
        await self._gone.wait()
        assert self.returncode is not None
        return self.returncode

    def send(self, number: signal.Signals) -> None:
        """Send it a signal, if it is there."""
        if self.returncode is None:  # before it is reaped, its number is no other's
            os.kill(self.pid, number)


@dataclasses.dataclass
class Worker:
    """A worker of one role, and its latest process."""

    role: str
    process: Process | None = None
    heartbeat: Heartbeat | None = None
    failures: int = 0
    begun: bool = False  #: whether any of its processes was ready for work
    ending: bool = False  #: whether it must not be restarted

    def serves(self) -> bool:
        """Whether its process is alive and ready for work."""
        alive = self.process is not None and self.process.returncode is None
        return alive and self.heartbeat is not None and self.heartbeat.begun.is_set()

    async def until_serving(self) -> None:
        """Wait until a process of this worker is ready for work, and handles SIGTERM."""
        while not self.serves():
            await asyncio.sleep(0.01)

    async def stop(self, patience: float) -> None:
        """End this worker without a restart; it is killed after ``patience`` seconds."""
        self.ending = True
        if self.process is not None and await ended(self.process, patience) is None:
            LOG.error("Killed %s: it did not end", NAMES[self.role])


#: Secrets of one worker only, by role.
_SECRETS = {"central": confidential.DATABASE, "activity": confidential.ARCHIVE}
_FILES = ("sqlite:", "file:")  #: how URLs begin that hold no secret


def seal_secrets(settings: Settings) -> None:
    """Start the arbiter again if it knows secrets of one worker only, since it forks all of them."""
    names = (name for role in _SECRETS for name in _SECRETS[role])
    values = {name: confidential.known(name) for name in names}
    secret = [name for name in values if values[name] and not _is_file(name, values[name] or "")]
    if secret and not confidential.sealed():
        instead = {VARIABLES["database_url"].name: settings.public_database_url, ARBITER: str(os.getpid())}
        confidential.seal(secret, **instead)


def _is_file(name: str, value: str) -> bool:
    return name not in confidential.PASSWORDS and value.startswith(_FILES)


def unseal_secrets(role: str) -> None:
    """Read the secrets of a worker."""
    confidential.unseal(_SECRETS.get(role, ()))
    if role == "activity" and (confidential.known("OET_ODA_URL") or "").startswith("postgresql"):
        confidential.unseal(confidential.PASSWORDS)
    confidential.close_sealed()


async def ended(process: Process, patience: float) -> int | None:
    """End a process, or kill it after ``patience`` seconds; its exit status, or None if it was killed."""
    process.send(signal.SIGTERM)
    try:
        return await asyncio.wait_for(process.wait(), patience)
    except TimeoutError:
        process.send(signal.SIGKILL)
        await process.wait()
        return None
