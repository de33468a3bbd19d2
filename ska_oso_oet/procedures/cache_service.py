"""The cache of scripts from git: listed, removed on request, and tidied by age and size."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
import os
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from ..bus import topics
from ..bus.client import BusClient
from ..bus.envelope import Envelope
from ..domain.errors import Conflict, NotFound, TimedOut
from ..preparation import environment, repository
from ..preparation.cache import ArtifactCache, Entry
from ..settings import Settings

LOG = logging.getLogger(__name__)

_EVERY = 3600.0  #: seconds between two times of tidying
_DEADLINE = 20.0  #: seconds the file system may take
_DAY = 86400.0

T = TypeVar("T")


@dataclasses.dataclass(frozen=True)
class _Kept:
    kind: str
    cache: ArtifactCache
    entry: Entry

    @property
    def id(self) -> str:
        return f"{self.kind}-{self.entry.name}"

    def to_dict(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "kind": self.kind,
            "repository": self.entry.about.get("repository"),
            "commit": self.entry.about.get("commit"),
            "size": self.entry.size,
            "created": self.entry.created,
            "used": self.entry.used,
        }


class CacheService:
    """Looks after the caches of one server. All work is done in threads: disks may be slow."""

    def __init__(self, bus: BusClient, settings: Settings) -> None:
        self._bus = bus
        self._days = settings.cache_days
        self._room = settings.cache_size
        mirrors, trees = repository.caches(os.path.join(settings.state_dir, "git"))
        home = os.path.join(settings.state_dir, "environments")
        self._caches = {"environment": environment.cache(home), "tree": trees, "mirror": mirrors}

    async def run(self) -> None:
        """Tidy now and then; never ends by itself."""
        while True:
            try:
                await asyncio.to_thread(self._tidy)
            except Exception:  # noqa: BLE001  an odd file must not end the service
                LOG.exception("Could not tidy the cache of scripts from git")
            await asyncio.sleep(_EVERY)

    # -- requests ----------------------------------------------------------------------------------

    async def tell(self, request: Envelope) -> None:
        """Answer with all entries, the last used first."""
        kept = await self._in_time(self._kept)
        self._reply(request, topics.ENVIRONMENT_LIST, [one.to_dict() for one in kept])

    async def remove(self, request: Envelope) -> None:
        """Remove one thing.

        :raises NotFound: if there is no such thing
        :raises Conflict: if a procedure uses it
        """
        wanted = request.payload["cmd"].get("id")
        found = {one.id: one for one in await self._in_time(self._kept)}
        if wanted not in found:
            raise NotFound(
                f"There is no environment, work tree or mirror {wanted}; to see which there are: "
                "oet environment list"
            )
        one = found[wanted]
        if not await self._in_time(lambda: one.cache.remove(one.entry.name)):
            raise Conflict(f"Cannot remove {wanted}: a procedure is using it; stop that one first")
        self._reply(request, topics.ENVIRONMENT_REMOVED, one.to_dict())

    def _reply(self, request: Envelope, topic: str, result: Any) -> None:
        self._bus.send([self._bus.envelope(topic, {"result": result}, request_id=request.request_id)])

    @staticmethod
    async def _in_time(work: Callable[[], T]) -> T:
        try:
            return await asyncio.wait_for(asyncio.to_thread(work), _DEADLINE)
        except TimeoutError:
            raise TimedOut("the file system of the state directory does not answer") from None

    # -- in a thread -------------------------------------------------------------------------------

    def _kept(self) -> list[_Kept]:
        kept = [
            _Kept(kind, cache, entry) for kind, cache in self._caches.items() for entry in cache.entries()
        ]
        return sorted(kept, key=lambda one: -one.entry.used)

    def _tidy(self) -> None:
        for cache in self._caches.values():
            with _logged("the files of an ended run"):
                cache.clear_leftovers()
        room = self._room
        for one in self._kept():
            room -= one.entry.size
            old = time.time() - one.entry.used > self._days * _DAY
            with _logged(one.id):
                if (old or room < 0) and one.cache.remove(one.entry.name):
                    LOG.info("Removed %s of %s", one.id, one.entry.about.get("repository"))
                    room += one.entry.size


@contextlib.contextmanager
def _logged(what: str) -> Iterator[None]:
    """Log a fault of one entry, and continue with the next."""
    try:
        yield
    except OSError as error:
        LOG.error("Cannot remove %s: %s", what, error)
