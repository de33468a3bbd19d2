"""Retention: removes from the journal what exceeds an age, in small batches, so that no message waits long.

Kept regardless of age: the messages and documents of live procedures and of the newest procedures that have
ended, because their state is read from their messages; the documents of as many activities; the operator's
decisions; and the last message, so that numbers are not reused.

The file does not shrink: its free pages are used for later messages. A backup has no free pages, nor has a
journal restored from one.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import logging
import time
from collections.abc import Callable, Iterator
from typing import Any

import sqlalchemy as sa

from ..domain import activity, states
from .audit_chain import cut
from .journal import KEPT_FROM, Journal
from .schema import AUDIT, DOCUMENTS, MESSAGES, PROCEDURES

LOG = logging.getLogger(__name__)

_DAY = 86400.0
_EVERY = 3600.0  #: seconds between two runs
_UNKNOWN = 1.0  #: seconds between two questions for the number copied elsewhere, until it is known
_PAUSE = 0.02  #: seconds between two batches
_BATCH = 50  #: rows; the bus waits for one batch, a few milliseconds


@dataclasses.dataclass(frozen=True)
class _Kind:
    """The documents of a kind of object that ends."""

    id: sa.Column[int]
    document: sa.Column[str]
    ended: sa.ColumnElement[bool]
    history: Callable[
        [dict[str, Any]], list[tuple[str, float]]
    ]  #: the states of a document, each with its time


_PROCEDURE = _Kind(
    PROCEDURES.c.pid,
    PROCEDURES.c.document,
    PROCEDURES.c.state.in_([state.value for state in states.FINAL]),
    lambda document: document["history"]["process_states"],
)
_ACTIVITY = _Kind(
    DOCUMENTS.c.id,
    DOCUMENTS.c.document,
    sa.and_(
        DOCUMENTS.c.kind == "activity",
        DOCUMENTS.c.state.in_([state.value for state in activity.FINAL]),
    ),
    lambda document: document["activity_states"],
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
    """The messages and documents to remove."""

    upto: int = 0  #: messages, and entries of the audit, up to this sequence number
    spared: tuple[int, ...] = ()  #: except messages about these procedures
    procedures: tuple[int, ...] = ()  #: the documents of these procedures
    activities: tuple[int, ...] = ()  #: the documents of these activities


class Retention:
    """Removes from a journal what exceeds an age.

    :param days: the age in days
    :param newest: number of procedures, and of activities, kept regardless of age
    :param copied: returns the sequence number up to which messages are copied elsewhere, 0 until it is known;
        only copied messages are removed
    """

    def __init__(
        self, journal: Journal, days: float, newest: int, copied: Callable[[], int] | None = None
    ) -> None:
        self._journal = journal
        self._days = days
        self._newest = newest
        self._copied = copied

    async def run(self) -> None:
        """Remove what exceeds the age, now and every hour; never returns."""
        while True:
            while self._copied is not None and not self._copied():
                await asyncio.sleep(_UNKNOWN)
            try:
                await self.carry_out(await asyncio.to_thread(self.plan, time.time()))
            except sa.exc.SQLAlchemyError as error:
                LOG.warning("Could not prune the journal; will retry: %s", error.__cause__ or error)
            await asyncio.sleep(_EVERY)

    # -- planning, in any thread -------------------------------------------------------------------

    def plan(self, now: float) -> Plan:
        """Find the messages and documents to remove.

        :param now: seconds since the epoch
        """
        limit = now - self._days * _DAY
        upto = self._last_old(limit, now)
        if self._copied is not None and self._copied() <= upto:
            return Plan()  # later; the last copied message is kept for the comparison with the copy
        return Plan(
            upto=upto,
            spared=(*self._live(), *self._newest_of(_PROCEDURE)),
            procedures=tuple(self._too_old(_PROCEDURE, limit)),
            activities=tuple(self._too_old(_ACTIVITY, limit)),
        )

    def _last_old(self, limit: float, now: float) -> int:
        """The number up to which every message is older than the limit; below that of the last message.

        Clocks may be wrong: a message from the future is not old, and does not keep older messages.
        """
        seq, at = (
            MESSAGES.c.seq,
            MESSAGES.c.time + 0,
        )  # so that SQLite scans in the order of seq, and does not use the index of time
        young = sa.select(seq).where(at >= limit, at <= now + _DAY).order_by(seq).limit(1)
        before = (self._ids(young) or [self._journal.head()])[0]
        old = sa.select(seq).where(seq < before, at < limit).order_by(seq.desc()).limit(1)
        return (self._ids(old) or [0])[0]

    def _live(self) -> list[int]:
        return self._ids(sa.select(_PROCEDURE.id).where(sa.not_(_PROCEDURE.ended)))

    def _newest_of(self, kind: _Kind) -> list[int]:
        newest = sa.select(kind.id).where(kind.ended).order_by(kind.id.desc()).limit(self._newest)
        return self._ids(newest)

    def _ids(self, selection: sa.Select[Any]) -> list[int]:
        with self._journal.reading() as connection:
            return list(connection.scalars(selection))

    def _too_old(self, kind: _Kind, limit: float) -> Iterator[int]:
        """Ids of those that ended before the limit, the oldest first."""
        spared = self._newest_of(kind)
        after = -1
        while True:
            later = sa.select(kind.id, kind.document).where(kind.ended, kind.id > after)
            with self._journal.reading() as connection:
                page = connection.execute(later.order_by(kind.id).limit(_BATCH)).all()
            for i, document in page:
                try:
                    history = kind.history(json.loads(document))
                    begun, ended = float(history[0][1]), float(history[-1][1])
                except (ValueError, LookupError, TypeError):
                    LOG.warning(
                        "Kept document %d of %s: it is invalid, so its age is unknown", i, kind.id.table.name
                    )
                    continue
                if begun >= limit:
                    return  # the following ones began later
                if ended < limit and i not in spared:
                    yield i
            if len(page) < _BATCH:
                return
            after = page[-1][0]

    # -- removal, in the thread that writes the journal --------------------------------------------

    async def carry_out(self, plan: Plan) -> None:
        """Remove these messages and documents."""
        after, messages = 0, 0
        while after < plan.upto:
            after, removed = self._remove_messages(after, plan)
            messages += removed
            await asyncio.sleep(_PAUSE)
        for kind, ids in ((_PROCEDURE, plan.procedures), (_ACTIVITY, plan.activities)):
            for n in range(0, len(ids), _BATCH):
                with self._journal.writing() as connection:
                    these = kind.id.in_(ids[n : n + _BATCH])
                    connection.execute(sa.delete(kind.id.table).where(kind.ended, these))
                await asyncio.sleep(_PAUSE)
        if messages or plan.procedures or plan.activities:
            LOG.info(
                "Removed entries older than %g days from the journal: "
                "%d messages, %d procedures, %d activities",
                self._days,
                messages,
                len(plan.procedures),
                len(plan.activities),
            )

    def _remove_messages(self, after: int, plan: Plan) -> tuple[int, int]:
        """Remove a batch of messages above a number.

        :returns: the last number of the batch, and the number of messages removed
        """
        seq = MESSAGES.c.seq
        batch = sa.select(seq).where(seq > after, seq <= plan.upto).order_by(seq).limit(_BATCH)
        about = MESSAGES.c.about
        kept_from = int(self._journal.noted(KEPT_FROM) or 0)
        with self._journal.writing() as connection:
            page = connection.scalars(batch).all()
            last = page[-1] if len(page) == _BATCH else plan.upto
            removable = sa.or_(about.is_(None), about.not_in(plan.spared))
            cut(connection, last)
            removed = connection.execute(
                sa.delete(MESSAGES).where(seq.between(after, last), removable)
            ).rowcount
            connection.execute(sa.delete(AUDIT).where(AUDIT.c.seq.between(after, last)))
            if removed:
                self._journal.note(KEPT_FROM, str(max(kept_from, last + 1)))
        return last, removed
