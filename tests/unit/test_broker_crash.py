"""The broker dies and comes back: nothing is lost, repeated or reordered."""

from __future__ import annotations

import asyncio
from pathlib import Path

from ..support.buses import SCRIPT_TOPIC, broker_process, in_loop, said, until


@in_loop
async def test_whatever_moment_it_is_killed_every_message_arrives_once_and_in_order(tmp_path: Path) -> None:
    rounds, each = 5, 200
    async with broker_process(tmp_path) as (bus, broker):
        client, heard = await bus.client("me"), await bus.listener("other")
        futures: list[asyncio.Future[None]] = []
        for round_ in range(rounds):
            futures += client.send([said(client, round_ * each + n) for n in range(each)])
            await asyncio.sleep(0.002 * round_)  # a different moment each time; any of them must do
            broker.kill()
            broker.start()
            await until(lambda: not client.connected)
            await client.reached()
        await asyncio.gather(*futures)
        await until(lambda: len(heard.all) >= rounds * each)
        await client.publish(SCRIPT_TOPIC, {"n": "last"})
        await until(lambda: "last" in heard.numbers())
        assert heard.numbers() == [*range(rounds * each), "last"]
        assert [e.seq for e in broker.journal()] == list(range(1, rounds * each + 2))
        assert [e.payload["n"] for e in broker.journal()] == heard.numbers()


@in_loop
async def test_what_is_said_while_it_is_away_is_said_when_it_is_back(tmp_path: Path) -> None:
    async with broker_process(tmp_path) as (bus, broker):
        client, heard = await bus.client("me"), await bus.listener("other")
        broker.kill()
        await until(lambda: not client.connected)
        futures = client.send([said(client, n) for n in range(10)])
        assert client.unacknowledged == 10
        broker.start()
        await asyncio.gather(*futures)
        await until(lambda: len(heard.all) == 10)
        assert heard.numbers() == list(range(10))
        assert client.unacknowledged == 0


@in_loop
async def test_a_listener_that_was_away_reads_what_it_missed_before_what_is_new(tmp_path: Path) -> None:
    async with broker_process(tmp_path) as (bus, _):
        client, away = await bus.client("me"), await bus.client("away", ("user",))
        heard: list[int] = []
        away.local.subscribe_to_all(lambda message: heard.append(message.payload["n"]))
        await client.publish(SCRIPT_TOPIC, {"n": 0})
        await until(lambda: heard == [0])
        for n in range(1, 2500, 500):
            broken = away._link.frames
            assert broken is not None
            broken.close()
            await asyncio.gather(*client.send([said(client, i) for i in range(n, n + 500)]))
            await until(lambda broken=broken: away._link.frames not in (None, broken))
        await client.publish(SCRIPT_TOPIC, {"n": 2501})
        await until(lambda: heard[-1] == 2501)
        assert heard == [*range(2502)]
