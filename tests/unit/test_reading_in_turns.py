"""Whoever reads much leaves others their turn."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ska_oso_oet.bus.envelope import Envelope
from ska_oso_oet.bus.topics import READ_OUTPUT
from ska_oso_oet.domain.errors import Busy
from ska_oso_oet.domain.pool import Pool
from ska_oso_oet.domain.procedure import Procedure
from ska_oso_oet.domain.scripts import Arguments, FileScript
from ska_oso_oet.procedures import queries
from ska_oso_oet.runs.output import OutputReader
from ska_oso_oet.web.context import Slots

from ..support.buses import broker_here, in_loop, until

SLOW, QUICK = 1, 2


class _Reader(OutputReader):
    """Reads from a disk that is slow for one of the runs."""

    begun: list[int]
    read_on: threading.Event

    def __init__(self, directory: str) -> None:
        super().__init__(directory)
        self._run = int(Path(directory).name)

    def page(self, *how: Any) -> dict[str, Any]:
        self.begun.append(self._run)
        if self._run == SLOW:
            self.read_on.wait()
        return super().page(*how)


@in_loop
async def test_one_user_s_reads_of_output_keep_no_other_from_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _Reader.begun, _Reader.read_on = [], threading.Event()
    monkeypatch.setattr(queries, "OutputReader", _Reader)
    pool = Pool()
    for pid in (SLOW, QUICK):
        pool.add(Procedure.create(pid, FileScript(script_uri="file:///a.py"), Arguments(), 1.0, None)[0])
    async with broker_here(tmp_path) as (bus, _):
        worker = await bus.client("SESWorker", ("request.procedure",))
        settings: Any = SimpleNamespace(runs=str(tmp_path), history=10)
        answering = queries.ProcedureQueries(worker, settings, pool, {})
        tasks = []

        def arrived(request: Envelope) -> None:
            tasks.append(asyncio.ensure_future(answering.tell_output(request)))

        worker.local.subscribe(READ_OUTPUT, arrived)
        client = await bus.client("FlaskWorker")

        async def read(pid: int, limit: int, user: str) -> int:
            asked = {"pid": pid, "after": 0, "limit": limit, "tail": None, "streams": []}
            answer = await client.ask(READ_OUTPUT, asked, request_id=f"{user}{limit}", timeout=30, user=user)
            found: int = answer.payload["result"]["procedure_id"]
            return found

        try:
            reads = [asyncio.ensure_future(read(SLOW, n, "theirs")) for n in range(1, 7)]
            await until(lambda: len(tasks) == len(reads) and _Reader.begun)
            assert await read(QUICK, 1, "mine") == QUICK
            assert _Reader.begun == [SLOW, QUICK]
        finally:
            _Reader.read_on.set()
        assert await asyncio.gather(*reads) == [SLOW] * len(reads)


def test_one_user_s_waiting_requests_leave_places_to_others() -> None:
    slots = Slots(threads=16, whom="the archive")
    with contextlib.ExitStack() as stack:
        for _ in range(6):
            stack.enter_context(slots.taken("a"))
        with pytest.raises(Busy), slots.taken("a"):
            pass
        for _ in range(2):
            stack.enter_context(slots.taken("b"))
        with pytest.raises(Busy), slots.taken("c"):
            pass
    with slots.taken("a"):
        pass
