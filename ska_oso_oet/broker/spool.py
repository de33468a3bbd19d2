"""Numbers messages, and writes them to the journal as soon as possible."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
import logging
from typing import NamedTuple

import sqlalchemy as sa

from ..bus.envelope import Envelope
from ..bus.topics import topic_of
from ..bus.wire import Frames
from ..journal import Journal
from ..journal.file_damage import is_damage
from .high_water_mark import HighWaterMark

LOG = logging.getLogger(__name__)

_RETRY = 0.5  #: seconds between attempts to write waiting messages
_DISK_FULL = "disk_full", "the journal cannot be written; free some disk space on the server"
_DAMAGED = "unavailable", "the journal is damaged; restore a backup of it, as the server's log says"


class Stored(NamedTuple):
    """The result of :meth:`Spool.store`, with every message of a batch that was not refused."""

    written: list[Envelope]  #: in the journal now
    waiting: list[Envelope]  #: in memory, to be written as soon as possible
    repeated: list[str]  #: ids of those that were in the journal before

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
            except sa.exc.SQLAlchemyError as error:
                if not _is_of_journal(error):
                    return self._store_apart(frames, batch, error)
                LOG.error("Cannot write the journal: %s", error.__cause__ or error)
        fresh, repeated = self._apart(batch)
        return Stored([], self._keep(frames, fresh), repeated)

    def _append(self, fresh: list[Envelope]) -> list[Envelope]:
        numbered = self._number(fresh)
        self._journal.append(numbered)
        self.head += len(numbered)
        return numbered

    def _keep(self, frames: Frames, fresh: list[Envelope]) -> list[Envelope]:
        """Number messages that cannot be written yet, and add them to those that wait."""
        kept = self._number(self._without_new_work(frames, fresh))
        if kept and not self._waiting:
            asyncio.get_running_loop().call_later(_RETRY, self.flush)
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
        """Try to write the waiting messages."""
        if not self._waiting:
            return
        try:
            self._journal.append([envelope for _, envelope in self._waiting])
        except sa.exc.SQLAlchemyError as error:
            if _is_of_journal(error):
                asyncio.get_running_loop().call_later(_RETRY, self.flush)
                return
            self._flush_one_by_one()
        LOG.warning("Wrote %d waiting messages; the journal can be written again", len(self._waiting))
        for frames, envelope in self._waiting:
            frames.send({"op": "stored", "ids": [envelope.id]})
        self._waiting.clear()
        self._numbers.clear()

    def _flush_one_by_one(self) -> None:
        for _, envelope in self._waiting:
            try:
                self._journal.append([envelope])
            except sa.exc.SQLAlchemyError as error:
                LOG.error("Dropped a message on %s: %s", envelope.topic, error.__cause__ or error)


def _is_of_journal(error: sa.exc.SQLAlchemyError) -> bool:
    """Whether an error is caused by the journal, not by a message."""
    return isinstance(error, sa.exc.OperationalError) or is_damage(error.__cause__)
