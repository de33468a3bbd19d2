"""Numbers messages, and writes them to the journal as soon as possible."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
import logging
from typing import NamedTuple

import sqlalchemy as sa

from ..bus.envelope import Envelope
from ..bus.topics import AUTH_REFUSED, topic_of
from ..bus.wire import Frames
from ..journal import Journal
from ..journal.file_damage import is_damage
from .high_water_mark import HighWaterMark

LOG = logging.getLogger(__name__)

#: Failures to write: those of SQLAlchemy, of an integer that SQLite has no room for, and of fields.
_UNWRITTEN = (sa.exc.SQLAlchemyError, OverflowError, KeyError, TypeError, ValueError)
_AT_ONCE = 100  #: waiting messages in one transaction
_MOST_REFUSALS = 1000  #: waiting messages beyond which refused requests are counted only
_RETRY = 0.5  #: seconds between attempts to write waiting messages
_DISK_FULL = "disk_full", "the journal cannot be written; free some disk space on the server"
_DAMAGED = "unavailable", "the journal is damaged; restore a backup of it, as the server's log says"


class Stored(NamedTuple):
    """The result of :meth:`Spool.store`, with every message of a batch that was not refused."""

    written: list[Envelope]  #: in the journal now
    waiting: list[Envelope]  #: in memory, to be written as soon as possible
    repeated: list[str]  #: ids of those that were in the journal before, or are not kept

    def beside(self, repeated: list[str]) -> Stored:
        """This, and others that were in the journal before."""
        return self._replace(repeated=[*repeated, *self.repeated])


class Spool:
    """Writes messages to the journal, and keeps those in memory that cannot be written yet.

    The sender gets ``stored`` only after the write, and repeats its messages to the next broker until then.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._mark = HighWaterMark(f"{journal.file}.numbers")
        self.head = max(journal.head(), self._mark.last)  #: the last number assigned
        self._waiting: list[tuple[Frames, Envelope]] = []
        self._numbers: dict[str, int] = {}  #: of the waiting messages, by id
        self._refusals = 0  #: refused requests that are not kept

    def __len__(self) -> int:
        return len(self._waiting)

    def waiting(self) -> list[Envelope]:
        """The messages that are not written yet."""
        return [envelope for _, envelope in list(self._waiting)]

    def store(self, frames: Frames, batch: list[Envelope]) -> Stored:
        """Number messages and write them, each once even if it is sent repeatedly.

        If the journal cannot be written, commands for new work are refused and other messages wait in memory.

        :param frames: the connection of their sender
        """
        once = list({e.id: e for e in batch if e.id not in self._numbers}.values())
        if self._journal.damage is None:
            return self._store(frames, once)
        fresh, repeated = self._apart(once)
        return self._store(frames, self._without_new_work(frames, fresh)).beside(repeated)

    def _store(self, frames: Frames, batch: list[Envelope]) -> Stored:
        if batch and not self._waiting:
            try:
                return Stored(self._append(batch), [], [])
            except _UNWRITTEN as error:
                if not _is_of_journal(error):
                    return self._store_apart(frames, batch, error)
                LOG.error("Cannot write the journal: %s", error.__cause__ or error)
        fresh, repeated = self._apart(batch)
        fresh, omitted = self._without_refusals(fresh)
        return Stored([], self._keep(frames, fresh), [*repeated, *omitted])

    def _append(self, fresh: list[Envelope]) -> list[Envelope]:
        numbered = self._number(fresh)
        self._journal.append(numbered)
        self.head += len(numbered)
        return numbered

    def _keep(self, frames: Frames, fresh: list[Envelope]) -> list[Envelope]:
        """Number messages that cannot be written yet, and add them to those that wait."""
        kept = self._number(self._without_new_work(frames, fresh))
        if kept and not self._waiting:
            asyncio.get_running_loop().call_later(_RETRY, self._go_on)
        self.head += len(kept)
        if kept:
            self._mark.note(self.head)
        self._waiting += [(frames, e) for e in kept]
        self._numbers.update((e.id, e.seq or 0) for e in kept)
        return kept

    def _apart(self, batch: list[Envelope]) -> tuple[list[Envelope], list[str]]:
        """Split a batch: the messages that are not in the journal, and the ids of those that are."""
        try:
            numbers = self._journal.numbers_of([e.id for e in batch])
        except sa.exc.SQLAlchemyError:
            LOG.exception("Cannot read the journal")
            numbers = {}
        return [e for e in batch if e.id not in numbers], [e.id for e in batch if e.id in numbers]

    def _without_new_work(self, frames: Frames, fresh: list[Envelope]) -> list[Envelope]:
        """Refuse commands for new work; returns the other messages."""
        refused = [e.id for e in fresh if topic_of(e.topic).new_work]
        if refused:
            kind, detail = _DISK_FULL if self._journal.damage is None else _DAMAGED
            frames.send({"op": "refused", "ids": refused, "kind": kind, "detail": detail})
        return [e for e in fresh if not topic_of(e.topic).new_work]

    def _without_refusals(self, fresh: list[Envelope]) -> tuple[list[Envelope], list[str]]:
        """Leave out the records of refused requests, which anybody can cause, if many messages wait."""
        if len(self._waiting) < _MOST_REFUSALS:
            return fresh, []
        omitted = [e.id for e in fresh if e.topic == AUTH_REFUSED]
        self._refusals += len(omitted)
        return [e for e in fresh if e.topic != AUTH_REFUSED], omitted

    def _store_apart(self, frames: Frames, batch: list[Envelope], error: Exception) -> Stored:
        """Store a batch with a message that is in the journal already, or that the journal cannot hold."""
        fresh, repeated = self._apart(batch)
        if repeated:
            return self._store(frames, fresh).beside(repeated)
        if len(fresh) > 1:
            each = [self._store(frames, [envelope]) for envelope in fresh]
            return Stored(*(list(itertools.chain(*parts)) for parts in zip(*each, strict=True)))
        LOG.error("Refused a message on %s: %s", fresh[0].topic, error.__cause__ or error)
        detail = "the journal cannot hold this message"
        frames.send({"op": "refused", "ids": [fresh[0].id], "kind": "invalid", "detail": detail})
        return Stored([], [], [])

    def _number(self, envelopes: list[Envelope]) -> list[Envelope]:
        return [dataclasses.replace(e, seq=self.head + n, link=None) for n, e in enumerate(envelopes, 1)]

    def flush(self) -> None:
        """Write the waiting messages, as far as that is possible now."""
        while self._waiting and self._write_some():
            pass

    def _go_on(self) -> None:
        if self._waiting:
            written = self._write_some()
            # The bus does other work between two pieces.
            asyncio.get_running_loop().call_later(0 if written else _RETRY, self._go_on)

    def _write_some(self) -> bool:
        """Try to write the first waiting messages: few, so that neither way takes long."""
        some = self._waiting[:_AT_ONCE]
        try:
            self._journal.append([envelope for _, envelope in some])
        except _UNWRITTEN as error:
            if _is_of_journal(error):
                return False
            some = some[: self._write_one_by_one(some)]
            if not some:
                return False
        for frames, envelope in some:
            frames.send({"op": "stored", "ids": [envelope.id]})
            self._numbers.pop(envelope.id, None)
        del self._waiting[: len(some)]
        if not self._waiting:
            LOG.warning("The journal can be written again; nothing waits any more%s", self._omitted())
        return True

    def _write_one_by_one(self, some: list[tuple[Frames, Envelope]]) -> int:
        """Write messages without those that the journal cannot hold; tell how many were dealt with."""
        for n, (_, envelope) in enumerate(some):
            try:
                self._journal.append([envelope])
            except _UNWRITTEN as error:
                if _is_of_journal(error):
                    return n
                LOG.error("Dropped a message on %s: %s", envelope.topic, error.__cause__ or error)
        return len(some)

    def _omitted(self) -> str:
        refusals, self._refusals = self._refusals, 0
        return f"; {refusals} refused requests are not on record" if refusals else ""


def _is_of_journal(error: Exception) -> bool:
    """Whether an error is caused by the journal, not by a message."""
    return isinstance(error, sa.exc.OperationalError) or is_damage(error.__cause__)
