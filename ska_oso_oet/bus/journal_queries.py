"""Queries to the broker, about its journal and its peers."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import AsyncIterator
from typing import Any

from .envelope import Envelope
from .link import Link

LOG = logging.getLogger(__name__)

_PAGE = 1000
_PAGE_BYTES = 2**20  #: size of a page of messages; one message is always read


class Lookup:
    """Sends queries to the broker. Every one raises ConnectionError if the broker is away."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._questions: dict[int, tuple[str, asyncio.Future[Any]]] = {}  #: by number
        self._numbers = itertools.count(1)  #: never reused
        link.on["answer"] = self._answered
        link.on_lost.append(self._lost)

    async def messages(self, **query: Any) -> list[Envelope]:
        """Read messages from the journal; see :class:`~ska_oso_oet.journal.Query`."""
        return [Envelope.from_dict(e) for e in await self._ask("messages", query)]

    async def all_messages(self, after: int = 0, **query: Any) -> AsyncIterator[Envelope]:
        """Read messages in as many pages as needed, each of a limited size."""
        while page := await self.messages(**query, after=after, limit=_PAGE, size=_PAGE_BYTES):
            for envelope in page:
                yield envelope
            after = page[-1].seq or after

    async def replay(self, **query: Any) -> list[Envelope]:
        """Read messages for a listener, who may wait longer than a worker."""
        return [Envelope.from_dict(e) for e in await self._ask("replay", query)]

    async def requests(self, topics: list[str], since: float) -> list[tuple[int, str]]:
        """The numbers of the messages on some topics since a time, and the ids of their requests."""
        found = await self._ask("requests", {"topics": topics, "since": since})
        return [(seq, request) for seq, request in found]

    async def procedures(self, **query: Any) -> list[dict[str, Any]]:
        """Read a page of the latest documents of procedures, the newest first.

        It may end early if the documents are large.
        """
        page: list[dict[str, Any]] = await self._ask("procedures", query)
        return page

    async def all_procedures(self, **query: Any) -> list[dict[str, Any]]:
        """Read the latest documents of procedures, in as many pages as needed."""
        return await self._all("procedures", query)

    async def documents(self, **query: Any) -> list[dict[str, Any]]:
        """Read a page of documents of a kind; see :meth:`~ska_oso_oet.journal.Journal.documents`."""
        page: list[dict[str, Any]] = await self._ask("documents", query)
        return page

    async def all_documents(self, **query: Any) -> list[dict[str, Any]]:
        """Read the latest documents of a kind, in as many pages as needed; each must have an id."""
        return await self._all("documents", query)

    async def _all(self, what: str, query: dict[str, Any]) -> list[dict[str, Any]]:
        documents: list[dict[str, Any]] = []
        limit = query.pop("limit", _PAGE)
        while len(documents) < limit:
            before = {"before": documents[-1]["id"]} if documents else {}
            page = await self._ask(what, {**query, **before, "limit": limit - len(documents)})
            if not page:
                break
            documents += page
        return documents

    async def audit(self, **query: Any) -> list[dict[str, Any]]:
        """Read a page of the audit; see :meth:`~ska_oso_oet.journal.Journal.audit`."""
        page: list[dict[str, Any]] = await self._ask("audit", query)
        return page

    async def audit_chain(self, what: str, *, after: int, limit: int) -> dict[str, Any]:
        """Read records of the audit with their chain, or the verdict on them.

        :param what: `records` or `verdict`; see :class:`~ska_oso_oet.journal.audit_verification.Verification`
        """
        answer: dict[str, Any] = await self._ask(f"audit.{what}", {"after": after, "limit": limit})
        return answer

    async def bounds(self) -> tuple[int, int]:
        """The first and the last number in the journal."""
        answer = await self._ask("bounds", {})
        return answer["first"], answer["head"]

    async def health(self) -> dict[str, str | None]:
        """The health of the journal and of the export of its audit: `ok`, or the trouble."""
        answer: dict[str, str | None] = await self._ask("health", {})
        return answer

    async def peers(self) -> list[str]:
        """The names of the processes on the bus."""
        answer: list[str] = await self._ask("peers", {})
        return answer

    async def _ask(self, what: str, query: dict[str, Any]) -> Any:
        if self._link.frames is None:
            raise ConnectionError("the broker is away")
        question: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        rid = next(self._numbers)
        self._questions[rid] = what, question
        self._link.frames.send({"op": "read", "rid": rid, "what": what, "query": query})
        try:
            return await question
        except asyncio.CancelledError:
            if self._link.frames is not None:  # else the broker that was asked is gone
                self._link.frames.send({"op": "drop", "rid": rid})
            raise
        finally:
            self._questions.pop(rid, None)

    def _answered(self, frame: dict[str, Any]) -> None:
        what, question = self._questions.get(frame["rid"], ("", None))
        if question is None or question.done():
            return  # the caller has given up
        if frame["what"] != what:
            LOG.error("Dropped an answer to %r: the query was %r", frame["what"], what)
            return
        if "error" in frame:
            question.set_exception(ConnectionError(frame["error"]))
        else:
            question.set_result(frame["result"])

    def _lost(self) -> None:
        for _, question in self._questions.values():
            if not question.done():
                question.set_exception(ConnectionError("the broker went away"))
        self._questions.clear()
