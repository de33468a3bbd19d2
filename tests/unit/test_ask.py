"""Request and reply over the bus."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ska_oso_oet.bus.client import BusClient
from ska_oso_oet.bus.envelope import Envelope
from ska_oso_oet.bus.topics import REFUSED
from ska_oso_oet.domain.errors import Conflict, Invalid, Refusal, TimedOut, WorkerAway

from ..support.buses import Bus, broker_here, broker_process, in_loop, until

START, STARTED = "request.procedure.start", "procedure.lifecycle.started"
COMMAND = {"cmd": {"pid": 1}}


async def _worker(bus: Bus, answer: Callable[[BusClient, Envelope], None]) -> list[Envelope]:
    """A worker that answers requests to start; what it was asked."""
    worker = await bus.client("SESWorker", ("request.procedure",))
    asked: list[Envelope] = []

    def arrived(request: Envelope) -> None:
        asked.append(request)
        answer(worker, request)

    worker.local.subscribe(START, arrived)
    return asked


def _agree(worker: BusClient, request: Envelope) -> None:
    result = {"id": 1, "state": "RUNNING", "script": {"script_uri": "x"}}
    worker.send([worker.envelope(STARTED, {"result": result}, request_id=request.request_id)])


def _refuse(worker: BusClient, request: Envelope) -> None:
    fields = {"topic": START, "kind": "conflict", "status": 409, "detail": "procedure 2 is RUNNING"}
    worker.send([worker.envelope(REFUSED, fields, request_id=request.request_id)])


def _be_silent(_worker: BusClient, _request: Envelope) -> None:
    pass


@in_loop
async def test_a_reply_reaches_who_asked_and_only_the_one_with_its_request_id(tmp_path: Path) -> None:
    async with broker_here(tmp_path) as (bus, _):
        await _worker(bus, _agree)
        clients = [await bus.client(f"client {n}") for n in range(5)]
        replies = await asyncio.gather(
            *(c.ask(START, COMMAND, request_id=f"r{n}", timeout=5) for n, c in enumerate(clients))
        )
        assert [(r.topic, r.request_id) for r in replies] == [(STARTED, f"r{n}") for n in range(5)]


@in_loop
async def test_a_request_tells_who_asks_on_whose_behalf_and_until_when(tmp_path: Path) -> None:
    async with broker_here(tmp_path) as (bus, _):
        asked = await _worker(bus, _agree)
        client = await bus.client("FlaskWorker")
        before = time.time()
        await client.ask(START, COMMAND, request_id="r", timeout=5, user="jo")
        (request,) = asked
        assert (request.msg_src, request.user, request.payload) == ("FlaskWorker", "jo", COMMAND)
        assert request.expires is not None
        assert before + 5 <= request.expires <= time.time() + 5


@in_loop
async def test_a_refusal_arrives_as_the_refusal_it_was(tmp_path: Path) -> None:
    async with broker_here(tmp_path) as (bus, _):
        await _worker(bus, _refuse)
        client = await bus.client("me")
        with pytest.raises(Conflict, match="^procedure 2 is RUNNING$") as refused:
            await client.ask(START, COMMAND, request_id="r", timeout=5)
        assert refused.value.status == 409


@in_loop
async def test_a_worker_that_does_not_answer_is_a_time_out(tmp_path: Path) -> None:
    async with broker_here(tmp_path) as (bus, _):
        await _worker(bus, _be_silent)
        client = await bus.client("me")
        with pytest.raises(TimedOut, match=f"^no answer to {START} within 0.1 s; the request was cancelled$"):
            await client.ask(START, COMMAND, request_id="r", timeout=0.1)
        assert client._questions._asked == {}
        assert client.unacknowledged == 0


@in_loop
async def test_a_worker_that_is_not_there_is_said_to_be_away(tmp_path: Path) -> None:
    async with broker_here(tmp_path) as (bus, _):
        client = await bus.client("me")
        with pytest.raises(WorkerAway, match="^SESWorker is being restarted; try again shortly$"):
            await client.ask(START, COMMAND, request_id="r", timeout=0.1)


@in_loop
async def test_without_a_broker_the_bus_is_said_to_be_away_and_the_request_is_not_kept(
    tmp_path: Path,
) -> None:
    async with broker_process(tmp_path) as (bus, broker):
        client = await bus.client("me")
        broker.kill()
        await until(lambda: not client.connected)
        with pytest.raises(WorkerAway, match="^the event bus is being restarted; try again shortly$"):
            await client.ask(START, COMMAND, request_id="r", timeout=0.1)
        assert client.unacknowledged == 0


@pytest.mark.parametrize(("answer", "refused"), [(_agree, False), (_refuse, True)])
@in_loop
async def test_a_repeated_request_gets_the_first_reply_and_is_not_carried_out_again(
    tmp_path: Path, answer: Callable[[BusClient, Envelope], None], refused: bool
) -> None:
    async with broker_here(tmp_path) as (bus, journal):
        asked = await _worker(bus, answer)
        said: list[object] = []
        for n in range(3):
            client = await bus.client(f"client {n}")
            try:
                said.append(await client.ask(START, COMMAND, request_id="r", timeout=5, repeated=True))
            except Refusal as error:
                said.append((error.kind, error.detail))
        assert len(asked) == 1
        assert said[0] == said[1] == said[2]
        assert isinstance(said[0], tuple) is refused
        assert journal.head() == 2


@in_loop
async def test_a_request_repeated_while_it_is_being_carried_out_is_carried_out_once(tmp_path: Path) -> None:
    async with broker_here(tmp_path) as (bus, _):
        asked = await _worker(bus, _be_silent)
        worker = await bus.client("the answer")
        clients = [await bus.client(f"client {n}") for n in range(2)]
        asking = [
            asyncio.create_task(c.ask(START, COMMAND, request_id="r", timeout=5, repeated=True))
            for c in clients
        ]
        await until(lambda: asked and all(c.unacknowledged == 0 for c in clients))
        _agree(worker, asked[0])
        replies = await asyncio.gather(*asking)
        assert replies[0] == replies[1]
        assert len(asked) == 1


@in_loop
async def test_a_reply_that_comes_while_the_broker_restarts_is_not_missed(tmp_path: Path) -> None:
    async with broker_process(tmp_path) as (bus, broker):
        asked = await _worker(bus, lambda worker, request: (broker.kill(), _agree(worker, request))[1])
        client = await bus.client("me")
        asking = asyncio.create_task(client.ask(START, COMMAND, request_id="r", timeout=20))
        await until(lambda: asked)
        broker.start()
        assert (await asking).topic == STARTED


@in_loop
async def test_a_request_repeated_by_the_same_client_meanwhile_gets_the_one_reply(tmp_path: Path) -> None:
    async with broker_here(tmp_path) as (bus, _):
        asked = await _worker(bus, _agree)
        client = await bus.client("me")
        asking = [client.ask(START, COMMAND, request_id="r", timeout=5, repeated=True) for _ in range(3)]
        replies = await asyncio.gather(*asking)
        assert len({reply.id for reply in replies}) == 1
        assert len(asked) == 1


@in_loop
async def test_another_request_with_the_same_id_is_refused_whenever_it_comes(tmp_path: Path) -> None:
    async with broker_here(tmp_path) as (bus, _):
        asked = await _worker(bus, _agree)
        client, later = [await bus.client(name) for name in ("me", "me after a restart")]

        async def ask(who: BusClient, command_id: str) -> Envelope:
            return await who.ask(
                START, COMMAND, request_id="r", command_id=command_id, timeout=5, repeated=True
            )

        first, other = await asyncio.gather(
            ask(client, "one"), ask(client, "another"), return_exceptions=True
        )
        assert isinstance(first, Envelope)
        assert isinstance(other, Invalid)
        for who in (client, later):
            with pytest.raises(Invalid, match="^another request was sent with this Idempotency-Key; "):
                await ask(who, "another")
            assert (await ask(who, "one")).id == first.id
        assert [request.id for request in asked] == ["one"]
