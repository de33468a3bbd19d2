"""The journal cannot grow: new work is refused, everything else goes on and is written later."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from ska_oso_oet.bus.client import BusClient
from ska_oso_oet.bus.envelope import Envelope
from ska_oso_oet.domain.errors import DiskFull
from ska_oso_oet.journal import Journal, Query

from ..support.buses import SCRIPT_TOPIC, broker_here, in_loop, said, until


def _fill(journal: Journal) -> None:
    """Let the database grow no more."""
    pages = journal._writing.exec_driver_sql("PRAGMA page_count").scalar()
    journal._writing.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    journal._writing.rollback()


def _free(journal: Journal) -> None:
    journal._writing.exec_driver_sql("PRAGMA max_page_count = 1000000")
    journal._writing.rollback()


async def _until_full(client: BusClient) -> list[asyncio.Future[None]]:
    """Say things until one cannot be stored; the futures of those that could not."""
    while True:
        waiting = client.send([said(client, "filler", fields={"text": "x" * 20_000})])
        try:
            await asyncio.wait_for(asyncio.shield(waiting[0]), 0.3)
        except TimeoutError:
            return waiting


@in_loop
async def test_commands_for_new_work_are_refused_and_a_stop_is_not(tmp_path: Path) -> None:
    async with broker_here(tmp_path) as (bus, journal):
        client, heard = await bus.client("me"), await bus.listener("other")
        _fill(journal)
        waiting = await _until_full(client)
        for topic in ("request.procedure.create", "request.procedure.start"):
            with pytest.raises(DiskFull, match="the journal cannot be written") as refused:
                await client.publish(topic, {"cmd": {"pid": 1}})
            assert (refused.value.kind, refused.value.status) == ("disk_full", 503)
        waiting += client.send([client.envelope("request.procedure.stop", {"cmd": {"pid": 1}})])
        await until(lambda: heard.all[-1].topic == "request.procedure.stop")
        assert "request.procedure.create" not in [e.topic for e in heard.all]
        _free(journal)
        await asyncio.gather(*waiting)


@in_loop
async def test_other_messages_are_delivered_at_once_and_written_when_that_works_again(tmp_path: Path) -> None:
    async with broker_here(tmp_path) as (bus, journal):
        client, heard = await bus.client("me"), await bus.listener("other")
        await client.publish(SCRIPT_TOPIC, {"n": "before"})
        _fill(journal)
        waiting = await _until_full(client)
        stored = journal.head()
        waiting += client.send([said(client, n) for n in range(5)])
        await until(lambda: heard.numbers()[-1] == 4)
        assert journal.head() == stored
        assert not any(future.done() for future in waiting)
        _free(journal)
        await asyncio.gather(*waiting)
        await client.publish(SCRIPT_TOPIC, {"n": "after"})
        await until(lambda: heard.numbers()[-1] == "after")
        assert [e.seq for e in heard.all] == list(range(1, len(heard.all) + 1))
        assert journal.read(Query()) == heard.all


@in_loop
async def test_many_waiting_messages_are_tried_a_few_at_a_time_and_refusals_are_only_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with broker_here(tmp_path) as (bus, journal):
        client, heard = await bus.client("me"), await bus.listener("other")
        tried: list[int] = []
        append = journal.append
        monkeypatch.setattr(journal, "append", lambda batch: (tried.append(len(batch)), append(batch)))
        _fill(journal)
        waiting = await _until_full(client)
        waiting += client.send([said(client, n) for n in range(1500)])
        await until(lambda: heard.numbers()[-1] == 1499)
        refusal = {"user": None, "name": None, "address": None, "method": "GET", "path": "/", "status": 401}
        refused = client.envelope("auth.refused", {**refusal, "why": "", "what": None})
        await asyncio.gather(*client.send([refused]))  # acknowledged, so that nobody keeps it
        before = len(tried)
        await until(lambda: len(tried) > before)
        assert max(tried[before:]) == 100
        _free(journal)
        await asyncio.gather(*waiting)
        assert max(tried[before:]) == 100
        stored = journal.read(Query(limit=10_000))
        assert [e.seq for e in stored] == list(range(1, len(stored) + 1))
        assert [e.payload["n"] for e in stored if e.topic == SCRIPT_TOPIC][-1500:] == list(range(1500))
        assert "auth.refused" not in {e.topic for e in stored}
        assert "1 refused requests are not on record" in caplog.text


@in_loop
async def test_pages_of_a_size_leave_nothing_out_that_is_written_later(tmp_path: Path) -> None:
    async with broker_here(tmp_path) as (bus, journal):
        client = await bus.client("me")
        _fill(journal)
        waiting = await _until_full(client)
        waiting += client.send([said(client, n) for n in range(5)])
        head = 0
        while head < journal.head() + len(waiting):
            _, head = await client.lookup.bounds()
        found: list[int] = []
        while page := await client.lookup.messages(after=found[-1] if found else 0, size=30_000):
            found += [envelope.seq or 0 for envelope in page]
        assert found == list(range(1, head + 1))
        _free(journal)
        await asyncio.gather(*waiting)


@in_loop
async def test_what_is_not_written_yet_can_be_read_all_the_same(tmp_path: Path) -> None:
    async with broker_here(tmp_path) as (bus, journal):
        client = await bus.client("me")
        _fill(journal)
        waiting = await _until_full(client)
        waiting += client.send([said(client, "kept", request_id="r")])
        reader = await bus.client("reader")
        found = await reader.lookup.messages(request_id="r")
        while not found:
            found = await reader.lookup.messages(request_id="r")
        assert [e.payload["n"] for e in found] == ["kept"]
        _, head = await reader.lookup.bounds()
        assert head == found[0].seq
        _free(journal)
        await asyncio.gather(*waiting)


@in_loop
async def test_a_message_that_waits_to_be_written_is_not_taken_twice(tmp_path: Path) -> None:
    async with broker_here(tmp_path) as (bus, journal):
        client, heard = await bus.client("me"), await bus.listener("other")
        _fill(journal)
        waiting = await _until_full(client)
        for _ in range(2):
            waiting += client.send([said(client, "once", id="the same")])
        waiting += client.send([said(client, "last")])
        await until(lambda: heard.numbers()[-1] == "last")
        assert heard.numbers().count("once") == 1
        _free(journal)
        await asyncio.wait(waiting[-1:])
        assert [e.payload["n"] for e in journal.read(Query())].count("once") == 1


@in_loop
async def test_nothing_is_dropped_if_the_disk_is_full_again_while_messages_are_written_one_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with broker_here(tmp_path) as (bus, journal):
        client = await bus.client("me")
        _fill(journal)
        waiting = await _until_full(client)
        impossible = said(client, "impossible")
        later = client.send([impossible, *(said(client, n) for n in range(3))])
        append, failures = journal.append, list[int]()

        def full_again(batch: list[Envelope]) -> None:
            if any(envelope.id == impossible.id for envelope in batch):
                raise ValueError("the journal cannot hold this message")
            if batch[0].payload.get("n") == 0 and len(failures) < 2:
                failures.append(len(batch))
                raise OperationalError("", {}, Exception("database or disk is full"))
            append(batch)

        monkeypatch.setattr(journal, "append", full_again)
        _free(journal)
        await asyncio.gather(*waiting, *later)
        assert failures == [1, 3]
        kept = [envelope.payload.get("n") for envelope in journal.read(Query())]
        assert kept[-3:] == [0, 1, 2]
        assert "impossible" not in kept
