"""The activities of this subarray: requests become procedures, and activities follow them.

Runs in ActivityWorker. Everything that an activity is can be read from its last document in the journal and
from its procedure, so a restarted worker goes on where the last one was.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import logging
import time
import uuid
from typing import Any

from ..bus.client import BusClient
from ..bus.desk import Desk
from ..bus.envelope import Envelope
from ..domain.activity import LIVE, Activity, ActivityState, StateChanged, whole
from ..domain.activity_commands import RunActivity, StopActivity
from ..domain.errors import Conflict, NotFound, Refusal, Unavailable
from ..domain.listing import Listing
from ..domain.scheduling import checked_sbd_id, instance
from ..folders import keep_tidy
from ..logs import tagged
from ..settings import Settings
from .archive.timely import Timely
from .plan import Plan, plan
from .procedures import CHANGE, Procedures, derived
from .recording import Recording

LOG = logging.getLogger(__name__)

_PAGE = 1000
_OPEN_FOR = 600.0  #: seconds back that something half done may lie
_EARLY = 100  #: documents of procedures that are kept for an activity which is not known yet

#: Events of procedures that tell the whole of them.
_WHOLE = tuple(
    f"procedure.lifecycle.{word}" for word in ("ready", "started", "complete", "failed", "stopped")
)


class ActivityService:
    """Owns every activity of this subarray.

    :param archive: where scheduling blocks come from and their instances go
    """

    def __init__(self, bus: BusClient, settings: Settings, archive: Timely) -> None:
        self._bus = bus
        self._settings = settings
        self._archive = archive
        self._procedures = Procedures(bus)
        self._activities: dict[int, Activity] = {}
        self._last_id = 0
        self._early: dict[int, dict[str, Any]] = {}  #: by procedure
        self.desk = Desk(
            bus,
            {
                "request.activity.run": self._run,
                "request.activity.stop": self._stop,
                "request.activity.list": self._tell_list,
            },
        )
        self._recording = Recording(archive, self.desk, self._recorded)

    def listen(self) -> None:
        """Take in requests, and follow procedures."""
        self.desk.listen()
        for topic in _WHOLE:
            self._bus.local.subscribe(topic, self._procedure_changed)

    async def tidy(self) -> None:
        """Remove what was handed to scripts too long ago, once the past is restored; never ends by itself."""
        await keep_tidy(self._settings.activities, self._settings.retention_days, self._is_kept)

    def _is_kept(self, name: str) -> bool:
        return any(name == activity.sbi_id for activity in self._activities.values())

    # -- run ---------------------------------------------------------------------------------------

    async def _run(self, request: Envelope) -> None:
        created = await self._procedures.created_before(request)
        try:
            planned = await self._plan(request)
            procedure = created or await self._carry_out(planned, request)
        except Refusal:
            if created is not None:
                await self._undo(request, created)
            raise
        self._begin(planned, procedure, request)

    async def _plan(self, request: Envelope) -> Plan:
        command = RunActivity.from_dict(request.payload["cmd"])
        document = await self._archive.scheduling_block(checked_sbd_id(command.sbd_id))
        return plan(
            command,
            document,
            sbi_id=_sbi_id(request),
            home=self._settings.activities,
            subarray_id=self._settings.subarray_id,
        )

    async def _carry_out(self, planned: Plan, request: Envelope) -> dict[str, Any]:
        await asyncio.to_thread(planned.write)
        try:
            await self._procedures.check(planned)
            await self._store_instance(planned, request)
            return await self._create(planned, request)
        except Refusal:
            await asyncio.to_thread(planned.discard)
            raise

    async def _store_instance(self, planned: Plan, request: Envelope) -> None:
        arguments = {"init": planned.init, "main": planned.main}
        at = _moment(request.time)
        name = planned.command.activity_name
        await self._archive.store_instance(
            instance(planned.block, planned.sbi_id, name, arguments, at, request.user)
        )

    async def _create(self, planned: Plan, request: Envelope) -> dict[str, Any]:
        self._last_id += 1
        try:
            return await self._procedures.create(planned, self._last_id, request)
        except Refusal:
            self._recording.record(planned.sbi_id, "Failed")
            raise

    def _begin(self, planned: Plan, procedure: dict[str, Any], request: Envelope) -> None:
        command = planned.command
        activity = Activity(
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
            script_uri=procedure["script"]["script_uri"],
        )
        self._keep(activity)
        key, at = f"activity-{activity.id}-0", activity.activity_states[0][1]
        payload = {"result": activity.to_dict()}
        about = {"request_id": request.request_id, "user": request.user}
        self._bus.send([self._bus.envelope("activity.lifecycle.running", payload, id=key, time=at, **about)])
        self._follow(activity, self._early.pop(procedure["id"], procedure))

    def _keep(self, activity: Activity) -> None:
        self._last_id = max(self._last_id, activity.id)
        self._activities[activity.id] = activity
        surplus = len(self._activities) - self._settings.history
        for old in [a.id for a in self._activities.values() if a.final][: max(0, surplus)]:
            del self._activities[old]

    # -- following procedures ----------------------------------------------------------------------

    def _procedure_changed(self, event: Envelope) -> None:
        document = event.payload["result"]
        aid = document.get("activity_id")
        if aid is None:
            return
        if aid in self._activities:
            self._follow(self._activities[aid], document)
        else:
            self._early[document["id"]] = document
            while len(self._early) > _EARLY:
                del self._early[next(iter(self._early))]

    def _follow(self, activity: Activity, procedure: dict[str, Any]) -> None:
        if procedure["id"] != activity.procedure_id:
            return
        for change in activity.follow(procedure):
            self._tell(activity, change)
        if activity.state is ActivityState.PREPARED and not activity.prepare_only:
            self.desk.background(self._start(activity))

    async def _start(self, activity: Activity) -> None:
        with tagged(procedure_id=activity.procedure_id):
            try:
                await self._procedures.start(activity)
            except Refusal as error:
                await self._give_up(activity, error.detail)

    async def _give_up(self, activity: Activity, detail: str) -> None:
        """Its procedure cannot be started: say why, and do not leave it waiting."""
        if activity.state is not ActivityState.PREPARED:
            return  # it has ended, or was started after all
        LOG.error("Activity %s failed: %s", activity.id, detail)
        self._tell(activity, activity.fail(time.time(), detail))
        try:
            stop_id = derived(activity.sbi_id, "give up")
            await self._procedures.stop(activity.procedure_id, stop_id, activity.created_by)
        except Refusal as error:
            LOG.warning("Procedure %s was not ended: %s", activity.procedure_id, error.detail)

    def _tell(self, activity: Activity, change: StateChanged) -> None:
        key = f"activity-{activity.id}-{len(activity.activity_states) - 1}"
        result = activity.to_dict()
        fields = {
            "aid": activity.id,
            "old_state": change.old_state.value,
            "new_state": change.new_state.value,
        }
        said: list[tuple[str, dict[str, Any]]] = [
            ("activity.lifecycle.statechange", {**fields, "result": result})
        ]
        block = {"sbd_id": activity.sbd_id, "sbi_id": activity.sbi_id}
        if change.new_state is ActivityState.RUNNING:
            said.append(("sb.lifecycle.started", block))
        if activity.final:
            if activity.ran:
                good = activity.state is ActivityState.COMPLETE
                said.append((f"sb.lifecycle.finished.{'succeeded' if good else 'failed'}", block))
            said.append((f"activity.lifecycle.{change.new_state.lower()}", {"result": result}))
        # Made from the change alone, the ids make sure that a change is told once, whatever is restarted.
        self._bus.send(
            self._bus.envelope(topic, payload, id=f"{key}-{n}", time=change.time, user=activity.created_by)
            for n, (topic, payload) in enumerate(said)
        )
        self._record(activity)

    # -- what the archive must know ----------------------------------------------------------------

    def _record(self, activity: Activity) -> None:
        due = activity.due_sbi_status
        if due is not None and due != activity.sbi_status:
            self._recording.record(activity.sbi_id, due, activity.id)

    def _recorded(self, aid: int, status: str) -> None:
        activity = self._activities.get(aid)
        if activity is None:
            return
        activity.sbi_status = status
        fields = {"aid": aid, "sbi_status": status, "result": activity.to_dict()}
        self._bus.send([self._bus.envelope("activity.lifecycle.recorded", fields)])

    # -- stop --------------------------------------------------------------------------------------

    async def _stop(self, request: Envelope) -> None:
        command = StopActivity.from_dict(request.payload["cmd"])
        activity = self._activities.get(command.aid)
        if activity is None:
            document = await self._archived(command.aid)
            activity = Activity.from_dict(document)
        if activity.final:
            raise Conflict(f"Cannot stop activity {command.aid}: it is already {activity.state}")
        timeout = max(1.0, (request.expires or time.time() + CHANGE) - time.time())
        answer = await self._procedures.stop(
            activity.procedure_id,
            derived(request.id, "stop"),
            request.user,
            abort=command.abort,
            timeout=timeout,
        )
        self.desk.reply(request, "activity.stop.answered", {"result": answer})

    # -- list --------------------------------------------------------------------------------------

    async def _tell_list(self, request: Envelope) -> None:
        aids, wanted = request.payload["aids"], Listing.from_dict(request.payload.get("query") or {})
        if wanted.all:
            page = await self._read(**wanted.question)
            result = [self._known(document) for document in reversed(page)]
        elif aids is None:
            newest = sorted(self._activities.values(), key=lambda a: a.id)[-self._settings.history :]
            result = wanted.of([activity.to_dict() for activity in newest])
        else:
            result = [
                self._activities[aid].to_dict() if aid in self._activities else await self._archived(aid)
                for aid in aids
            ]
        self.desk.reply(request, "activity.pool.list", {"result": result})

    def _known(self, document: dict[str, Any]) -> dict[str, Any]:
        here = self._activities.get(document["id"])
        return whole(document) if here is None else here.to_dict()

    async def _archived(self, aid: int) -> dict[str, Any]:
        found = await self._read(ids=[aid])
        if not found:
            raise NotFound.activity(aid)
        return whole(found[0])

    async def _read(self, **query: Any) -> list[dict[str, Any]]:
        try:
            return await self._bus.read_documents(kind="activity", **query)
        except ConnectionError:
            raise Unavailable("the journal cannot be read at the moment; try again shortly") from None

    # -- after a restart ---------------------------------------------------------------------------

    async def restore(self, head: int) -> None:
        """Take up the activities of an earlier life, and what it has not answered.

        :param head: up to which number messages are read here; later ones arrive over the bus
        :raises ConnectionError: where the journal cannot be read
        """
        self._last_id = await self._procedures.last_activity_id(time.time() - _OPEN_FOR)
        newest = await self._bus.all_documents(kind="activity", limit=self._settings.history)
        live = await self._bus.all_documents(
            kind="activity", states=[state.value for state in LIVE], limit=_PAGE
        )
        known = {document["id"]: document for document in (*newest, *live)}
        for aid in sorted(known):
            self._keep(Activity.from_dict(known[aid]))
        unfinished = [activity for activity in self._activities.values() if not activity.final]
        procedures = {
            document["id"]: document
            for document in await self._bus.all_procedures(pids=[a.procedure_id for a in unfinished])
        }
        for activity in unfinished:
            pid = activity.procedure_id
            for document in (procedures.get(pid), self._early.pop(pid, None)):
                if document is not None:
                    self._follow(activity, document)
        for activity in self._activities.values():
            self._record(activity)
        for request in await self.desk.unanswered(head):
            if request.topic == "request.activity.run" and time.time() > (request.expires or 0):
                self.desk.background(self._undo_late(request))
            self.desk.carry_out(request)
        self.desk.open()

    async def _undo_late(self, request: Envelope) -> None:
        """Nobody waits any more for what was half done when an earlier life of this worker ended."""
        with contextlib.suppress(Refusal):
            created = await self._procedures.created_before(request)
            if created is not None:
                await self._undo(request, created)

    async def _undo(self, request: Envelope, created: dict[str, Any]) -> None:
        """End what an earlier life of this worker has had created for a request that is refused."""
        LOG.warning("Ending procedure %s: its activity could not be begun", created["id"])
        self._recording.record(_sbi_id(request), "Failed")
        with contextlib.suppress(Refusal):  # it has ended
            await self._procedures.stop(created["id"], derived(request.id, "undo"), None)


def _sbi_id(request: Envelope) -> str:
    """The id of the scheduling block instance that a request makes; the same for the same."""
    return f"sbi-{uuid.uuid5(uuid.NAMESPACE_OID, request.id).hex[:12]}"


def _moment(seconds: float) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
