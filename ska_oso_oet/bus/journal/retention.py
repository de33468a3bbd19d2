"""Removes from the journal what is older than the limit: a little at a time, so that nobody waits for it.

What is kept however old it is: everything about procedures that live, and about the newest ones that have
ended, because their state is read from their messages; the documents of as many activities; what the operator
has decided; and the last message, so that numbers go on.

The file does not shrink: what becomes free in it is used for what is written next. A backup has no room to
spare, nor has a journal that was restored from one.
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

from ...domain import activity, states
from .chain import cut
from .journal import KEPT_FROM, Journal
from .schema import AUDIT, DOCUMENTS, MESSAGES, PROCEDURES

LOG = logging.getLogger(__name__)

_DAY = 86400.0
_EVERY = 3600.0  #: seconds between two times of looking for what is too old
_PAUSE = 0.02  #: seconds between two batches
_BATCH = 50  #: rows; the bus waits for one batch at a time, for a few milliseconds


@dataclasses.dataclass(frozen=True)
class _Kind:
    """Something that ends, and has a document."""

    id: sa.Column[int]
    document: sa.Column[str]
    ended: sa.ColumnElement[bool]
    history: Callable[[dict[str, Any]], list[tuple[str, float]]]  #: its states, with their times


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
    """What is to be removed."""

    upto: int = 0  #: messages, and records of who asked for what, up to this number
    spared: tuple[int, ...] = ()  #: but no messages about these procedures
    procedures: tuple[int, ...] = ()  #: the documents of these procedures
    activities: tuple[int, ...] = ()  #: the documents of these activities


class Retention:
    """Keeps a journal from growing for ever.

    :param days: how long things are kept
    :param newest: how many procedures and activities are kept longer, if need be
    :param copied: the number up to which messages are safe elsewhere as well, if they are to be
    """

    def __init__(
        self, journal: Journal, days: float, newest: int, copied: Callable[[], int | None] = lambda: None
    ) -> None:
        self._journal = journal
        self._days = days
        self._newest = newest
        self._copied = copied

    async def run(self) -> None:
        """Remove what is too old, now and every hour; never ends by itself."""
        while True:
            try:
                await self.carry_out(await asyncio.to_thread(self.plan, time.time()))
            except sa.exc.SQLAlchemyError as error:
                LOG.warning("What is too old in the journal is not removed yet: %s", error.__cause__ or error)
            await asyncio.sleep(_EVERY)

    # -- finding it, in any thread -----------------------------------------------------------------

    def plan(self, now: float) -> Plan:
        """Find what is too old at this time."""
        limit = now - self._days * _DAY
        upto, copied = self._last_old(limit, now), self._copied()
        if copied is not None and copied <= upto:
            return Plan()  # another time; of what was copied the last message is kept, to be compared
        return Plan(
            upto=upto,
            spared=(*self._live(), *self._newest_of(_PROCEDURE)),
            procedures=tuple(self._too_old(_PROCEDURE, limit)),
            activities=tuple(self._too_old(_ACTIVITY, limit)),
        )

    def _last_old(self, limit: float, now: float) -> int:
        """The number up to which no message is young; the last message is never among them.

        Clocks may be wrong: what was said in the future neither keeps what is older, nor is it old.
        """
        seq, at = MESSAGES.c.seq, MESSAGES.c.time + 0  # so that they are looked at in their order
        young = sa.select(seq).where(at >= limit, at <= now + _DAY).order_by(seq).limit(1)
        before = (self._ids(young) or [self._journal.head()])[0]
        old = sa.select(seq).where(seq < before, at < limit).order_by(seq.desc()).limit(1)
        return (self._ids(old) or [0])[0]

    def _live(self) -> list[int]:
        return self._ids(sa.select(_PROCEDURE.id).where(sa.not_(_PROCEDURE.ended)))

    def _newest_of(self, kind: _Kind) -> list[int]:
        newest = sa.select(kind.id).where(kind.ended).order_by(kind.id.desc()).limit(self._newest)
        return self._ids(newest)

    def _ids(self, found: sa.Select[Any]) -> list[int]:
        with self._journal.reading() as connection:
            return list(connection.scalars(found))

    def _too_old(self, kind: _Kind, limit: float) -> Iterator[int]:
        """Those that ended before the limit, the oldest first."""
        spared = self._newest_of(kind)
        after = -1
        while True:
            found = sa.select(kind.id, kind.document).where(kind.ended, kind.id > after)
            with self._journal.reading() as connection:
                page = connection.execute(found.order_by(kind.id).limit(_BATCH)).all()
            for i, document in page:
                try:
                    history = kind.history(json.loads(document))
                    begun, ended = float(history[0][1]), float(history[-1][1])
                except (ValueError, LookupError, TypeError):
                    LOG.warning("Document %d of %s makes no sense, and is kept", i, kind.id.table.name)
                    continue
                if begun >= limit:
                    return  # those after it have begun later still
                if ended < limit and i not in spared:
                    yield i
            if len(page) < _BATCH:
                return
            after = page[-1][0]

    # -- removing it, in the thread that writes the journal ----------------------------------------

    async def carry_out(self, plan: Plan) -> None:
        """Remove what is too old."""
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
                "Removed from the journal what is older than %g days: "
                "%d messages, %d procedures, %d activities",
                self._days,
                messages,
                len(plan.procedures),
                len(plan.activities),
            )

    def _remove_messages(self, after: int, plan: Plan) -> tuple[int, int]:
        """Remove a batch; tell up to which number was looked, and how many were removed."""
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
