"""The arbiter's record of a worker: its process, heartbeat and secrets."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging

from ..bus import key
from ..kernel import confidential
from . import NAMES
from .heartbeat import Heartbeat

LOG = logging.getLogger(__name__)


@dataclasses.dataclass
class Worker:
    """A worker of one role, and its latest process."""

    role: str
    command: list[str]
    process: asyncio.subprocess.Process | None = None
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


def secrets_of(role: str) -> tuple[str, ...]:
    """The names of the secrets of a worker."""
    names = (key.NAME, *confidential.COLLECTORS, *_SECRETS.get(role, ()))
    archive = confidential.known("OET_ODA_URL") or ""
    if role == "activity" and archive.startswith("postgresql"):
        return (*names, *confidential.PASSWORDS)
    return names


async def ended(process: asyncio.subprocess.Process, patience: float) -> int | None:
    """End a process, or kill it after ``patience`` seconds; its exit status, or None if it was killed."""
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        return await asyncio.wait_for(process.wait(), patience)
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        return None
