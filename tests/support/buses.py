"""Real brokers on real sockets, with clients in the test's own event loop."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from ska_oso_oet.broker.broker import Broker
from ska_oso_oet.bus.client import BusClient
from ska_oso_oet.bus.envelope import Envelope
from ska_oso_oet.bus.topics import REFUSED, TOPICS
from ska_oso_oet.domain.errors import TimedOut
from ska_oso_oet.journal import Journal, Query

SCRIPT_TOPIC = "user.script.announce"


def in_loop(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """Run an asynchronous test in an event loop of its own, for a minute at the most."""

    @functools.wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        asyncio.run(asyncio.wait_for(test(*args, **kwargs), 60))

    return run


async def until(true: Callable[[], Any]) -> None:
    """Let the loop run until something is true."""
    async with asyncio.timeout(20):
        while not true():
            await asyncio.sleep(0.005)


class Heard:
    """What a client heard, in order."""

    def __init__(self, client: BusClient) -> None:
        self.all: list[Envelope] = []
        client.local.subscribe_to_all(self.all.append)

    def numbers(self) -> list[Any]:
        """The field ``n`` of the messages of scripts, in order."""
        return [e.payload["n"] for e in self.all if e.topic == SCRIPT_TOPIC]


class Bus:
    """Clients of the broker on one socket."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._running: dict[BusClient, asyncio.Task[None]] = {}

    async def client(self, name: str, topics: tuple[str, ...] | None = None) -> BusClient:
        """A client that has reached the broker."""
        client = BusClient(name, self.path, topics)
        self._running[client] = asyncio.create_task(client.run())
        await client.reached()
        return client

    async def listener(self, name: str, topics: tuple[str, ...] | None = None) -> Heard:
        """A client that only listens."""
        return Heard(await self.client(name, topics))

    async def hang_up(self, client: BusClient) -> None:
        """Hang up one client for good."""
        await _end([self._running[client]])

    async def close(self) -> None:
        """Hang up every client."""
        await _end(list(self._running.values()))


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@contextlib.asynccontextmanager
async def broker_here(folder: Path) -> AsyncIterator[tuple[Bus, Journal]]:
    """A broker in this event loop, whose journal the test can reach."""
    journal = Journal(f"sqlite:///{folder / 'journal.db'}")
    path = str(folder / "bus.sock")
    serving = asyncio.create_task(Broker(journal, path).serve())
    bus = Bus(path)
    try:
        yield bus, journal
    finally:
        await bus.close()
        await _end([serving])
        await asyncio.sleep(0)  # lets the broker's ends of the connections close
        journal.close()


class BrokerProcess:
    """The bus, or another worker, as a process of its own, which the test may kill."""

    def __init__(self, folder: Path, role: str = "bus", **settings: str) -> None:
        self._folder = folder
        self._role = role
        self._settings = settings
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "ska_oso_oet.server", self._role],
            env={**os.environ, "OET_STATE_DIR": str(self._folder), **self._settings},
            stderr=subprocess.DEVNULL,
        )

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)

    def end(self) -> None:
        """Have it end by itself, as at the end of a server."""
        assert self.process is not None
        self.process.terminate()
        self.process.wait(20)

    def journal(self) -> list[Envelope]:
        """What is in the journal."""
        journal = Journal(f"sqlite:///{self._folder / 'journal.db'}")
        try:
            return journal.read(Query(limit=100_000))
        finally:
            journal.close()


@contextlib.asynccontextmanager
async def broker_process(folder: Path) -> AsyncIterator[tuple[Bus, BrokerProcess]]:
    """A broker in a process of its own."""
    broker = BrokerProcess(folder)
    broker.start()
    bus = Bus(str(folder / "bus.sock"))
    try:
        yield bus, broker
    finally:
        await bus.close()
        broker.kill()


@contextlib.asynccontextmanager
async def workers(folder: Path, **settings: str) -> AsyncIterator[tuple[BusClient, dict[str, BrokerProcess]]]:
    """A bus with the workers that procedures and activities need, without REST, whose requests never take
    less than 30 s; and the processes of these workers. At the end of the block all is stopped.
    """
    async with broker_process(folder) as (bus, _):
        running = {role: BrokerProcess(folder, role, **settings) for role in ("ses", "activity")}
        try:
            for worker in running.values():
                worker.start()
            client = await bus.client("FlaskWorker")
            names = {"SESWorker", "ActivityWorker"}
            async with asyncio.timeout(20):
                while not names <= set(await client.lookup.peers()):
                    await asyncio.sleep(0.01)
            yield client, running
        finally:
            for worker in running.values():
                worker.end()


async def told_late(
    client: BusClient, topic: str, command: dict[str, Any], release: Callable[[], None] = lambda: None
) -> tuple[str, Envelope]:
    """What a client is told whose request takes longer than the second it waits; and how the request ends.

    :param release: has the request go on
    """
    heard, request_id = Heard(client), uuid.uuid4().hex
    answers = (*TOPICS[topic].replies, REFUSED)

    def found() -> list[Envelope]:
        return [one for one in heard.all if one.request_id == request_id and one.topic in answers]

    with pytest.raises(TimedOut) as told:
        await client.ask(topic, {"cmd": command}, request_id=request_id, timeout=1.0)
    release()
    await until(found)
    return told.value.detail, found()[0]


def said(client: BusClient, n: Any, **more: Any) -> Envelope:
    """A durable message."""
    return client.envelope(SCRIPT_TOPIC, {"n": n, **more.pop("fields", {})}, **more)
