"""Sends the records of the audit to a target that may be slow or often unavailable.

Runs in the bus process, in a thread of its own. The journal is the queue, so nothing waits for the target; it
also has a note of the last record sent, so that a restart continues there. A record is sent again if it may
not have arrived; its number and hash identify the duplicate.
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

from ...domain.audit_hash import Place
from ...journal import Journal, audit_chain
from ...telemetry.metrics import catalogue as metrics

LOG = logging.getLogger(__name__)

_PAGE = 100  #: records sent at once
_PAUSES = (0.5, 10.0)  #: seconds between two attempts: at first, and at most
_PING = 60.0  #: seconds between two queries for records without a notification


class Target(Protocol):
    """A destination of records."""

    name: str  #: `syslog` or `otlp`
    address: str  #: for messages to people

    def send(self, records: list[dict[str, Any]]) -> None:
        """Send records; returns once they have arrived, as far as the protocol can tell.

        :raises Exception: if they may not have arrived
        """

    def close(self) -> None:
        """Close the connection."""


class Exporter:
    """Sends the records of a journal to one target, for the lifetime of this process."""

    def __init__(self, journal: Journal, target: Target) -> None:
        self.trouble: str | None = None  #: the last failure; None while records are sent
        self._journal = journal
        self._target = target
        self._note = f"audit_sent_{target.name}"
        self._noted = self._position = self._start_position()
        self._grown = threading.Event()
        self._late = 0  #: records sent since the target failed
        journal.audited.append(self._grown.set)

    def _start_position(self) -> Place:
        """The last record sent; the first time, the last record in the journal."""
        note = self._journal.noted(self._note)
        with contextlib.suppress(ValueError, TypeError):
            if note is not None:
                return Place(**json.loads(note))
        place = self._head()
        with contextlib.suppress(sa.exc.OperationalError), self._journal.writing():  # a full disk
            self._journal.note(self._note, json.dumps(place.to_dict()))
        return place

    def _head(self) -> Place:
        with self._journal.reading() as connection:
            return audit_chain.head(connection)

    # -- in the event loop -------------------------------------------------------------------------

    def start(self) -> None:
        """Start the thread."""
        loop = asyncio.get_running_loop()
        threading.Thread(target=self._run, args=(loop,), name=self._target.name, daemon=True).start()

    def update_gauges(self) -> None:
        """Set the gauge of the records that wait to be sent."""
        metrics.AUDIT_WAITING.set(max(0, self._head().n - self._noted.n), self._target.name)

    def health(self) -> str:
        """`ok`, or the trouble and the number of records that wait."""
        if self.trouble is None:
            return "ok"
        waiting = max(0, self._head().n - self._noted.n)
        return f"away: {self._target.address}: {self.trouble}; {waiting} records wait to be sent"

    async def finish(self, seconds: float) -> None:
        """Wait until all records are sent, for at most some seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self.trouble is None and self._noted.id < self._head().id:
                    await asyncio.sleep(0.02)

    def _note_position(self, place: Place) -> None:
        self._noted = place
        with (
            contextlib.suppress(sa.exc.SQLAlchemyError),
            self._journal.writing(),
        ):  # noted with a later page, or sent again
            self._journal.note(self._note, json.dumps(place.to_dict()))

    # -- in its thread -----------------------------------------------------------------------------

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        pause = _PAUSES[0]
        while not loop.is_closed():
            self._grown.clear()
            try:
                while self._send_some(loop):
                    pause = _PAUSES[0]
                self._recovered()
            except Exception as error:  # noqa: BLE001  no failure of a target ends the export
                self._failed(error)
                with contextlib.suppress(Exception):
                    self._target.close()
                threading.Event().wait(pause)
                pause = min(2 * pause, _PAUSES[1])
            else:
                self._grown.wait(_PING)

    def _send_some(self, loop: asyncio.AbstractEventLoop) -> bool:
        """Send a page of records; returns whether there were any."""
        with self._journal.reading() as connection:
            anchor = audit_chain.anchor(connection)
            records = list(audit_chain.records(connection, self._position.id, _PAGE))
        if anchor.n > self._position.n:
            self._removed(anchor.n - self._position.n)
            self._position = Place(n=anchor.n, hash=anchor.hash, id=max(anchor.id, self._position.id))
        records = [record for record in records if record["id"] > self._position.id]
        if not records:
            return False
        self._target.send(records)
        last = next((r for r in reversed(records) if r["n"] is not None), self._position.to_dict())
        self._position = Place(n=last["n"], hash=last["hash"], id=records[-1]["id"])
        loop.call_soon_threadsafe(self._note_position, self._position)
        metrics.AUDIT_SENT.add(self._target.name, by=len(records))
        self._late += len(records)
        return True

    def _removed(self, count: int) -> None:
        metrics.AUDIT_MISSED.add(self._target.name, by=count)
        LOG.error(
            "Lost %d records of the audit for %s: they were removed from the journal because of their age",
            *(count, self._target.address),
        )

    def _failed(self, error: Exception) -> None:
        why = " ".join(str(error).split()) or type(error).__name__
        if self.trouble is None:
            self._late = 0
            LOG.warning(
                "Cannot send the audit to %s: %s; its records are kept in the journal and sent later",
                *(self._target.address, why),
            )
        self.trouble = why

    def _recovered(self) -> None:
        if self.trouble is not None:
            LOG.info("Sent %d late records of the audit to %s", self._late, self._target.address)
        self.trouble = None


def health_of(exporters: Sequence[Exporter]) -> str | None:
    """`ok`, or the troubles of all exporters; None if there is no exporter."""
    troubles = [state for state in (exporter.health() for exporter in exporters) if state != "ok"]
    return "; ".join(troubles) or "ok" if exporters else None
