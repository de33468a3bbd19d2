"""The requests of the activity worker to the script execution service.

Each request has an id that is derived from its purpose. A worker that was killed in the middle asks again,
and no request is carried out twice.
"""

from __future__ import annotations

import uuid
from typing import Any

from ..bus import topics
from ..bus.client import BusClient
from ..bus.envelope import Envelope
from ..domain.activity import Activity
from ..domain.commands import PrepareProcedure, StartProcedure, StopProcedure
from ..domain.errors import Unavailable
from ..domain.reruns import RerunProcedure
from .plan import Plan

CHANGE = 30.0  #: seconds the service may take to begin a change

_CHECK = 10.0
_NO_ACTIVITY = 0

_Command = PrepareProcedure | RerunProcedure | StartProcedure | StopProcedure


class Procedures:
    """The procedures of activities; SESWorker owns them."""

    def __init__(self, bus: BusClient) -> None:
        self._bus = bus

    async def check(self, plan: Plan) -> None:
        """Make sure that a procedure could be created now and, unless it is only to be prepared, started.

        :raises Refusal: as the creation would
        """
        command = PrepareProcedure(script=plan.script, init=plan.init)
        asked = {
            "cmd": command.to_dict(),
            "start": not plan.command.prepare_only and not plan.command.simulate,
        }
        await self._bus.ask(topics.CHECK, asked, request_id=uuid.uuid4().hex, timeout=_CHECK)
        if plan.rerun is not None:
            # Of no activity yet: its number is not used up by a rerun that is refused.
            again = {"cmd": plan.procedure_again(_NO_ACTIVITY).to_dict()}
            await self._bus.ask(topics.CHECK_RERUN, again, request_id=uuid.uuid4().hex, timeout=_CHECK)

    async def create(self, plan: Plan, aid: int, request: Envelope) -> dict[str, Any]:
        """Have the procedure created that a request means; return its document.

        :raises Refusal: if it was not
        """
        command: _Command
        if plan.rerun is not None:
            topic, command = topics.RERUN, plan.procedure_again(aid)
        else:
            given = plan.handed_over
            command = PrepareProcedure(
                script=plan.script,
                init=plan.init,
                main=given,
                activity_id=aid,
                simulated=plan.command.simulate,
            )
            topic = topics.CREATE
        reply = await self._ask(topic, command, derived(request.id, "create"), request.user)
        created: dict[str, Any] = reply.payload["result"]
        return created

    async def created_before(self, request: Envelope) -> dict[str, Any] | None:
        """The procedure that an earlier life of this worker has had created for a request.

        :raises Unavailable: if the journal cannot be read
        """
        try:
            replies = await self._bus.lookup.messages(
                request_id=derived(request.id, "create"), topics=[topics.CREATED], limit=1
            )
            pids = [reply.payload["result"]["id"] for reply in replies]
            # It may have come further since than the reply says.
            found = await self._bus.lookup.procedures(pids=pids) if pids else []
        except ConnectionError:
            raise Unavailable("the journal cannot be read at the moment; try again shortly") from None
        return found[0] if found else None

    async def start(self, activity: Activity) -> None:
        """Have the procedure of an activity started.

        :raises Refusal: if it was not
        """
        command = StartProcedure(pid=activity.procedure_id)
        await self._ask(topics.START, command, derived(activity.sbi_id, "start"), activity.created_by)

    async def stop(
        self, pid: int, request_id: str, user: str | None, *, abort: bool = False, timeout: float = CHANGE
    ) -> dict[str, Any]:
        """Have a procedure stopped; return the answer.

        :raises Refusal: if it was not
        """
        # Of an activity, whatever its script is, the one that is meant is named.
        command = StopProcedure(pid=pid, abort=abort, stop_abort=True)
        reply = await self._ask(topics.STOP, command, request_id, user, timeout)
        answer: dict[str, Any] = reply.payload["result"]
        return answer

    async def _ask(
        self,
        topic: str,
        command: _Command,
        request_id: str,
        user: str | None,
        timeout: float = CHANGE,
    ) -> Envelope:
        return await self._bus.ask(
            topic,
            {"cmd": command.to_dict()},
            request_id=request_id,
            timeout=timeout,
            user=user,
            repeated=True,
        )

    async def last_activity_id(self, since: float) -> int:
        """The highest activity id that a procedure has, or was asked for since then.

        :param since: seconds since the epoch
        :raises ConnectionError: if the journal cannot be read
        """
        documents = await self._bus.lookup.all_procedures(limit=100)
        last = max((document.get("activity_id") or 0 for document in documents), default=0)
        creating = [topics.CREATE, topics.RERUN]
        async for request in self._bus.lookup.all_messages(topics=creating, since=since):
            if request.topic in creating and not request.msg_src.isdecimal():
                last = max(last, request.payload["cmd"].get("activity_id") or 0)
        return last


def derived(origin: str, purpose: str) -> str:
    """The id of a request that is made for another one; the same for the same."""
    return uuid.uuid5(uuid.NAMESPACE_OID, f"{origin} {purpose}").hex
