"""Execution blocks are recorded until that succeeds, and neither too often nor too long."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from ska_oso_oet.activities import early_messages, execution_block_recorder
from ska_oso_oet.activities.archive.async_archive import AsyncArchive
from ska_oso_oet.activities.archive.entities import Rejected
from ska_oso_oet.activities.early_messages import EarlyMessages
from ska_oso_oet.activities.execution_block_recorder import ExecutionBlockRecorder
from ska_oso_oet.activities.pool import ActivityPool
from ska_oso_oet.bus import topics
from ska_oso_oet.bus.dispatcher import Dispatcher
from ska_oso_oet.bus.envelope import Envelope
from ska_oso_oet.bus.local import LocalBus
from ska_oso_oet.domain.activity import Activity, ActivityState
from ska_oso_oet.domain.errors import ArchiveAway, Invalid
from ska_oso_oet.domain.execution_blocks import Message, Started, message
from ska_oso_oet.domain.scripts import Arguments

PID = 7
STARTED = {"eb_id": "eb-1", "telescope": "ska_mid"}


class Lookup:
    """A journal with these messages of scripts and documents of activities."""

    def __init__(self) -> None:
        self.messages: list[Envelope] = []
        self.documents: list[dict[str, Any]] = []

    async def all_messages(self, about: list[int], topics: list[str]) -> AsyncIterator[Envelope]:
        for envelope in self.messages:
            if int(envelope.msg_src) in about:
                yield envelope

    async def all_documents(self, kind: str, limit: int) -> list[dict[str, Any]]:
        return list(reversed(self.documents))[:limit]


class Bus:
    """A bus that nobody listens to."""

    def __init__(self) -> None:
        self.local = LocalBus()
        self.lookup = Lookup()
        self.sent: list[Envelope] = []

    def envelope(self, topic: str, payload: dict[str, Any]) -> Envelope:
        return Envelope(topic=topic, msg_src="ActivityWorker", time=1.0, payload=payload)

    def send(self, envelopes: list[Envelope]) -> None:
        self.sent += envelopes


class Archive:
    """An archive that takes, or refuses, execution blocks."""

    where = "/net/oda"

    def __init__(self) -> None:
        self.forms: list[dict[str, Any]] = []
        self.refusals: list[Exception] = []
        self.threads: set[int] = set()
        self.at_once = self.most_at_once = 0
        self.back = threading.Event()
        self.back.set()

    def record_execution_block(self, eb: dict[str, Any]) -> None:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            self.threads.add(threading.get_ident())
            self.forms.append(eb)
            self.back.wait(20)
            if self.refusals:
                raise self.refusals.pop(0)
        finally:
            self.at_once -= 1


class World:
    """A recorder with all that it needs."""

    def __init__(self, deadline: float = 10.0) -> None:
        self.bus: Any = Bus()
        self.archive: Any = Archive()
        self.activities = ActivityPool(10)
        self.recorder = ExecutionBlockRecorder(
            self.bus,
            AsyncArchive(self.archive, deadline),
            Dispatcher(self.bus, {}),
            self.activities,
        )
        self.recorder.listen()

    def observing(self) -> Activity:
        """An activity whose script may say something."""
        found = activity()
        self.activities.add(found)
        self.recorder.open()
        return found

    def says(self, what: str, pid: int = PID, **fields: Any) -> None:
        self.bus.local.deliver(said(what, pid, **fields))

    def statuses(self) -> list[str]:
        return [form["status"] for form in self.archive.forms]


def said(what: str, pid: int = PID, **fields: Any) -> Envelope:
    usual: dict[str, Any] = {"started": STARTED, "command": COMMAND}.get(what, {"eb_id": "eb-1"})
    return Envelope(topic=f"execution_block.{what}", msg_src=str(pid), time=1.0, payload={**usual, **fields})


COMMAND = {
    "eb_id": "eb-1",
    "number": 1,
    "command": "Scan",
    "device": "mid-tmc/subarray/01",
    "request": "{}",
    "answer": "OK",
    "ok": True,
    "sent": 1.0,
    "ended": 2.0,
}


def activity(aid: int = 1, *states: ActivityState) -> Activity:
    return Activity(
        id=aid,
        activity_name="observe",
        sbd_id="sbd-1",
        sbd_version=3,
        sbi_id=f"sbi-{aid}",
        procedure_id=PID + aid - 1,
        init=Arguments(),
        main=Arguments(),
        activity_states=[(state, 1.0) for state in (ActivityState.REQUESTED, *states)],
    )


async def until(condition: Callable[[], Any], seconds: float = 10.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(execution_block_recorder, "_FIRST_PAUSE", 0.05)
    monkeypatch.setattr(execution_block_recorder, "_LONGEST_PAUSE", 0.1)
    yield


def in_loop(scenario: Callable[[], Any]) -> Callable[[], None]:
    def test() -> None:
        asyncio.run(scenario())

    test.__name__ = scenario.__name__
    return test


# -- how often ---------------------------------------------------------------------------------------


def test_a_large_block_is_recorded_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execution_block_recorder, "_EVERY", 0.05)
    monkeypatch.setattr(execution_block_recorder, "_SELDOM", 1000.0)

    async def forms(answer: str) -> list[str]:
        world = World()
        world.observing()
        world.says("started")
        world.says("command", answer=answer)
        await until(lambda: world.archive.forms)
        for number in range(2, 8):
            world.says("command", number=number)
            await asyncio.sleep(0.1)
        world.says("finished", status="Observed")
        await until(lambda: "Observed" in world.statuses())
        return world.statuses()

    small, large = asyncio.run(forms("OK")), asyncio.run(forms("x" * 2**20))
    assert len(small) > 4
    assert large == ["Created", "Observed"]


@in_loop
async def test_the_document_is_made_outside_the_event_loop() -> None:
    made: list[int] = []
    archive = AsyncArchive(Archive(), 10.0)  # type: ignore[arg-type]

    def form() -> dict[str, Any]:
        made.append(threading.get_ident())
        return {}

    await archive.record_execution_block(form)
    assert made != [threading.get_ident()]


# -- an archive that does not take them --------------------------------------------------------------


def test_what_the_archive_cannot_take_is_given_up_with_an_error(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> list[str]:
        world = World()
        world.archive.refusals = [Invalid("it is too large")]
        world.observing()
        world.says("started")
        await until(lambda: not world.recorder._recordings)
        world.says("command")
        world.says("finished", status="Observed")
        await asyncio.sleep(0.3)
        return world.statuses()

    assert asyncio.run(scenario()) == ["Created"]
    assert [(one.levelno, one.getMessage()) for one in caplog.records if one.levelno > logging.WARNING] == [
        (logging.ERROR, "Execution block eb-1 is not recorded in the archive: it is too large")
    ]


@in_loop
async def test_what_the_archive_has_rejected_is_tried_again_at_its_end_and_then_hourly() -> None:
    world = World()
    world.archive.refusals = [Rejected("no"), Rejected("no")]
    world.observing()
    world.says("started")
    world.says("command")
    await until(lambda: len(world.archive.refusals) == 1)
    assert world.statuses() == ["Created"]
    world.says("finished", status="Observed")
    await until(lambda: not world.archive.refusals)
    assert world.statuses() == ["Created", "Observed"]


@in_loop
async def test_while_the_archive_is_away_it_is_tried_again() -> None:
    world = World()
    world.archive.refusals = [ArchiveAway("away")] * 3
    observed = world.observing()
    world.says("started")
    await until(lambda: observed.execution_blocks["eb-1"] == "Created")
    assert world.statuses() == ["Created"] * 4


@in_loop
async def test_all_blocks_together_use_one_thread_of_the_archive() -> None:
    world = World(deadline=0.3)
    world.archive.back.clear()
    world.observing()
    for number in range(10):
        world.says("started", eb_id=f"eb-{number}")
    await asyncio.sleep(1.0)
    assert len(world.archive.forms) == 1  # it hangs
    world.archive.back.set()
    await until(lambda: len({form["eb_id"] for form in world.archive.forms}) == 10)
    assert world.archive.most_at_once == 1


# -- early messages ----------------------------------------------------------------------------------


def early(eb_id: str, size: int = 0) -> Message:
    return message("execution_block.command", {**COMMAND, "eb_id": eb_id, "answer": "x" * size})


def test_early_messages_have_a_limit_of_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(early_messages, "_EARLY", 10_000)
    found = EarlyMessages()
    for number in range(10):
        found.keep(PID, early(f"eb-{number}", 2_000), 1.0)
    found.keep(8, early("eb-of-8"), 1.0)
    assert [one.eb_id for one, _ in found.take(PID)] == ["eb-7", "eb-8", "eb-9"]
    for number in range(3):  # what was taken makes room
        found.keep(PID, early(f"eb-{number}", 2_000), 1.0)
    assert [one.eb_id for one, _ in found.take(8)] == ["eb-of-8"]
    assert len(found.take(PID)) == 3


def test_early_messages_of_a_procedure_without_an_activity_are_dropped() -> None:
    world = World()
    world.recorder.open()
    world.says("started", pid=8)
    world.says("started")
    for aid, pid in ((None, 8), (1, PID)):
        document = {"id": pid, "activity_id": aid, "state": "READY"}
        event = Envelope(topic=topics.READY, msg_src="x", time=1.0, payload={"result": document})
        world.bus.local.deliver(event)
    world.says("command", pid=8)
    kept = world.recorder._early
    assert kept.take(8) == []
    assert kept.take(PID) == [(Started(eb_id="eb-1", telescope="ska_mid"), 1.0)]


# -- after a restart ---------------------------------------------------------------------------------


@in_loop
async def test_after_a_restart_blocks_of_the_last_hundred_activities_are_taken_up() -> None:
    world = World()
    for aid in range(1, 121):
        ended = activity(aid, ActivityState.PREPARED, ActivityState.RUNNING, ActivityState.COMPLETE)
        ended.execution_blocks["eb-1"] = "Observed" if aid % 2 else None
        world.bus.lookup.documents.append(ended.to_dict())
        last = ("finished", {"status": "Observed"}) if aid % 4 else ("command", {})
        world.bus.lookup.messages += [
            said("started", ended.procedure_id),
            said(last[0], ended.procedure_id, **last[1]),
        ]
        if aid > 110:
            world.activities.add(ended)
    await world.recorder.restore(world.activities)
    for known in world.activities:
        world.recorder.end(known)
    await until(lambda: not world.recorder._recordings)
    found = {form["sbi_ref"]: form["status"] for form in world.archive.forms}
    assert found == {f"sbi-{aid}": "Observed" if aid % 4 else "Failed" for aid in range(22, 121, 2)}
