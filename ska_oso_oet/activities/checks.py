"""Checks activities before they are run; nothing is stored, created or written to the journal."""

from __future__ import annotations

import asyncio
import time
import uuid
from typing import Any

from ..bus import topics
from ..bus.client import BusClient
from ..bus.envelope import Envelope
from ..domain.activity import ActivityState, whole
from ..domain.activity_commands import RunActivity
from ..domain.commands import PrepareProcedure
from ..domain.errors import Invalid, NotFound
from ..domain.estimates import MOST_RUNS, UNKNOWN, Estimate, of_history, said_by
from ..domain.masking import masked_text
from ..domain.scheduling import SchedulingBlock, checked_sbd_id, merged
from ..settings import Settings
from ..telescope.block import Block, BlockError, Surroundings
from .archive.async_archive import AsyncArchive
from .observation_check import require_observable
from .plan import Plan, plan

_MOST_READ = 100  #: activities that are read
_PATIENCE = 30.0  #: seconds for a question that does not say how long it waits

Told = dict[str, Any]


class ActivityChecks:
    """Answers questions about activities that may be run."""

    def __init__(self, bus: BusClient, settings: Settings, archive: AsyncArchive) -> None:
        self._bus = bus
        self._settings = settings
        self._archive = archive

    async def tell(self, request: Envelope) -> None:
        """Answer with a check of an activity.

        :raises Refusal: if it cannot be checked now, whatever it is
        """
        command = RunActivity.from_dict(request.payload["cmd"])
        planned = await self._plan(command)
        result = planned if isinstance(planned, dict) else await self._check(planned, request)
        reply = self._bus.envelope(topics.ACTIVITY_CHECKED, {"result": result}, request_id=request.request_id)
        self._bus.send([reply])

    async def _plan(self, command: RunActivity) -> Plan | Told:
        """The plan of an activity; or the check that says why there is none."""
        where = "block"
        try:
            document = await self._archive.scheduling_block(
                checked_sbd_id(command.sbd_id), command.sbd_version
            )
            block = SchedulingBlock.from_dict(document, command.sbd_id)
            where = "activity"
            definition = block.activity(command.activity_name, command.create_env)
            where = "script_args"
            merged(definition.arguments, command.script_args)
            planned = plan(
                command,
                document,
                sbi_id=f"sbi-check-{uuid.uuid4().hex[:12]}",
                home=self._settings.activities,
                subarray_id=self._settings.subarray_id,
            )
            where = "block"
            await asyncio.to_thread(require_observable, planned, self._settings)
        except (Invalid, NotFound) as error:
            return {
                "valid": False,
                "problems": [{"where": where, "what": str(error)}],
                "schema": {"docstring": None, "init": None, "main": None},
                "resolved_commit": None,
                "environment": "unknown",
                "estimate": UNKNOWN,
            }
        return planned

    async def _check(self, planned: Plan, request: Envelope) -> Told:
        if planned.content is not None:
            await asyncio.to_thread(planned.write)
        try:
            command = PrepareProcedure(script=planned.script, init=planned.init, main=planned.main)
            reply = await self._bus.ask(
                topics.INSPECT,
                {"cmds": [{**command.to_dict(), "for_activity": True}]},
                request_id=uuid.uuid4().hex,
                timeout=_PATIENCE if request.expires is None else max(1.0, request.expires - time.time()),
                user=request.user,
            )
        finally:
            if planned.content is not None:
                await asyncio.to_thread(planned.discard)
        check: Told = reply.payload["result"][0]
        if check["estimate"]["source"] != "script":
            seconds = await asyncio.to_thread(self._scans, planned)
            by_block = said_by("block", seconds) if seconds else None
            check = {**check, "estimate": by_block or await self._of_history(planned)}
        return check

    def _scans(self, planned: Plan) -> float:
        """The seconds of all scans of the block; 0 if it has none that are understood."""
        try:
            surroundings = Surroundings.of(
                self._settings.telescope_environment, planned.main.kwargs.get("observatory")
            )
            block = Block(planned.block.document, surroundings, name=planned.block.sbd_id)
        except BlockError:
            return 0.0
        return sum(scan.duration for scan in block.scans)

    async def _of_history(self, planned: Plan) -> Estimate:
        """The estimate by the last activities of this name with the same script."""
        complete, command = [ActivityState.COMPLETE.value], planned.command
        found = await self._bus.lookup.documents(kind="activity", states=complete, limit=_MOST_READ)
        if planned.content is None:
            same = {"script_uri": masked_text(planned.script.script_uri)}
        else:  # each run has a file of its own
            same = {"sbd_id": command.sbd_id}
        same["activity_name"] = command.activity_name
        runs = [one for one in map(whole, found) if all(one[name] == value for name, value in same.items())]
        return of_history(runs[:MOST_RUNS])
