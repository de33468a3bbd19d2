"""The activities of this subarray: requests become procedures, and activities follow them.

Runs in ActivityWorker. A restarted one goes on from the last documents of activities and their procedures.
"""

from __future__ import annotations

import contextlib
import logging
import time
from typing import Any

from ..bus import topics
from ..bus.client import BusClient
from ..bus.deadline import Deadline
from ..bus.dispatcher import Dispatcher
from ..bus.envelope import Envelope
from ..domain.activity import LIVE, Activity, ActivityState, StateChanged
from ..domain.activity_commands import StopActivity
from ..domain.errors import Conflict, Refusal
from ..files.expiry import keep_tidy
from ..settings import Settings
from ..telemetry.logs import tagged
from .archive.async_archive import AsyncArchive
from .checks import ActivityChecks
from .execution_block_recorder import ExecutionBlockRecorder
from .messages import messages
from .plan import Plan
from .pool import ActivityPool
from .preparer import Preparation, begun, sbi_id
from .procedures import CHANGE, Procedures, derived
from .queries import ActivityQueries
from .status_recorder import StatusRecorder

LOG = logging.getLogger(__name__)

_PAGE = 1000
_RUNS = (topics.RUN_ACTIVITY, topics.RERUN_ACTIVITY)
_OPEN_FOR = 600.0  #: seconds back that something half done may lie


class ActivityService:
    """Owns every activity of this subarray.

    :param archive: the source of scheduling blocks and the store of their instances
    """

    def __init__(self, bus: BusClient, settings: Settings, archive: AsyncArchive) -> None:
        self._bus = bus
        self._settings = settings
        self._procedures = Procedures(bus)
        self._activities = ActivityPool(settings.history)
        self._queries = ActivityQueries(bus, self._activities)
        self.dispatcher = Dispatcher(
            bus,
            {
                topics.RUN_ACTIVITY: self._run,
                topics.RERUN_ACTIVITY: self._run,
                topics.STOP_ACTIVITY: self._stop,
                topics.LIST_ACTIVITIES: self._queries.tell_list,
                topics.CHECK_ACTIVITY: ActivityChecks(bus, settings, archive).tell,
            },
        )
        self._recorder = StatusRecorder(archive, self.dispatcher, self._recorded)
        self._blocks = ExecutionBlockRecorder(bus, archive, self.dispatcher, self._activities)
        self._preparation = Preparation(settings, archive, self._procedures, self._recorder, self._queries)

    def listen(self) -> None:
        """Take in requests, and follow procedures."""
        self.dispatcher.listen()
        for topic in topics.DOCUMENTS:
            self._bus.local.subscribe(topic, self._procedure_changed)
        self._blocks.listen()

    async def tidy(self) -> None:
        """Remove folders of activities beyond the retention; never ends by itself."""
        await keep_tidy(self._settings.activities, self._settings.retention_days, self._is_kept)

    def _is_kept(self, name: str) -> bool:
        return any(name == activity.sbi_id for activity in self._activities)

    # -- run ---------------------------------------------------------------------------------------

    async def _run(self, request: Envelope) -> None:
        deadline = Deadline(request)
        created = await self._procedures.created_before(request)
        try:
            planned = await self._preparation.plan(request)
            if created is None:
                created = await self._preparation.carry_out(
                    planned, request, deadline, self._activities.next_id
                )
            deadline.require_left()
        except Refusal:
            if created is not None:
                await self._undo(request, created)
            raise
        self._begin(planned, created, request)

    def _begin(self, planned: Plan, procedure: dict[str, Any], request: Envelope) -> None:
        activity = begun(planned, procedure, request)
        self._activities.add(activity)
        key, at = f"activity-{activity.id}-0", activity.activity_states[0][1]
        about = {"request_id": request.request_id, "user": request.user, "id": key, "time": at}
        self._bus.send([self._bus.envelope(topics.ACTIVITY_RUNNING, {"result": activity.to_dict()}, **about)])
        self._blocks.begin(activity)
        self._follow(activity, self._activities.take_early(procedure["id"]) or procedure)

    # -- following procedures ----------------------------------------------------------------------

    def _procedure_changed(self, event: Envelope) -> None:
        document = event.payload["result"]
        aid = document.get("activity_id")
        if aid is None:
            return
        activity = self._activities.get(aid)
        if activity is not None:
            self._follow(activity, document)
        else:
            self._activities.keep_early(document)

    def _follow(self, activity: Activity, procedure: dict[str, Any]) -> None:
        if procedure["id"] != activity.procedure_id:
            return
        for change in activity.follow(procedure):
            self._tell(activity, change)
        if activity.state is ActivityState.PREPARED and not activity.prepare_only:
            self.dispatcher.background(self._start(activity))

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
        # Made from the change alone, the ids make sure that a change is told once, whatever is restarted.
        key = f"activity-{activity.id}-{len(activity.activity_states) - 1}"
        self._bus.send(
            self._bus.envelope(topic, payload, id=f"{key}-{n}", time=change.time, user=activity.created_by)
            for n, (topic, payload) in enumerate(messages(activity, change))
        )
        self._record(activity)

    # -- statuses in the archive -------------------------------------------------------------------

    def _record(self, activity: Activity) -> None:
        if activity.final:
            self._blocks.end(activity)
        due = activity.due_sbi_status
        if due is not None and due != activity.sbi_status:
            self._recorder.record(activity.sbi_id, due, activity.id)

    def _recorded(self, aid: int, status: str) -> None:
        if (activity := self._activities.get(aid)) is None:
            return
        activity.sbi_status = status
        fields = {"aid": aid, "sbi_status": status, "result": activity.to_dict()}
        self._bus.send([self._bus.envelope(topics.ACTIVITY_RECORDED, fields)])

    # -- stop --------------------------------------------------------------------------------------

    async def _stop(self, request: Envelope) -> None:
        command = StopActivity.from_dict(request.payload["cmd"])
        activity = self._activities.get(command.aid) or Activity.from_dict(
            await self._queries.document(command.aid)
        )
        if activity.final:
            raise Conflict.over(f"activity {command.aid}", activity.state)
        timeout = max(1.0, (request.expires or time.time() + CHANGE) - time.time())
        answer = await self._procedures.stop(
            activity.procedure_id,
            derived(request.id, "stop"),
            request.user,
            abort=command.abort,
            timeout=timeout,
        )
        self.dispatcher.reply(request, topics.ACTIVITY_STOP_ANSWERED, {"result": answer})

    # -- after a restart ---------------------------------------------------------------------------

    async def restore(self, head: int) -> None:
        """Take up the activities of an earlier life, and its unanswered requests.

        :param head: up to which number messages are read here; later ones arrive over the bus
        :raises ConnectionError: if the journal cannot be read
        """
        self._activities.continue_ids_after(await self._procedures.last_activity_id(time.time() - _OPEN_FOR))
        newest = await self._bus.lookup.all_documents(kind="activity", limit=self._settings.history)
        live = await self._bus.lookup.all_documents(
            kind="activity", states=[state.value for state in LIVE], limit=_PAGE
        )
        documents = {document["id"]: document for document in (*newest, *live)}
        for aid in sorted(documents):
            self._activities.add(Activity.from_dict(documents[aid]))
        unfinished = [activity for activity in self._activities if not activity.final]
        procedures = {
            document["id"]: document
            for document in await self._bus.lookup.all_procedures(pids=[a.procedure_id for a in unfinished])
        }
        await self._blocks.restore(self._activities)
        self._blocks.open()
        for activity in unfinished:
            pid = activity.procedure_id
            for document in (procedures.get(pid), self._activities.take_early(pid)):
                if document is not None:
                    self._follow(activity, document)
        for activity in self._activities:
            self._record(activity)
        for request in await self.dispatcher.unanswered(head):
            if request.topic in _RUNS and time.time() > (request.expires or 0):
                self.dispatcher.background(self._undo_late(request))
            self.dispatcher.carry_out(request)
        self.dispatcher.open()

    async def _undo_late(self, request: Envelope) -> None:
        """Undo an expired request that an earlier life of this worker left half done."""
        with contextlib.suppress(Refusal):
            created = await self._procedures.created_before(request)
            if created is not None:
                await self._undo(request, created)

    async def _undo(self, request: Envelope, created: dict[str, Any]) -> None:
        """End the procedure of a request that is refused; an earlier life of this worker created it."""
        LOG.warning("Ending procedure %s: its activity could not be begun", created["id"])
        self._recorder.record(sbi_id(request), "Failed")
        with contextlib.suppress(Refusal):  # it has ended
            await self._procedures.stop(created["id"], derived(request.id, "undo"), None)
