"""The chain of the audit, verified by the client, without trust in the server.

Each record holds the hash of the one before it. The list that ``oet audit`` shows is compared with
them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import NamedTuple

from .decoding import decode
from .model.audit import AuditBreak, AuditPlace, AuditVerification
from .model.record import Document

_SHOWN = ("user", "name", "address", "method", "path", "what")

#: Records with an id above this one, with the anchor and the head of the chain.
Records = Callable[[int], Document]
#: Entries of the list with an id above the first and up to the second number; else the newest.
Entries = Callable[[int, int | None], list[Document]]


class Head(NamedTuple):
    """A former last record: its hash, and its number; None if that is unknown."""

    n: int | None
    hash: str


def digest(record: Document) -> str:
    """The hash of a record: of its JSON without ``hash``, keys sorted, no blanks, ASCII only."""
    hashed = {name: value for name, value in record.items() if name != "hash"}
    text = json.dumps(hashed, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def verify(records: Records, entries: Entries, head: Head | None = None) -> AuditVerification:
    """Verify all records, and find the first change."""
    look = _Look(records, entries, head)
    broken = look.along()
    return AuditVerification(
        records=look.count,
        first=look.first,
        last=look.place,
        removed=look.removed,
        older=look.older,
        broken=broken,
    )


class _Look:
    def __init__(self, records: Records, entries: Entries, head: Head | None) -> None:
        self._records = records
        self._entries = entries
        self._head = head
        self._seen = False  #: whether the noted head is in the chain
        #: Entries whose answer had no record yet, and the last record there was then, by message.
        self._open: dict[str, tuple[Document, int]] = {}
        self.place = AuditPlace(n=0, hash="", id=0)
        self.first: AuditPlace | None = None
        self.count = self.removed = self.older = 0

    def along(self) -> AuditBreak | None:
        """Verify all records; those written meanwhile only as far as the list needs them."""
        page = self._records(0)
        self._begin(page)
        broken = self._go_to(decode(AuditPlace, page["head"]), listed=True)
        newest = self._entries(0, None)
        # Every entry of the list is in the records up to here.
        end = decode(AuditPlace, self._records(self.place.id)["head"])
        broken = broken or self._go_to(end, listed=False)
        return broken or self._at_the_end(newest)

    def _go_to(self, end: AuditPlace, listed: bool) -> AuditBreak | None:
        while True:
            page = self._records(self.place.id)
            if page["anchor"]["id"] > self.place.id:
                self._begin(page)  # old records were removed meanwhile
            if not page["records"]:
                return self._ends_early(end) if self.place.n < end.n else None
            broken = self._page(page, listed)
            if broken is not None or self.place.n >= end.n:
                return broken

    def _begin(self, page: Document) -> None:
        self.place = decode(AuditPlace, page["anchor"])
        self.first, self.count = None, 0
        self.removed, self.older = self.place.n, int(page["older"])
        self._notice()

    def _page(self, page: Document, listed: bool) -> AuditBreak | None:
        found, end = page["records"], decode(AuditPlace, page["head"])
        entries = self._entries(self.place.id, found[-1]["id"]) if listed else []
        shown = {entry["id"]: entry for entry in entries}
        for record in found:
            why = self._flaw(record) or _behind(record, end) or _added_before(record, shown)
            if why is None and (listed or record["topic"] == "audit.result"):
                why = self._misshown(record, shown, end.n)
            if why is not None:
                return AuditBreak(n=record["n"], id=record["id"], detail=why)
            self.place = decode(AuditPlace, record)
            self.first = self.first or self.place
            self.count += 1
            self._notice()
        return None

    def _notice(self) -> None:
        head = self._head
        if head is not None and head.hash == self.place.hash and head.n in (None, self.place.n):
            self._seen = True

    def _flaw(self, record: Document) -> str | None:
        n, before = record["n"], self.place.n
        if not isinstance(n, int):
            return f"the record with id {record['id']} has no place in the chain; it was added"
        if digest(record) != record["hash"]:
            return f"record {n} was changed after it was written"
        if n > before + 1:
            first, last = before + 1, n - 1
            many = f"records {first} to {last} are" if first < last else f"record {first} is"
            return f"{many} missing"
        if n <= before:
            return f"record {n} comes after record {before}; it was moved or added"
        if record["previous"] != self.place.hash:
            return f"record {n} does not follow the record before it; one of the two was replaced"
        return None

    # -- the list shown to users -------------------------------------------------------------------

    def _misshown(self, record: Document, shown: dict[int, Document], upto: int) -> str | None:
        """The difference of a record's entry in the list; must have answers up to ``upto``."""
        said = record["payload"]
        if record["topic"] == "audit.result":
            entry, then = self._open.pop(said["command"], (None, 0))
            late = entry is not None and entry["status"] is None and record["n"] > then
            if entry is None or late or _is_shown(said, entry, ("status", "detail")):
                return None
            return f"the answer of record {record['n']} was changed in the list that is shown"
        entry = shown.pop(record["id"], None)
        if entry is None:
            if self._records(self.place.id)["anchor"]["id"] >= record["id"]:
                return None  # removed meanwhile, because of its age
            return f"record {record['n']} was removed from the list that is shown"
        refusal = record["topic"] == "auth.refused"
        answer = {"status": said["status"], "detail": said["why"]} if refusal else {}
        known = {**said, **answer, "time": record["time"], "request_id": record["request_id"]}
        if not _is_shown(known, entry, (*_SHOWN, "time", "request_id", *answer)):
            return f"record {record['n']} was changed in the list that is shown"
        if not refusal:
            self._open[record["message"]] = entry, upto
        return None

    # -- the end -----------------------------------------------------------------------------------

    def _ends_early(self, end: AuditPlace) -> AuditBreak:
        why = f"record {end.n} was the last one written; the chain ends after {self.place.n}"
        return AuditBreak(n=self.place.n + 1, id=None, detail=why)

    def _at_the_end(self, newest: list[Document]) -> AuditBreak | None:
        if newest and newest[0]["id"] > self.place.id:
            late = newest[0]["id"]
            return AuditBreak(n=None, id=late, detail=_added(late))
        for entry, _ in self._open.values():
            if entry["status"] is not None:
                why = f"the entry with id {entry['id']} shows an answer that is in no record"
                return AuditBreak(n=None, id=entry["id"], detail=why)
        if self._head is not None and not self._seen:
            return self._unproven(self._head)
        return None

    def _unproven(self, head: Head) -> AuditBreak:
        if head.n is not None and head.n < self.removed:
            why = (
                f"record {head.n} was removed because of its age, so nothing tells whether it had "
                "the hash that was noted"
            )
        else:
            why = (
                "no record has the hash that was noted: what was written then was cut off or "
                "replaced, or removed because of its age"
            )
        return AuditBreak(n=head.n, id=None, detail=why)


def _is_shown(said: Document, entry: Document, names: tuple[str, ...]) -> bool:
    return all(entry[name] == said.get(name) for name in names)


def _behind(record: Document, end: AuditPlace) -> str | None:
    if record["n"] < end.n or (record["n"], record["hash"]) == (end.n, end.hash):
        return None
    return f"record {end.n}, or another one of that number, was the last one written"


def _added_before(record: Document, shown: dict[int, Document]) -> str | None:
    first = min(shown, default=record["id"])
    return _added(first) if first < record["id"] else None


def _added(i: int) -> str:
    return f"the entry with id {i} was added to the list that is shown"
