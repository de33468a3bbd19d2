"""Nothing happens for a client after it was told that its request was cancelled."""

from __future__ import annotations

import asyncio
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
from ska_oso_oet.domain.commands import PrepareProcedure, StartProcedure, StopProcedure
from ska_oso_oet.domain.errors import Conflict, Invalid, TimedOut, Unavailable
from ska_oso_oet.domain.scripts import Arguments, FileScript

from ..support.activities import inline
from ..support.buses import Heard, in_loop, told_late, until, workers
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
    async with workers(tmp_path, OET_ODA_URL=oda.url) as (client, running):
        ses = running["ses"].process
        assert ses is not None
        ses.send_signal(signal.SIGSTOP)
        await _cancelled(client, lambda: ses.send_signal(signal.SIGCONT))
        assert await _all(client) == []
        assert oda.instances == {}


# -- starts -------------------------------------------------------------------------------------------


async def _ready(client: BusClient, script: str) -> tuple[int, int]:
    """A procedure that is READY, and the process id of its script."""
    command = PrepareProcedure(script=FileScript(script_uri=f"file://{script}"), init=Arguments())
    answer = await client.ask(
        topics.CREATE, {"cmd": command.to_dict()}, request_id=uuid.uuid4().hex, timeout=20
    )
    pid = answer.payload["result"]["id"]
    return pid, (await _in(client, pid, "READY"))["pid"]


async def _in(client: BusClient, pid: int, *states: str) -> dict[str, Any]:
    """The procedure, once it is in one of these states."""
    async with asyncio.timeout(30):
        while True:
            (found,) = (one for one in await _all(client) if one["id"] == pid)
            if found["state"] in states:
                return dict(found)
            await asyncio.sleep(0.02)


async def _start(client: BusClient, pid: int, timeout: float, *args: object) -> None:
    command = StartProcedure(pid=pid, main=Arguments(args=list(args))).to_dict()
    await client.ask(topics.START, {"cmd": command}, request_id=uuid.uuid4().hex, timeout=timeout)


async def _stop(client: BusClient, pid: int) -> None:
    command = StopProcedure(pid=pid).to_dict()
    await client.ask(topics.STOP, {"cmd": command}, request_id=uuid.uuid4().hex, timeout=30)


@pytest.fixture
def script(tmp_path: Path) -> str:
    """A script that notes down with what main was called."""
    path = tmp_path / "notes.py"
    called = str(tmp_path / "called")
    path.write_text(
        f"import time\ndef main(what):\n    open({called!r}, 'a').write(what + '\\n')\n    time.sleep(300)\n"
    )
    return str(path)


@in_loop
async def test_a_start_that_is_too_late_is_withdrawn_and_the_subarray_is_free(
    tmp_path: Path, script: str
) -> None:
    async with workers(tmp_path) as (client, _):
        pid, process = await _ready(client, script)
        other, _ = await _ready(client, script)
        os.kill(process, signal.SIGSTOP)
        with pytest.raises(TimedOut, match=f"^Cannot start procedure {pid}: .* will not begin later"):
            await _start(client, pid, 1, "late")
        await _start(client, other, 20, "other")
        await _stop(client, other)
        second = asyncio.ensure_future(_start(client, pid, 30, "second"))
        await asyncio.sleep(0)
        os.kill(process, signal.SIGCONT)
        await second
        assert (await _in(client, pid, "RUNNING"))["script_args"]["main"]["args"] == ["second"]
        await until(lambda: (tmp_path / "called").read_text() == "other\nsecond\n")
        await _stop(client, pid)


@in_loop
async def test_a_withdrawn_start_never_begins(tmp_path: Path, script: str) -> None:
    async with workers(tmp_path) as (client, _):
        pid, process = await _ready(client, script)
        os.kill(process, signal.SIGSTOP)
        with pytest.raises(TimedOut):
            await _start(client, pid, 1, "late")
        os.kill(process, signal.SIGCONT)
        await client.ask(topics.QA_ENABLE, {}, request_id=uuid.uuid4().hex, timeout=10)
        heard = asyncio.ensure_future(_start(client, pid, 20))  # is unsuited, once the script has come so far
        with pytest.raises(Invalid):
            await heard
        assert (await _in(client, pid, "READY"))["script_args"]["main"]["args"] == []
        assert not (tmp_path / "called").exists()
        await _stop(client, pid)


@in_loop
async def test_a_start_whose_time_passed_during_a_crash_never_begins(tmp_path: Path, script: str) -> None:
    async with workers(tmp_path) as (client, running):
        pid, process = await _ready(client, script)
        other, _ = await _ready(client, script)
        os.kill(process, signal.SIGSTOP)
        heard = Heard(client)
        starting = asyncio.ensure_future(_start(client, pid, 1, "late"))
        await until(lambda: any(one.topic == topics.START for one in heard.all))
        with pytest.raises(
            Conflict, match=f"^Cannot start procedure {other}: procedure {pid} is being started$"
        ):
            await _start(client, other, 5, "other")
        running["ses"].kill()
        with pytest.raises(Unavailable):
            await starting
        running["ses"].start()
        await _start(client, other, 30, "other")
        os.kill(process, signal.SIGCONT)
        with pytest.raises(Conflict, match=f"^Cannot start procedure {pid}: procedure {other} is RUNNING$"):
            await _start(client, pid, 30, "second")
        await _stop(client, other)
        await _stop(client, pid)
        assert (tmp_path / "called").read_text() == "other\n"


@in_loop
async def test_beside_a_procedure_that_began_during_a_crash_no_other_is_started(
    tmp_path: Path, script: str
) -> None:
    async with workers(tmp_path) as (client, running):
        pid, process = await _ready(client, script)
        other, _ = await _ready(client, script)
        os.kill(process, signal.SIGSTOP)
        heard = Heard(client)
        starting = asyncio.ensure_future(_start(client, pid, 30, "first"))
        await until(lambda: any(one.topic == topics.START for one in heard.all))
        with pytest.raises(Conflict, match=f"procedure {pid} is being started$"):
            await _start(client, other, 5, "other")
        running["ses"].kill()
        os.kill(process, signal.SIGCONT)
        await until((tmp_path / "called").exists)
        refused = asyncio.ensure_future(_start(client, other, 30, "other"))
        running["ses"].start()
        with pytest.raises(Conflict, match=f"^Cannot start procedure {other}: procedure {pid} is RUNNING$"):
            await refused
        await starting
        await _stop(client, pid)
        assert (tmp_path / "called").read_text() == "first\n"
