"""Answers questions about procedures: those that are listed, and everything ever run."""

from __future__ import annotations

import contextlib
import functools
import os
import time
from typing import Any

from ..bus import topics
from ..bus.client import BusClient
from ..bus.envelope import Envelope
from ..bus.limited_work import Turns
from ..domain.errors import NotFound, Unavailable
from ..domain.listing import Listing
from ..domain.pool import Pool
from ..domain.procedure_document import whole
from ..runs.output import OutputReader
from ..settings import Settings
from .run import Run

_STREAMS = ("stdout", "stderr", "oet")
_READS = 2  #: pages of output that are read at once, so that there are always threads for other work


class ProcedureQueries:
    """Reads, and changes nothing.

    :param pool: the listed procedures
    :param runs: the live ones
    """

    def __init__(self, bus: BusClient, settings: Settings, pool: Pool, runs: dict[int, Run]) -> None:
        self._bus = bus
        self._settings = settings
        self._pool = pool
        self._runs = runs
        self._readers: dict[int, OutputReader] = {}
        self._reading = Turns(_READS)

    async def tell_list(self, request: Envelope) -> None:
        """Answer with the listed procedures, some by id, or a page of all there ever were (``query``).

        :raises NotFound: if there is none with an id that was asked for
        """
        query = request.payload.get("query")
        if query is not None:
            result = await self._page(Listing.from_dict(query))
        elif request.payload["pids"] is None:
            result = [listed.to_dict() for listed in self._pool.listed()]
        else:
            result = [await self.document(pid) for pid in request.payload["pids"]]
        self._reply(request, topics.PROCEDURE_LIST, {"result": result})

    async def _page(self, wanted: Listing) -> list[dict[str, Any]]:
        page = await self._bus.lookup.procedures(**wanted.question)
        live = {run.procedure.id: run.procedure for run in self._runs.values()}
        known = [live[d["id"]].to_dict() if d["id"] in live else whole(d) for d in page]
        return known[::-1]

    async def document(self, pid: int) -> dict[str, Any]:
        """The document of a procedure, listed or not.

        :raises NotFound: if there is none
        :raises Unavailable: if the journal cannot be read
        """
        listed = self._pool.find(pid) or (self._runs[pid].procedure if pid in self._runs else None)
        document = listed.to_dict() if listed is not None else await self.archived(pid)
        if document is None:
            raise NotFound.procedure(pid)
        return document

    async def archived(self, pid: int) -> dict[str, Any] | None:
        """The latest document of a procedure that need not be listed any more.

        :raises Unavailable: if the journal cannot be read
        """
        with contextlib.suppress(ConnectionError):
            found = await self._bus.lookup.procedures(pids=[pid])
            return whole(found[0]) if found else None
        raise Unavailable("the journal cannot be read at the moment; try again shortly")

    async def state_if_unlisted(self, pid: int) -> str | None:
        """The state of a procedure that is not listed any more, in words; none of one that is, or unknown.

        :raises Unavailable: if the journal cannot be read
        """
        document = None if self._pool.find(pid) is not None else await self.archived(pid)
        if document is None:
            return None
        return document["state"] if document["outcome"] is not None else "being ended"

    async def tell_output(self, request: Envelope) -> None:
        """Answer with a page of a script's output.

        :raises NotFound: if there is no such procedure
        """
        asked = request.payload
        document = await self.document(asked["pid"])
        reader = self._readers.setdefault(
            asked["pid"], OutputReader(os.path.join(self._settings.runs, str(asked["pid"])))
        )
        while len(self._readers) > self._settings.history * 2:
            del self._readers[next(iter(self._readers))]
        streams = tuple(asked["streams"] or _STREAMS)
        if asked["tail"] is not None:
            read = functools.partial(reader.tail, asked["tail"], streams, asked["limit"], asked["after"])
        else:
            read = functools.partial(reader.page, asked["after"], asked["limit"], streams)
        patience = None if request.expires is None else request.expires - time.time()
        page = await self._reading.in_thread(request.user or "", read, patience)
        final = document["outcome"] is not None
        result = {"procedure_id": asked["pid"], **page, "final": final, "state": document["state"]}
        self._reply(request, topics.OUTPUT_PAGE, {"result": result})

    def _reply(self, request: Envelope, topic: str, payload: dict[str, Any]) -> None:
        self._bus.send([self._bus.envelope(topic, payload, request_id=request.request_id)])
