"""Nothing happens for a client after it was told that its request was cancelled."""

from __future__ import annotations

import os
import signal
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ska_oso_oet.bus import topics
from ska_oso_oet.bus.client import BusClient
from ska_oso_oet.domain.activity_commands import RunActivity

from ..support.activities import inline
from ..support.buses import in_loop, told_late, until, workers
from ..support.oda import Oda, serving_oda

WAITS = "import time\ndef main(*args, **kwargs):\n    time.sleep(300)\n"
RUN = RunActivity(activity_name="observe", sbd_id="sbd-late").to_dict()


@pytest.fixture
def oda() -> Iterator[Oda]:
    with serving_oda() as found:
        found.add({"sbd_id": "sbd-late", "telescope": "ska_mid", "activities": {"observe": inline(WAITS)}})
        yield found


async def _all(client: BusClient) -> list[Any]:
    """Every procedure and activity."""
    found = []
    for topic, field in ((topics.LIST_PROCEDURES, "pids"), (topics.LIST_ACTIVITIES, "aids")):
        answer = await client.ask(topic, {field: None}, request_id=uuid.uuid4().hex, timeout=10)
        found += answer.payload["result"]
    return found


async def _cancelled(client: BusClient, release: Callable[[], None]) -> None:
    told, answer = await told_late(client, topics.RUN_ACTIVITY, RUN, release)
    assert told.endswith("the request was cancelled")
    assert answer.topic == topics.REFUSED
    assert answer.payload["kind"] == "timeout"


@pytest.mark.parametrize("slow", ["GET", "POST"])
@in_loop
async def test_an_activity_whose_archive_was_too_slow_never_begins(
    tmp_path: Path, oda: Oda, slow: str
) -> None:
    async with workers(tmp_path, OET_ODA_URL=oda.url) as (client, _):
        oda.misbehave("late", method=slow)
        await _cancelled(client, oda.behave)
        assert await _all(client) == []
        assert list((tmp_path / "activities").iterdir()) == []
        if slow == "POST":
            (sbi_id,) = oda.instances
            await until(lambda: oda.statuses.get(sbi_id))
            assert [one["current_status"] for one in oda.statuses[sbi_id]] == ["Failed"]


@in_loop
async def test_an_activity_that_could_not_be_checked_in_time_never_begins(tmp_path: Path, oda: Oda) -> None:
    async with workers(tmp_path, OET_ODA_URL=oda.url) as (client, pids):
        os.kill(pids["ses"], signal.SIGSTOP)
        await _cancelled(client, lambda: os.kill(pids["ses"], signal.SIGCONT))
        assert await _all(client) == []
        assert oda.instances == {}
