"""Operations on the audit."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from ..chain import Head, verify
from ..decoding import answer_of
from ..errors import InvalidRequestError
from ..model import AuditEntry, AuditVerification, Document
from .connection import LARGEST_PAGE, Connection


class AuditOperations(Connection):
    """See who changed something, or was refused."""

    def audit(
        self,
        *,
        user: str | None = None,
        since: float | None = None,
        result: str | None = None,
        limit: int = 50,
    ) -> list[AuditEntry]:
        """The newest ``limit`` entries, newest first.

        Only those of one ``user``, after ``since`` (seconds since the epoch), or with a
        ``result`` such as ``refused``.
        """
        return list(islice(self._entries(user, since, result, min(limit, LARGEST_PAGE)), limit))

    def verify_audit(self, head: str | None = None) -> AuditVerification:
        """Verify that no record of the audit was changed, added, moved or removed.

        Computed by the client from the records. Records removed at the end are detected only by
        ``head``, that of an earlier verification, which must still be in the chain.
        Raises InvalidRequestError if it is invalid.
        """
        noted = _head(head)
        with answer_of(self.url):
            return verify(self._records, self._listed, noted)

    def _records(self, after: int) -> Document:
        found: Document = self._transport.get("/audit/records", after=after)
        return found

    def _listed(self, after: int, upto: int | None) -> list[Document]:
        if upto is None:
            found: list[Document] = self._transport.get("/audit", limit=1)
            return found
        before, entries = upto + 1, []
        while True:
            page = self._transport.get("/audit", limit=LARGEST_PAGE, before=before)
            entries += [entry for entry in page if entry["id"] > after]
            if not page or page[-1]["id"] <= after or page[-1]["id"] >= before:
                return entries
            before = page[-1]["id"]

    def _entries(
        self, user: str | None, since: float | None, result: str | None, size: int
    ) -> Iterator[AuditEntry]:
        before: int | None = None
        while True:
            answer = self._transport.get(
                "/audit", limit=size, before=before, user=user, since=since, result=result
            )
            page = self._decode(list[AuditEntry], answer)
            yield from page
            if not page or (before is not None and page[-1].id >= before):
                return
            before = page[-1].id


def _head(text: str | None) -> Head | None:
    found = re.fullmatch(r"(?:(\d+):)?([0-9a-f]{64})", text or "", re.ASCII)
    if text is None:
        return None
    if found is None:
        raise InvalidRequestError(
            "a head is what an earlier verification has shown: a number, a colon and 64 "
            "hexadecimal digits, or these alone"
        )
    return Head(int(found[1]) if found[1] else None, found[2])
