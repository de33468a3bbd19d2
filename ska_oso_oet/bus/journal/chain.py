"""The chain of the audit in the journal: see :mod:`ska_oso_oet.domain.chain`.

A record gets its place in the transaction that writes it. The journal remembers where the chain begins
(behind what was written before there was one, or was removed because of its age) and where it ends.
"""

from __future__ import annotations

import dataclasses
import json
import logging
from collections.abc import Iterable, Iterator
from typing import Any

import sqlalchemy as sa

from ...domain.chain import Place, digest
from ..envelope import Envelope
from ..topics import AUDIT
from .schema import AUDITED, MESSAGES, NOTES

LOG = logging.getLogger(__name__)

_HEAD = "audit_head"
_ANCHOR = "audit_anchor"
_NOTED = sa.select(NOTES.c.value).where(NOTES.c.name == sa.bindparam("wanted"))
_CHANGE = NOTES.update().where(NOTES.c.name == sa.bindparam("wanted"))
_FIELDS = (
    "n",
    "previous",
    "hash",
    "id",
    "message",
    "time",
    "topic",
    "msg_src",
    "request_id",
    "user",
    "payload",
)


def head(connection: sa.Connection) -> Place:
    """The last record that was written."""
    return _noted(connection, _HEAD) or anchor(connection)


def anchor(connection: sa.Connection) -> Place:
    """What the first record that is kept comes behind."""
    return _noted(connection, _ANCHOR) or Place()


def link(connection: sa.Connection, envelopes: list[Envelope]) -> list[Envelope]:
    """Give records of the audit their places, before they are written, and leave everything else as it is."""
    if not any(envelope.topic in AUDIT for envelope in envelopes):
        return envelopes
    place = head(connection)
    linked = []
    for envelope in envelopes:
        if envelope.topic in AUDIT:
            record = _record(envelope) | {"n": place.n + 1, "previous": place.hash}
            place = place_of(record | {"hash": digest(record)})
            to = {"n": place.n, "previous": record["previous"], "hash": place.hash}
            envelope = dataclasses.replace(envelope, link=to)
        linked.append(envelope)
    _note(connection, _HEAD, place)
    return linked


def cut(connection: sa.Connection, upto: int) -> None:
    """Remember which record is the last of those that are being removed, up to a number."""
    seq = MESSAGES.c.seq
    last = sa.select(seq, MESSAGES.c.body).where(AUDITED, seq <= upto).order_by(seq.desc()).limit(1)
    for row in connection.execute(last):
        record = read(row)
        if record["n"] is not None:
            _note(connection, _ANCHOR, place_of(record))


def follow(connection: sa.Connection, envelopes: list[Envelope]) -> None:
    """Go on behind records that have their places already."""
    audited = [_record(envelope) for envelope in envelopes if envelope.topic in AUDIT]
    if _noted(connection, _HEAD) is None:
        _begin(connection, audited)
    elif audited:
        _note(connection, _HEAD, place_of(audited[-1]))


def find(connection: sa.Connection) -> None:
    """Remember where the chain begins and ends, after it was written here from elsewhere."""
    _begin(connection, records(connection, 0))


def _begin(connection: sa.Connection, audited: Iterable[dict[str, Any]]) -> None:
    """Have the chain begin behind what was written before there was one, and end with the last record."""
    begin, last = None, None
    for record in audited:
        if record["n"] is None:
            begin = Place(id=record["id"])
            continue
        if last is None:
            before = begin.id if begin is not None else record["id"] - 1
            begin = Place(n=record["n"] - 1, hash=record["previous"], id=before)
        last = record
    if begin is not None:
        _note(connection, _ANCHOR, begin)
    if last is not None:
        _note(connection, _HEAD, place_of(last))


def records(connection: sa.Connection, after: int, limit: int | None = None) -> Iterator[dict[str, Any]]:
    """Records of the audit beyond a number, in the order of the chain, each with its hash."""
    seq = MESSAGES.c.seq
    found = sa.select(seq, MESSAGES.c.body).where(AUDITED, seq > after).order_by(seq).limit(limit)
    for row in connection.execute(found):
        yield read(row)


def read(row: Any) -> dict[str, Any]:
    """The record in a row of the messages, without a place in the chain where it is none."""
    try:
        return _record(Envelope.from_dict(json.loads(row.body) | {"seq": row.seq}))
    except (ValueError, TypeError, AttributeError):  # whoever changed the file has left no message
        return dict.fromkeys(_FIELDS) | {"id": row.seq, "payload": {}}


def place_of(record: dict[str, Any]) -> Place:
    """The place of a record in the chain."""
    return Place(n=record["n"], hash=record["hash"], id=record["id"])


def _record(envelope: Envelope) -> dict[str, Any]:
    """A record with its hash, which is of all the rest; ``n`` is none where it has no place in the chain."""
    link = envelope.link or {}
    said = envelope.time, envelope.topic, envelope.msg_src, envelope.request_id, envelope.user
    places = (link.get(name) for name in ("n", "previous", "hash"))
    values = (*places, envelope.seq, envelope.id, *said, envelope.payload)
    return dict(zip(_FIELDS, values, strict=True))


def _noted(connection: sa.Connection, name: str) -> Place | None:
    noted = connection.scalar(_NOTED, {"wanted": name})
    try:
        return Place(**json.loads(noted)) if noted else None
    except (ValueError, TypeError):
        LOG.error("The journal has forgotten where the chain of its audit is; it begins again")
        return None


def _note(connection: sa.Connection, name: str, place: Place) -> None:
    values = {"wanted": name, "value": json.dumps(place.to_dict())}
    if not connection.execute(_CHANGE, values).rowcount:
        connection.execute(NOTES.insert(), {"name": name, "value": values["value"]})
