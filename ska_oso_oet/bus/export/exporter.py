"""Sends the records of the audit somewhere else, however slow or often away that is.

Runs in the bus process, in a thread of its own. The journal is the queue: what could not be sent yet is
there, nobody waits for it, and what was sent is noted there as well, so that a restart goes on behind it.
A record is sent again where it is not certain that it has arrived: its number and hash tell it is the same.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import threading
from collections.abc import Sequence
from typing import Any, Protocol

import sqlalchemy as sa

from ...domain.chain import Place
from ...metrics import catalogue as metrics
from ..journal import Journal, chain

LOG = logging.getLogger(__name__)

_PAGE = 100  #: records sent at once
_PAUSES = (0.5, 10.0)  #: seconds between two attempts: the first time, and at the most
_PING = 60.0  #: seconds after which it is looked for records though nobody told of any


class Target(Protocol):
    """Where records are sent."""

    name: str  #: `syslog` or `otlp`
    address: str  #: for people

    def send(self, records: list[dict[str, Any]]) -> None:
        """Send records; when this returns they have arrived, as far as can be known.

        :raises Exception: where they may not have
        """

    def close(self) -> None:
        """Hang up."""


class Exporter:
    """Sends the records of a journal to one target, for as long as this process lives."""

    def __init__(self, journal: Journal, target: Target) -> None:
        self.trouble: str | None = None  #: why records are not sent
        self._journal = journal
        self._target = target
        self._note = f"audit_sent_{target.name}"
        self._kept = self._position = self._begin()
        self._grown = threading.Event()
        self._late = 0  #: records sent since it was lost
        journal.audited.append(self._grown.set)

    def _begin(self) -> Place:
        """Where to go on: behind what was sent, or, the first time, behind what is there."""
        noted = self._journal.noted(self._note)
        with contextlib.suppress(ValueError, TypeError):
            if noted is not None:
                return Place(**json.loads(noted))
        place = self._head()
        with contextlib.suppress(sa.exc.OperationalError), self._journal.writing():  # a full disk
            self._journal.note(self._note, json.dumps(place.to_dict()))
        return place

    def _head(self) -> Place:
        with self._journal.reading() as connection:
            return chain.head(connection)

    # -- in the event loop -------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to send."""
        loop = asyncio.get_running_loop()
        threading.Thread(target=self._run, args=(loop,), name=self._target.name, daemon=True).start()

    def look(self) -> None:
        """Tell how many records wait to be sent."""
        metrics.AUDIT_WAITING.set(max(0, self._head().n - self._kept.n), self._target.name)

    def health(self) -> str:
        """How it stands: `ok`, or what the trouble is."""
        if self.trouble is None:
            return "ok"
        waiting = max(0, self._head().n - self._kept.n)
        return f"away: {self._target.address}: {self.trouble}; {waiting} records wait to be sent"

    async def finish(self, seconds: float) -> None:
        """Wait until what was recorded last is sent, if that is possible within some seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self.trouble is None and self._kept.id < self._head().id:
                    await asyncio.sleep(0.02)

    def _keep(self, place: Place) -> None:
        self._kept = place
        with contextlib.suppress(sa.exc.SQLAlchemyError), self._journal.writing():  # later, or sent again
            self._journal.note(self._note, json.dumps(place.to_dict()))

    # -- in its thread -----------------------------------------------------------------------------

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        pause = _PAUSES[0]
        while not loop.is_closed():
            self._grown.clear()
            try:
                while self._send_some(loop):
                    pause = _PAUSES[0]
                self._find()
            except Exception as error:  # noqa: BLE001  whatever is wrong there, this goes on
                self._lose(error)
                with contextlib.suppress(Exception):
                    self._target.close()
                threading.Event().wait(pause)
                pause = min(2 * pause, _PAUSES[1])
            else:
                self._grown.wait(_PING)

    def _send_some(self, loop: asyncio.AbstractEventLoop) -> bool:
        """Send a page of records; tell whether there were any."""
        with self._journal.reading() as connection:
            anchor = chain.anchor(connection)
            records = list(chain.records(connection, self._position.id, _PAGE))
        if anchor.n > self._position.n:
            self._miss(anchor.n - self._position.n)
            self._position = Place(n=anchor.n, hash=anchor.hash, id=max(anchor.id, self._position.id))
        records = [record for record in records if record["id"] > self._position.id]
        if not records:
            return False
        self._target.send(records)
        last = next((r for r in reversed(records) if r["n"] is not None), self._position.to_dict())
        self._position = Place(n=last["n"], hash=last["hash"], id=records[-1]["id"])
        loop.call_soon_threadsafe(self._keep, self._position)
        metrics.AUDIT_SENT.add(self._target.name, by=len(records))
        self._late += len(records)
        return True

    def _miss(self, count: int) -> None:
        metrics.AUDIT_MISSED.add(self._target.name, by=count)
        LOG.error(
            "%d records of the audit were never sent to %s: they were removed from the journal because of "
            "their age",
            *(count, self._target.address),
        )

    def _lose(self, error: Exception) -> None:
        why = " ".join(str(error).split()) or type(error).__name__
        if self.trouble is None:
            self._late = 0
            LOG.warning(
                "The audit cannot be sent to %s: %s; its records are kept in the journal and sent later",
                *(self._target.address, why),
            )
        self.trouble = why

    def _find(self) -> None:
        if self.trouble is not None:
            LOG.info("The audit is sent to %s again; %d records were late", self._target.address, self._late)
        self.trouble = None


def health_of(exporters: Sequence[Exporter]) -> str | None:
    """How they all stand; none where the audit is sent nowhere."""
    troubles = [state for state in (exporter.health() for exporter in exporters) if state != "ok"]
    return "; ".join(troubles) or "ok" if exporters else None
