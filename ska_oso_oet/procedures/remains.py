"""The processes of a run that outlive its supervisor."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ..kernel import processes
from ..kernel.peers import supervisor_of
from ..runs.directory import RunDirectory
from ..runs.survivors import KILL_TIMEOUT, Survivor, gone, leave_nobody


class Remains:
    """What a supervisor that is gone has left of its run.

    :param pid: the id of the procedure
    :param on_gone: called once the survivors that are watched are gone
    """

    def __init__(self, directory: RunDirectory, pid: int, on_gone: Callable[[], None]) -> None:
        self._mark = processes.mark_of(directory.path)
        self._name = supervisor_of(pid)
        self._on_gone = on_gone
        self._watching: asyncio.Task[None] | None = None

    async def end(self, patience: float) -> list[Survivor]:
        """Kill all of it; returns those that could not be killed.

        :param patience: seconds
        """
        return await leave_nobody(self._mark, name=self._name, patience=patience)

    def watch(self, survivors: list[Survivor]) -> None:
        """Tell when they are gone."""
        self._watching = asyncio.ensure_future(self._watch(survivors))

    async def _watch(self, survivors: list[Survivor]) -> None:
        while survivors:
            await gone([survivor["pid"] for survivor in survivors])
            survivors = await self.end(KILL_TIMEOUT)
        self._on_gone()
