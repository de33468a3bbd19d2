"""Answers queries about the journal and the broker."""

from __future__ import annotations

import functools
import json
import logging
from collections.abc import Callable, Sequence
from typing import Any

from ..journal import Journal, Query
from ..journal.audit_verification import Verification
from .audit_export import Exporter, health_of
from .query_threads import Lane
from .spool import Spool

LOG = logging.getLogger(__name__)


class Answers:
    """Answers queries; reads the journal in threads, so that no message waits.

    Look-ups that commands need have threads of their own, so that they wait for no reader.

    :param peers: returns the names of the processes on the bus
    """

    def __init__(
        self,
        journal: Journal,
        spool: Spool,
        exporters: Sequence[Exporter],
        peers: Callable[[], list[str]],
    ) -> None:
        self._journal = journal
        self._spool = spool
        self._exporters = exporters
        verification = Verification(journal.engine)
        self._commands = Lane("command", 2)
        self._lists = Lane("list", 4)
        self._verdicts = Lane("verdict", 1)
        self._in_loop: dict[str, Callable[[], Any]] = {
            "health": self._health,
            "peers": peers,
        }
        self._in_thread: dict[str, Callable[..., Any]] = {
            "messages": self._messages,
            "replay": self._messages,
            "requests": self._requests,
            "procedures": journal.procedures,
            "documents": journal.documents,
            "audit": journal.audit,
            "audit.records": verification.records,
            "audit.verdict": verification.verdict,
            "bounds": lambda: {"first": journal.first(), "head": spool.head},
        }

    async def answer(self, what: str, query: dict[str, Any]) -> dict[str, Any]:
        """Answer a query with its ``result`` or an ``error``.

        :param what: name of the query
        :param query: its parameters
        """
        try:
            if what in self._in_loop:
                return {"result": self._in_loop[what]()}
            answer = functools.partial(self._in_thread[what], **query)
            key = json.dumps([what, query], sort_keys=True)
            return {"result": await self._lane(what, query).ask(key, answer)}
        except Exception as error:  # without an answer, the asker would wait for ever
            LOG.exception("Cannot read the journal")
            return {"error": f"the journal cannot be read: {type(error).__name__}"}

    def _lane(self, what: str, query: dict[str, Any]) -> Lane:
        if what == "audit.verdict":
            return self._verdicts
        by_number = query.get("pids") is not None or query.get("ids") is not None
        return self._commands if by_number or what in ("messages", "requests") else self._lists

    def _health(self) -> dict[str, str | None]:
        journal = "ok"
        if self._journal.damage is not None:
            journal = f"damaged: {self._journal.damage}"
        elif self._spool:
            journal = f"cannot be written: {len(self._spool)} messages wait for room on the disk"
        return {"journal": journal, "audit_export": health_of(self._exporters)}

    def _requests(self, topics: list[str], since: float) -> list[tuple[int, str]]:
        wanted = Query(topics=tuple(topics), since=since)
        spooled = [e for e in self._spool.waiting() if wanted.matches(e)]
        read = self._journal.requests(tuple(topics), since)
        return [*read, *((e.seq or 0, e.request_id) for e in spooled if e.request_id is not None)]

    def _messages(self, **query: Any) -> list[dict[str, Any]]:
        plain: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in query.items()}
        wanted = Query(**plain)
        # Memory first: a message that is written meanwhile is read twice, but never missed.
        spooled = [e for e in self._spool.waiting() if wanted.matches(e)]
        read = self._journal.read(wanted)
        if read and wanted.size is not None:
            spooled = []  # there may be more before them
        return [e.to_dict() for e in (*read, *spooled)[: wanted.limit]]
