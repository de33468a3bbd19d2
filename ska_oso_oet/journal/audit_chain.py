"""The chain of the audit in the journal: see :mod:`ska_oso_oet.domain.audit_hash`.

A record gets its place in the transaction that writes it. The journal notes both ends of the chain: its
anchor (the last record written before the chain was introduced, or removed because of its age) and its head.
"""

from __future__ import annotations

import dataclasses
import json
import logging
from collections.abc import Iterable, Iterator
from typing import Any

import sqlalchemy as sa

from ..bus.envelope import Envelope
from ..bus.topics import AUDIT
from ..domain.audit_hash import Place, digest
from .schema import AUDITED, MESSAGES, NOTES

LOG = logging.getLogger(__name__)

_HEAD = "audit_head"
_ANCHOR = "audit_anchor"
_NOTE_OF = sa.select(NOTES.c.value).where(NOTES.c.name == sa.bindparam("name_"))
_CHANGE = NOTES.update().where(NOTES.c.name == sa.bindparam("name_"))
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
    """The place of the last record written."""
    return _place_in_note(connection, _HEAD) or anchor(connection)


def anchor(connection: sa.Connection) -> Place:
    """The place before the first stored record."""
    return _place_in_note(connection, _ANCHOR) or Place()


def link(connection: sa.Connection, envelopes: list[Envelope]) -> list[Envelope]:
    """Give records of the audit their places before they are written; other messages are unchanged."""
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
    """Move the anchor to the last record up to a number, as part of their removal."""
    seq = MESSAGES.c.seq
    last = sa.select(seq, MESSAGES.c.body).where(AUDITED, seq <= upto).order_by(seq.desc()).limit(1)
    for row in connection.execute(last):
        record = read(row)
        if record["n"] is not None:
            _note(connection, _ANCHOR, place_of(record))


def follow(connection: sa.Connection, envelopes: list[Envelope]) -> None:
    """Move the head to the last of these records, which have their places already."""
    audited = [_record(envelope) for envelope in envelopes if envelope.topic in AUDIT]
    if _place_in_note(connection, _HEAD) is None:
        _begin(connection, audited)
    elif audited:
        _note(connection, _HEAD, place_of(audited[-1]))


def locate(connection: sa.Connection) -> None:
    """Note the ends of the chain, after all of it was copied into this journal."""
    _begin(connection, records(connection, 0))


def _begin(connection: sa.Connection, audited: Iterable[dict[str, Any]]) -> None:
    """Set the anchor to the last record without a place, and the head to the last record."""
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
    """Records of the audit with ids above a number, in the order of the chain, each with its hash."""
    seq = MESSAGES.c.seq
    selection = sa.select(seq, MESSAGES.c.body).where(AUDITED, seq > after).order_by(seq).limit(limit)
    for row in connection.execute(selection):
        yield read(row)


def read(row: Any) -> dict[str, Any]:
    """The record in a row of messages; without a place in the chain if the row is not a valid message."""
    try:
        return _record(Envelope.from_dict(json.loads(row.body) | {"seq": row.seq}))
    except (ValueError, TypeError, AttributeError):  # the file was changed from outside
        return dict.fromkeys(_FIELDS) | {"id": row.seq, "payload": {}}


def place_of(record: dict[str, Any]) -> Place:
    """The place of a record in the chain."""
    return Place(n=record["n"], hash=record["hash"], id=record["id"])


def _record(envelope: Envelope) -> dict[str, Any]:
    """A record with the hash of all its other fields; ``n`` is None if it has no place in the chain."""
    link = envelope.link or {}
    fields = envelope.time, envelope.topic, envelope.msg_src, envelope.request_id, envelope.user
    places = (link.get(name) for name in ("n", "previous", "hash"))
    values = (*places, envelope.seq, envelope.id, *fields, envelope.payload)
    return dict(zip(_FIELDS, values, strict=True))


def _place_in_note(connection: sa.Connection, name: str) -> Place | None:
    note = connection.scalar(_NOTE_OF, {"name_": name})
    try:
        return Place(**json.loads(note)) if note else None
    except (ValueError, TypeError):
        LOG.error(
            "Lost the place of the audit chain: its note in the journal is unreadable; the chain begins again"
        )
        return None


def _note(connection: sa.Connection, name: str, place: Place) -> None:
    values = {"name_": name, "value": json.dumps(place.to_dict())}
    if not connection.execute(_CHANGE, values).rowcount:
        connection.execute(NOTES.insert(), {"name": name, "value": values["value"]})
