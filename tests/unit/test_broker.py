"""The broker numbers, stores and then delivers; over a real socket."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import stat
from pathlib import Path

import pytest
from pubsub.core import TopicDefnError

from ska_oso_oet.journal import Query

from ..support.buses import SCRIPT_TOPIC, Heard, broker_here, in_loop, said, until


@in_loop
async def test_every_listener_hears_every_message_in_the_order_of_the_journal(tmp_path: Path) -> None:
    async with broker_here(tmp_path) as (bus, journal):
        speakers = [await bus.client(f"speaker {n}") for n in range(3)]
        listeners = [await bus.listener(f"listener {n}") for n in range(3)]

        async def speak(speaker: int) -> None:
            for n in range(50):
                await speakers[speaker].publish(SCRIPT_TOPIC, {"n": [speaker, n]})

        await asyncio.gather(*(speak(n) for n in range(3)))
        await until(lambda: all(len(heard.all) == 150 for heard in listeners))
        order = journal.read(Query())
        assert [e.seq for e in order] == list(range(1, 151))
        assert all(heard.all == order for heard in listeners)
        for speaker in range(3):
            said_by = [e.payload["n"][1] for e in order if e.payload["n"][0] == speaker]
            assert said_by == list(range(50))


@in_loop
async def test_a_durable_message_is_in_the_journal_when_publish_returns(tmp_path: Path) -> None:
    async with broker_here(tmp_path) as (bus, journal):
        client = await bus.client("me")
        for n in range(20):
            await client.publish(SCRIPT_TOPIC, {"n": n})
            assert journal.read(Query(after=n))[0].payload == {"n": n}
        assert client.unacknowledged == 0


@in_loop
async def test_a_message_sent_twice_is_stored_and_delivered_once_and_acknowledged_twice(
    tmp_path: Path,
) -> None:
    async with broker_here(tmp_path) as (bus, journal):
        client, heard = await bus.client("me"), await bus.listener("other")
        for _ in range(2):
            await asyncio.gather(*client.send([said(client, 1, id="the same")]))
        await asyncio.gather(*client.send([said(client, 2, id="twice in one batch")] * 2)[1:])
        await client.publish(SCRIPT_TOPIC, {"n": 3})
        await until(lambda: 3 in heard.numbers())
        assert heard.numbers() == [1, 2, 3]
        assert journal.head() == 3


@in_loop
async def test_of_a_batch_only_what_is_new_is_stored_and_all_is_acknowledged(tmp_path: Path) -> None:
    async with broker_here(tmp_path) as (bus, journal):
        client, heard = await bus.client("me"), await bus.listener("other")
        old, new = said(client, 1, id="old"), [said(client, n, id=f"new {n}") for n in (2, 3)]
        await asyncio.gather(*client.send([old]))
        await asyncio.gather(*client.send([new[0], old, new[1]]))
        await until(lambda: 3 in heard.numbers())
        assert heard.numbers() == [1, 2, 3]
        assert [e.id for e in journal.read(Query())] == ["old", "new 2", "new 3"]


@in_loop
async def test_in_a_damaged_journal_a_repeat_is_acknowledged_beside_what_cannot_be_held(
    tmp_path: Path,
) -> None:
    async with broker_here(tmp_path) as (bus, journal):
        client = await bus.client("me")
        old = said(client, 1, id="old")
        await asyncio.gather(*client.send([old]))
        journal.damage = "said so by this test"
        timeless = dataclasses.replace(said(client, 2), time=None)
        sent = client.send([old, timeless, said(client, 3)])
        done = await asyncio.gather(*sent, return_exceptions=True)
        assert [type(one).__name__ for one in done] == ["NoneType", "Invalid", "NoneType"]
        assert [e.payload["n"] for e in journal.read(Query())] == [1, 3]


@in_loop
async def test_a_transient_message_is_delivered_without_a_number_and_not_stored(tmp_path: Path) -> None:
    async with broker_here(tmp_path) as (bus, journal):
        client, heard = await bus.client("me"), await bus.listener("other")
        await client.publish("procedure.output", {"pid": 1, "n": 1, "stream": "stdout", "text": "x"})
        await client.publish(SCRIPT_TOPIC, {"n": 1})
        await until(lambda: len(heard.all) == 2)
        assert [(e.topic, e.seq) for e in heard.all] == [("procedure.output", None), (SCRIPT_TOPIC, 1)]
        assert journal.head() == 1


@in_loop
async def test_a_listener_hears_only_the_topics_it_wants(tmp_path: Path) -> None:
    async with broker_here(tmp_path) as (bus, _):
        client = await bus.client("me")
        workers = await bus.listener("workers", ("worker",))
        nothing = await bus.listener("nothing", ())
        everything = await bus.listener("everything")
        for n in range(5):
            await client.publish(SCRIPT_TOPIC, {"n": n})
            await client.publish("worker.started", {"worker": str(n)})
        await until(lambda: len(everything.all) == 10 and len(workers.all) == 5)
        assert [e.payload["worker"] for e in workers.all] == list("01234")
        assert nothing.all == []


@in_loop
async def test_a_listener_that_comes_later_begins_with_what_happens_from_then_on(tmp_path: Path) -> None:
    async with broker_here(tmp_path) as (bus, _):
        client = await bus.client("me")
        await client.publish(SCRIPT_TOPIC, {"n": 1})
        late = await bus.client("late")
        heard = Heard(late)
        assert late.joined_at == 1
        await client.publish(SCRIPT_TOPIC, {"n": 2})
        await until(lambda: heard.all)
        assert heard.numbers() == [2]


@in_loop
async def test_a_listener_that_reads_too_slowly_is_left_out_and_then_gets_everything_in_order(
    tmp_path: Path,
) -> None:
    count, text = 60, "x" * 2**18
    async with broker_here(tmp_path) as (bus, _):
        client, slow, other = await bus.client("me"), await bus.client("slow"), await bus.listener("other")
        heard = Heard(slow)
        assert slow._link.frames is not None
        transport = slow._link.frames._transport
        assert isinstance(transport, asyncio.ReadTransport)
        transport.pause_reading()
        for n in range(count):
            await client.publish(SCRIPT_TOPIC, {"n": n, "text": text})
        await until(lambda: len(other.all) == count)
        assert len(heard.all) < count
        transport.resume_reading()
        await until(lambda: len(heard.all) >= count)
        await client.publish(SCRIPT_TOPIC, {"n": count})
        await until(lambda: count in heard.numbers())
        assert heard.numbers() == list(range(count + 1))


@in_loop
async def test_rubbish_on_the_socket_is_dropped_and_harms_nobody(tmp_path: Path) -> None:
    rubbish = (
        b"rubbish\n",
        b"\xff\xfe\n",
        b"[]\n",
        b"7\n",
        b"{}\n",
        b'{"op":"publish"}\n',
        b'{"op":"publish","batch":[7]}\n',
        b'{"op":"publish","batch":[{"id":"x"}]}\n',
        b'{"op":"hello"}\n',
        b'{"op":"read"}\n',
        b'{"op":"read","rid":1,"what":"messages","query":{"colour":"red"}}\n',
        b'{"op":"sing"}\n',
        b"[" * 10_000 + b"\n",
    )
    async with broker_here(tmp_path) as (bus, _):
        client, heard = await bus.client("me"), await bus.listener("other")
        reader, writer = await asyncio.open_unix_connection(bus.path)
        writer.writelines(rubbish)
        writer.write(b'{"op":"hello","name":"raw","topics":[]}\n')
        while b"welcome" not in (line := await reader.readline()):
            assert line, "the broker hung up"
        writer.close()
        await writer.wait_closed()
        await client.publish(SCRIPT_TOPIC, {"n": 1})
        await until(lambda: heard.all)


@in_loop
async def test_only_the_owner_may_use_the_socket(tmp_path: Path) -> None:
    async with broker_here(tmp_path) as (bus, _):
        await bus.client("me")
        assert stat.S_IMODE(os.stat(bus.path).st_mode) == 0o600


@in_loop
async def test_the_bus_works_in_a_directory_too_deep_for_a_socket_address(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 100) / ("e" * 100)
    deep.mkdir(parents=True)
    async with broker_here(deep) as (bus, _):
        client, heard = await bus.client("me"), await bus.listener("other")
        await client.publish(SCRIPT_TOPIC, {"n": 1})
        await until(lambda: heard.all)


@in_loop
async def test_a_message_with_a_mistake_is_an_error_before_it_is_sent(tmp_path: Path) -> None:
    async with broker_here(tmp_path) as (bus, journal):
        client = await bus.client("me")
        with pytest.raises(TypeError):
            await client.publish("worker.started", {"wroker": "Bus"})
        with pytest.raises(TopicDefnError):
            client.local.check(client.envelope("worker.startled", {}))
        assert journal.head() == 0


@in_loop
async def test_a_message_the_journal_cannot_hold_is_refused_and_hinders_no_other(tmp_path: Path) -> None:
    async with broker_here(tmp_path) as (bus, journal):
        client, heard = await bus.client("me"), await bus.listener("other")
        messages = [said(client, 1), said(client, 2, time=float("nan")), said(client, 3)]
        outcomes = await asyncio.gather(*client.send(messages), return_exceptions=True)
        assert [type(outcome).__name__ for outcome in outcomes] == ["NoneType", "Invalid", "NoneType"]
        await client.publish(SCRIPT_TOPIC, {"n": 4})
        await until(lambda: 4 in heard.numbers())
        assert heard.numbers() == [1, 3, 4]
        assert client.unacknowledged == 0
