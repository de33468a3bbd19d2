"""The journal of this subarray, read while the broker writes it.

The bus is no substitute: it delivers a message without its place in the chain of the audit and, if the disk
is full, before it is written; and it has no spool for the time the central database is away.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import sqlalchemy as sa

from ..journal.journal import IDENTITY
from ..journal.reader import JournalReader, page
from ..journal.schema import MESSAGES, NOTES


class Source(JournalReader):
    """A journal, read only, in any thread.

    :param file: its path; it need not exist before the first read
    """

    def __init__(self, file: str) -> None:
        name = f"file:{quote(file)}"
        super().__init__(
            sa.create_engine(sa.URL.create("sqlite", database=name, query={"mode": "ro", "uri": "true"}))
        )
        self.file = file

    def identity(self) -> str | None:
        """The identity of this journal and its copies; None if it has none yet."""
        with self.reading() as connection:
            return connection.scalar(sa.select(NOTES.c.value).where(NOTES.c.name == IDENTITY))

    def rows(self, after: int, limit: int) -> list[dict[str, Any]]:
        """Rows of messages above a number; fewer if they are large."""
        selection = sa.select(MESSAGES).where(MESSAGES.c.seq > after).order_by(MESSAGES.c.seq).limit(limit)
        with self.reading() as connection:
            return [dict(row) for row in page(connection.execute(selection).mappings(), "body")]
