"""Which requests a restarted worker takes up: those of the OET without an answer, and nothing else."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from ska_oso_oet.broker.answers import Answers
from ska_oso_oet.bus import topics
from ska_oso_oet.bus.dispatcher import Dispatcher
from ska_oso_oet.bus.envelope import Envelope
from ska_oso_oet.journal.reader import JournalReader

from ..support.buses import broker_here, in_loop


async def _nothing(_request: Envelope) -> None: ...


@in_loop
async def test_only_requests_of_the_oet_without_an_answer_are_taken_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with broker_here(tmp_path) as (bus, journal):
        client = await bus.client("SESWorker")

        def create(n: int, **more: Any) -> Envelope:
            about: dict[str, Any] = {"topic": topics.CREATE, "msg_src": "FlaskWorker", "time": 2e9}
            own = {"id": f"c{n}", "request_id": f"r{n}", "payload": {"cmd": {}}}
            return Envelope(**{**own, **about, **more})

        fields = {"topic": "", "kind": "", "status": 1, "detail": ""}
        refused = create(2, topic=topics.REFUSED, payload=fields, id="a2", msg_src="SESWorker")
        odd = [
            create(5, topic="Request.procedure.create.x"),
            create(6, topic="request.procedure.create.x"),
            create(7, msg_src="4"),  # of a script, by whichever way
        ]
        await asyncio.gather(*client.send([create(1), create(2), refused, create(3), *odd, create(4)]))
        read: list[str] = []
        monkeypatch.setattr(Answers, "_lane", _noting(read, Answers._lane))
        dispatcher = Dispatcher(client, {topics.CREATE: _nothing})
        found = await dispatcher.unanswered(head=journal.head() - 1)
        assert [e.id for e in found] == ["c1", "c3"]
        # No more than the ids of what is answered is read: bodies may be large.
        assert read.count("requests") == 2


def _noting(read: list[str], lane: Any) -> Any:
    def noting(self: Answers, what: str, query: dict[str, Any]) -> Any:
        read.append(what)
        return lane(self, what, query)

    return noting


@in_loop
async def test_topics_are_told_apart_by_case(tmp_path: Path) -> None:
    async with broker_here(tmp_path) as (bus, journal):
        client = await bus.client("me")
        about: dict[str, Any] = {"payload": {}, "msg_src": "1", "time": 1.0}
        names = ("user.a", "user.a.b", "User.a.b", "user.ab", "user_a")
        await asyncio.gather(*client.send([Envelope(id=name, topic=name, **about) for name in names]))
        found = await client.lookup.messages(topics=["user.a"])
        assert [e.topic for e in found] == ["user.a", "user.a.b"]
        assert isinstance(journal, JournalReader)


@in_loop
async def test_messages_are_read_in_pages_of_a_limited_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with broker_here(tmp_path) as (bus, _):
        client = await bus.client("me")
        about: dict[str, Any] = {"topic": "user.a", "msg_src": "1", "time": 1.0}
        large = [Envelope(id=f"m{n}", payload={"text": "x" * 700_000}, **about) for n in range(8)]
        await asyncio.gather(*client.send(large))
        pages: list[int] = []
        messages = client.lookup.messages

        async def counted(**query: Any) -> list[Envelope]:
            page = await messages(**query)
            pages.append(len(page))
            return page

        monkeypatch.setattr(client.lookup, "messages", counted)
        assert [e.id async for e in client.lookup.all_messages()] == [e.id for e in large]
        assert max(pages) <= 2


@in_loop
async def test_a_number_without_room_in_the_journal_is_refused_and_ends_nothing(tmp_path: Path) -> None:
    async with broker_here(tmp_path) as (bus, _):
        client = await bus.client("me")
        about: dict[str, Any] = {"topic": "user.a", "msg_src": "1", "time": 1.0, "payload": {}}
        odd = Envelope(id="odd", **{**about, "msg_src": str(2**70)})
        sent = client.send([odd, Envelope(id="fine", **about)])
        with pytest.raises(Exception, match="cannot hold this message"):
            await sent[0]
        await sent[1]
