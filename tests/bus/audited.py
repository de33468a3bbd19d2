"""A journal with an audit, and the two who verify it: the server, and the client that believes nobody."""

from __future__ import annotations

import contextlib
import sqlite3
import uuid
from pathlib import Path
from typing import Any

from ska_oso_oet.bus.envelope import Envelope
from ska_oso_oet.journal import Journal
from ska_oso_oet.journal.audit_verification import Verification
from ska_oso_oet_client.chain import Head, verify
from ska_oso_oet_client.model import AuditVerification, Document

NOW = 1_795_000_000.0


class Audited:
    """A journal to which commands, refusals and other messages are written."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.journal = Journal(f"sqlite:///{file}")

    def close(self) -> None:
        self.journal.close()

    def restart(self) -> None:
        """Another process opens the journal."""
        self.journal.close()
        self.journal = Journal(f"sqlite:///{self.file}")

    def say(self, topic: str, at: float = NOW, request: str | None = None, **payload: Any) -> str:
        """Write a message; returns its id."""
        said = self.envelope(topic, at, request, **payload)
        self.journal.append([said])
        return said.id

    def envelope(self, topic: str, at: float = NOW, request: str | None = None, **payload: Any) -> Envelope:
        """The next message."""
        seq = self.journal.head() + 1
        return Envelope(
            topic=topic,
            seq=seq,
            time=at,
            msg_src="FlaskWorker",
            payload=payload,
            user=payload.get("user"),
            request_id=request or uuid.uuid4().hex,
        )

    def command(self, at: float = NOW, status: int | None = 200, path: str = "/procedures/1") -> None:
        """Somebody commands something, and is answered or not."""
        request = uuid.uuid4().hex
        known = {"user": "jo", "name": "Jo Śmith", "address": "10.0.0.7", "what": '{"state": "STOPPED"}'}
        command = self.say("audit.command", at, request, method="PUT", path=path, **known)
        self.say("user.script.announce", at, msg="between")
        if status is not None:
            self.say("audit.result", at, request, command=command, status=status, detail=None)

    def refusal(self, at: float = NOW) -> None:
        """Somebody is not admitted."""
        known = {"user": None, "name": None, "address": "10.0.0.8", "what": None}
        self.say("auth.refused", at, method="GET", path="/procedures", status=401, why="no", **known)

    def day(self, at: float = NOW) -> None:
        """Ten records."""
        for status in (200, 409, None, 201):
            self.command(at, status)
        for _ in range(3):
            self.refusal(at)

    def change(self, *statements: str) -> None:
        """Somebody writes to the file."""
        with contextlib.closing(sqlite3.connect(self.file, timeout=20)) as database, database:
            for statement in statements:
                assert database.execute(statement).rowcount > 0, statement

    # -- who verifies it ---------------------------------------------------------------------------

    @property
    def server(self) -> Verification:
        return Verification(self.journal.engine)

    def client(self, head: str | None = None) -> AuditVerification:
        """What the client finds that has nothing but what the server hands out."""
        n, _, digest = (head or "").rpartition(":")
        noted = Head(int(n) if n else None, digest) if head else None
        return verify(lambda after: self.server.records(after, 7), self._listed, noted)

    def _listed(self, after: int, upto: int | None) -> list[Document]:
        if upto is None:
            return self.journal.audit(limit=1)
        return [entry for entry in self.journal.audit(limit=500, before=upto + 1) if entry["id"] > after]
