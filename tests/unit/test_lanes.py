"""What commands look up in the journal waits for no reader, and equal questions share an answer."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from ska_oso_oet.broker.query_threads import Lane
from ska_oso_oet.bus.client import BusClient
from ska_oso_oet.journal.audit_verification import Verification
from ska_oso_oet.journal.reader import JournalReader

from ..support.buses import broker_here, in_loop, said, until

MANY = 30


class Held:
    """Stands before a function of the broker's, and holds up whoever calls it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, owner: type, name: str) -> None:
        self.calls: list[Any] = []
        self.go_on = threading.Event()
        original = getattr(owner, name)

        def held(*args: Any, **query: Any) -> Any:
            if query.get("pids") is None:
                self.calls.append(query)
                assert self.go_on.wait(30)
            return original(*args, **query)

        monkeypatch.setattr(owner, name, held)


def _ask(client: BusClient, limit: int) -> asyncio.Future[Any]:
    return asyncio.ensure_future(client.lookup.audit_chain("verdict", after=0, limit=limit))


@in_loop
async def test_look_ups_of_commands_wait_for_no_verdict_list_or_audit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    verdicts = Held(monkeypatch, Verification, "verdict")
    lists = Held(monkeypatch, JournalReader, "procedures")
    audits = Held(monkeypatch, JournalReader, "audit")
    async with broker_here(tmp_path) as (bus, _):
        reader, worker = await bus.client("reader"), await bus.client("worker")
        await asyncio.gather(*worker.send([said(worker, 1)]))
        asked = [
            asyncio.ensure_future(question)
            for n in range(1, MANY)
            for question in (
                reader.lookup.audit_chain("verdict", after=0, limit=n),
                reader.lookup.procedures(limit=n),
                reader.lookup.audit(limit=n),
            )
        ]
        await until(lambda: verdicts.calls and (lists.calls or audits.calls))
        assert await worker.lookup.messages(request_id="a stop") == []
        assert len(await worker.lookup.messages(after=0, limit=9)) == 1
        assert await worker.lookup.procedures(pids=[1]) == []
        assert not any(question.done() for question in asked)
        for held in (verdicts, lists, audits):
            held.go_on.set()
        await asyncio.gather(*asked)


@in_loop
async def test_those_who_ask_for_a_verdict_meanwhile_share_the_next_one_and_those_given_up_are_dropped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    verdicts = Held(monkeypatch, Verification, "verdict")
    async with broker_here(tmp_path) as (bus, _):
        readers = [await bus.client(f"reader {n}") for n in range(4)]
        first = _ask(readers[0], 1)
        await until(lambda: verdicts.calls)
        equal = [_ask(reader, 1) for reader in readers for _ in range(MANY)]
        given_up = [_ask(readers[0], 2), _ask(readers[1], 3)]
        await asyncio.gather(*(reader.lookup.peers() for reader in readers))  # all has arrived
        given_up[0].cancel()
        await bus.hang_up(readers[1])
        while "reader 1" in await readers[0].lookup.peers():
            pass
        last = _ask(readers[0], 4)
        await readers[0].lookup.peers()
        verdicts.go_on.set()
        await asyncio.gather(first, last)
        answers = await asyncio.gather(*equal, return_exceptions=True)
        assert sum(isinstance(answer, ConnectionError) for answer in answers) == MANY
        assert [query["limit"] for query in verdicts.calls] == [1, 1, 4]


@in_loop
async def test_a_question_that_fails_fails_for_all_who_asked_and_for_nobody_later() -> None:
    lane, begun, go_on = Lane("test", 1), threading.Event(), threading.Event()

    def busy() -> None:
        begun.set()
        assert go_on.wait(30)

    before = asyncio.ensure_future(lane.ask("busy", busy))
    await asyncio.to_thread(begun.wait, 30)
    failing = [asyncio.ensure_future(lane.ask("q", lambda: 1 // 0)) for _ in range(3)]
    await asyncio.sleep(0)
    go_on.set()
    results = await asyncio.gather(before, *failing, return_exceptions=True)
    assert [type(result) for result in results[1:]] == [ZeroDivisionError] * 3
    assert await lane.ask("q", lambda: 2) == 2
