"""From a request for an activity to the instance of its block in the archive, and to its procedure."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime
import uuid
from collections.abc import Callable
from typing import Any

from ..bus import topics
from ..bus.deadline import Deadline
from ..bus.envelope import Envelope
from ..domain.activity import Activity, ActivityState
from ..domain.activity_commands import RunActivity
from ..domain.errors import Refusal
from ..domain.instances import instance
from ..domain.reruns import RerunActivity, RerunProcedure
from ..domain.scheduling import checked_sbd_id
from ..settings import Settings
from .archive.async_archive import AsyncArchive
from .observation_check import require_observable
from .plan import Plan, plan
from .procedures import Procedures
from .queries import ActivityQueries
from .reruns import activity_again, procedure_again
from .status_recorder import StatusRecorder


class Preparation:
    """Prepares activities. Ids follow from the request, so repeating a step is harmless."""

    def __init__(
        self,
        settings: Settings,
        archive: AsyncArchive,
        procedures: Procedures,
        recorder: StatusRecorder,
        queries: ActivityQueries,
    ) -> None:
        self._settings = settings
        self._archive = archive
        self._procedures = procedures
        self._recorder = recorder
        self._queries = queries

    async def plan(self, request: Envelope) -> Plan:
        """Check a request against its scheduling block.

        :raises Refusal: if it cannot be carried out
        """
        command, rerun = await self._meant(request.topic, request.payload["cmd"])
        document = await self._archive.scheduling_block(checked_sbd_id(command.sbd_id), command.sbd_version)
        planned = plan(
            command,
            document,
            sbi_id=sbi_id(request),
            home=self._settings.activities,
            subarray_id=self._settings.subarray_id,
        )
        # Thousands of scans take a moment.
        await asyncio.to_thread(require_observable, planned, self._settings)
        return dataclasses.replace(planned, rerun=rerun)

    async def _meant(self, topic: str, cmd: dict[str, Any]) -> tuple[RunActivity, RerunProcedure | None]:
        """The activity to run, and the procedure to repeat for it, if it is run once more."""
        if topic == topics.RUN_ACTIVITY:
            return RunActivity.from_dict(cmd), None
        asked = RerunActivity.from_dict(cmd)
        original = Activity.from_dict(await self._queries.document(asked.aid))
        return activity_again(original, asked), procedure_again(original, asked)

    async def carry_out(
        self, planned: Plan, request: Envelope, deadline: Deadline, aid: Callable[[], int]
    ) -> dict[str, Any]:
        """Store the instance, and have the procedure created; return its document.

        :param deadline: of the request
        :param aid: gives the activity its id, once nothing but the creation is left
        :raises Refusal: if that fails
        """
        deadline.require_left()
        await asyncio.to_thread(planned.write)
        try:
            await self._procedures.check(planned)
            deadline.require_left()
            if not planned.command.simulate:
                await self._store_instance(planned, request)
            return await self._create(planned, request, deadline, aid)
        except Refusal:
            await asyncio.to_thread(planned.discard)
            raise

    async def _store_instance(self, planned: Plan, request: Envelope) -> None:
        arguments = {"init": planned.init, "main": planned.main}
        at = datetime.datetime.fromtimestamp(request.time, datetime.timezone.utc)
        name = planned.command.activity_name
        await self._archive.store_instance(
            instance(planned.block, planned.sbi_id, name, arguments, at, request.user)
        )

    async def _create(
        self, planned: Plan, request: Envelope, deadline: Deadline, aid: Callable[[], int]
    ) -> dict[str, Any]:
        try:
            deadline.require_left()
            return await self._procedures.create(planned, aid(), request)
        except Refusal:
            if not planned.command.simulate:
                self._recorder.record(planned.sbi_id, "Failed")
            raise


def sbi_id(request: Envelope) -> str:
    """The id of the scheduling block instance that a request makes; the same for the same."""
    return f"sbi-{uuid.uuid5(uuid.NAMESPACE_OID, request.id).hex[:12]}"


def begun(planned: Plan, procedure: dict[str, Any], request: Envelope) -> Activity:
    """The activity of a procedure that was created for it."""
    command = planned.command
    return Activity(
        id=procedure["activity_id"],
        activity_name=command.activity_name,
        sbd_id=command.sbd_id,
        sbd_version=planned.block.version,
        sbi_id=planned.sbi_id,
        procedure_id=procedure["id"],
        init=planned.init,
        main=planned.main,
        activity_states=[(ActivityState.REQUESTED, request.time)],
        prepare_only=command.prepare_only,
        create_env=command.create_env,
        created_by=request.user,
        simulated=command.simulate,
        rerun_of=planned.rerun.aid if planned.rerun is not None else None,
        script_uri=procedure["script"]["script_uri"],
    )
