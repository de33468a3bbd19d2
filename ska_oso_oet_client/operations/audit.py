"""Operations on what the server wrote down about who did what."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from ..model import AuditEntry
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

    def _entries(
        self, user: str | None, since: float | None, result: str | None, size: int
    ) -> Iterator[AuditEntry]:
        before: int | None = None
        while True:
            answer = self._transport.get(
                "/audit", limit=size, before=before, user=user, since=since, result=result
            )
            page = self._decode_all(AuditEntry.from_json, answer)
            yield from page
            if not page or (before is not None and page[-1].id >= before):
                return
            before = page[-1].id
