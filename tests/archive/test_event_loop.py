"""An archive is asked from an event loop, which never waits for it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from ska_oso_oet.activities.archive.async_archive import AsyncArchive
from ska_oso_oet.domain.errors import ArchiveAway, NotFound

from ..support.buses import in_loop, until
from .entities import SBD_ID, TIMEOUT, InFolder, sbd, sbi


class Stuck:
    """An archive like a folder on a network file system that is away, until it is back."""

    where = "/net/oda"

    def __init__(self) -> None:
        self.back = threading.Event()
        self.calls = 0

    def scheduling_block(self, sbd_id: str, version: int | None = None) -> dict[str, Any]:
        self.calls += 1
        self.back.wait(30)
        return {"sbd_id": sbd_id}

    def store_instance(self, sbi: dict[str, Any]) -> None:
        self.back.wait(30)

    def record_status(self, sbi_id: str, status: str) -> None:
        self.back.wait(30)


@in_loop
async def test_in_an_event_loop_an_archive_does_what_it_does(tmp_path: Path) -> None:
    folder = InFolder(tmp_path)
    folder.add(sbd())
    archive = AsyncArchive(folder.archive, TIMEOUT)
    assert await archive.scheduling_block(SBD_ID) == sbd()
    await archive.store_instance(sbi())
    await archive.record_status("sbi-1", "Executing")
    assert (folder.instances(), folder.statuses("sbi-1")) == ({"sbi-1": sbi()}, [("Created", "Executing")])
    with pytest.raises(NotFound):
        await archive.scheduling_block("sbd-2")


@in_loop
async def test_a_call_that_hangs_is_given_up_and_when_all_hang_further_ones_fail_at_once() -> None:
    stuck = Stuck()
    archive = AsyncArchive(stuck, 0.2, threads=2)
    for _ in range(2):
        with pytest.raises(ArchiveAway, match="^the archive /net/oda did not answer within 0.2 s; try"):
            await archive.scheduling_block("x")
    begun = time.monotonic()
    with pytest.raises(ArchiveAway, match="^the archive /net/oda does not answer; try"):
        await archive.record_status("sbi-1", "Failed")
    assert time.monotonic() - begun < 0.1
    assert stuck.calls == 2
    stuck.back.set()

    async def works_again() -> bool:
        try:
            return await archive.scheduling_block("x") == {"sbd_id": "x"}
        except ArchiveAway:
            return False

    while not await works_again():
        await asyncio.sleep(0)


@in_loop
async def test_calls_that_wait_for_a_thread_are_over_in_time_too() -> None:
    stuck = Stuck()
    archive = AsyncArchive(stuck, 0.2, threads=2)
    begun = time.monotonic()
    ended = await asyncio.gather(*(archive.scheduling_block("x") for _ in range(10)), return_exceptions=True)
    assert time.monotonic() - begun < 1
    assert {type(error) for error in ended} == {ArchiveAway}
    assert stuck.calls == 2
    stuck.back.set()


@in_loop
async def test_more_calls_than_threads_take_turns() -> None:
    stuck = Stuck()
    archive = AsyncArchive(stuck, TIMEOUT, threads=2)
    asking = [asyncio.create_task(archive.scheduling_block(str(n))) for n in range(10)]
    await until(lambda: stuck.calls == 2)
    stuck.back.set()
    assert await asyncio.gather(*asking) == [{"sbd_id": str(n)} for n in range(10)]


@in_loop
async def test_a_call_nobody_waits_for_any_more_gives_its_thread_back() -> None:
    stuck = Stuck()
    archive = AsyncArchive(stuck, TIMEOUT, threads=1)
    asking = asyncio.create_task(archive.scheduling_block("x"))
    await until(lambda: stuck.calls == 1)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    stuck.back.set()
    await until(lambda: archive._hung == 0)
    assert await archive.scheduling_block("y") == {"sbd_id": "y"}


def test_a_call_that_hangs_does_not_keep_the_process_from_ending() -> None:
    program = """
import asyncio, threading
from ska_oso_oet.activities.archive.async_archive import AsyncArchive
from ska_oso_oet.domain.errors import ArchiveAway

class Stuck:
    where = "/net/oda"
    def scheduling_block(self, sbd_id, version=None):
        threading.Event().wait()

async def main():
    try:
        await AsyncArchive(Stuck(), 0.1).scheduling_block("x")
    except ArchiveAway as error:
        print(error)

asyncio.run(main())
"""
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True
    )
    assert ended.stdout.startswith("the archive /net/oda did not answer within 0.1 s; try")
    assert ended.stderr == ""
