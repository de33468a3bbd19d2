"""Records execution blocks in the archive, in the background, until that succeeds."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterable

from ..bus import topics
from ..bus.client import BusClient
from ..bus.dispatcher import Dispatcher
from ..bus.envelope import Envelope
from ..bus.local import OTHERS
from ..domain.activity import Activity
from ..domain.errors import Invalid, Refusal
from ..domain.execution_blocks import (
    MOST_BLOCKS,
    PENDING,
    Command,
    ExecutionBlock,
    Finished,
    Message,
    Started,
    message,
)
from ..domain.states import FINAL
from .archive.async_archive import AsyncArchive
from .archive.entities import Rejected
from .early_messages import EarlyMessages
from .pool import ActivityPool

LOG = logging.getLogger(__name__)

_EVERY = 5.0  #: seconds between two forms of a small block that has not ended
_SELDOM = 300.0  #: the same of a large one
_SMALL = 64 * 2**10  #: bytes; a block that is twice as large is recorded half as often
_FIRST_PAUSE = 1.0  #: seconds before the archive is tried again, the first time
_LONGEST_PAUSE = 60.0
_REJECTED_PAUSE = 3600.0  #: if the archive has rejected it
_LOOKED_AT = 100  #: activities whose blocks are taken up again after a restart


class Recording:
    """A block, and how far the archive has it."""

    def __init__(self, activity: Activity, block: ExecutionBlock) -> None:
        self.activity = activity
        self.block = block
        self.changed = asyncio.Event()
        self.ended = asyncio.Event()
        self.seen_end = False  #: whether its last form was tried to be stored


class ExecutionBlockRecorder:
    """Follows the messages of scripts about execution blocks.

    :param activities: those in memory
    """

    def __init__(
        self,
        bus: BusClient,
        archive: AsyncArchive,
        dispatcher: Dispatcher,
        activities: ActivityPool,
    ) -> None:
        self._bus = bus
        self._archive = archive.with_one_thread()
        self._sending = asyncio.Lock()
        self._dispatcher = dispatcher
        self._activities = activities
        self._recordings: dict[tuple[int, str], Recording] = {}  #: by activity and block
        self._restored = False
        self._early = EarlyMessages()

    # -- messages ----------------------------------------------------------------------------------

    def listen(self) -> None:
        """Take in what scripts say."""
        for topic in topics.DOCUMENTS:
            self._bus.local.subscribe(topic, self._procedure_changed)
        self._bus.local.subscribe(OTHERS, self._heard)

    def _procedure_changed(self, event: Envelope) -> None:
        document = event.payload["result"]
        if document.get("activity_id") is None:
            self._early.refuse(document["id"], document["state"] not in FINAL)

    def _heard(self, envelope: Envelope) -> None:
        if envelope.topic in topics.EXECUTION_BLOCKS and envelope.msg_src.isdecimal():
            pid = int(envelope.msg_src)
            try:
                said = message(envelope.topic, envelope.payload)
            except Invalid as error:
                LOG.warning("Ignored a message of procedure %s: %s", pid, error)
                return
            activity = self._activities.of_procedure(pid) if self._restored else None
            if activity is not None:
                self._take(activity, said, envelope.time)
            else:
                self._early.keep(pid, said, envelope.time)

    def begin(self, activity: Activity) -> None:
        """Take in what was said before an activity was known."""
        for said, at in self._early.take(activity.procedure_id):
            self._take(activity, said, at)

    def _take(self, activity: Activity, said: Message, at: float) -> None:
        if isinstance(said, Started):
            self._start(activity, said, at)
            return
        recording = self._recordings.get((activity.id, said.eb_id))
        if recording is None:
            if said.eb_id not in activity.execution_blocks:  # else it has ended
                LOG.warning("Activity %s has not started the execution block %s", activity.id, said.eb_id)
        elif isinstance(said, Command):
            self._add(recording, said)
        elif isinstance(said, Finished) and recording.block.end(said.status):
            self._change(recording)

    def _start(self, activity: Activity, said: Started, at: float) -> None:
        key = activity.id, said.eb_id
        if key in self._recordings:
            self._recordings[key].activity = activity  # it was read again
            return
        if _is_end(activity.execution_blocks.get(said.eb_id)):
            return
        if said.eb_id not in activity.execution_blocks:
            if len(activity.execution_blocks) == MOST_BLOCKS:
                LOG.warning("Activity %s begins more than %s execution blocks", activity.id, MOST_BLOCKS)
                return
            activity.execution_blocks[said.eb_id] = None
        self._recordings[key] = recording = Recording(activity, ExecutionBlock(said, activity, at))
        recording.changed.set()
        self._dispatcher.background(self._record(key, recording))

    def _add(self, recording: Recording, command: Command) -> None:
        block, before = recording.block, recording.block.left_out
        if block.add(command):
            self._change(recording)
        elif before == 0 and block.left_out:
            LOG.warning("Execution block %s is full; later commands are left out", block.eb_id)

    def end(self, activity: Activity) -> None:
        """An activity has ended: its blocks that have not are failed."""
        for recording in list(self._recordings.values()):
            if recording.activity.id == activity.id and recording.block.end("Failed"):
                self._change(recording)

    @staticmethod
    def _change(recording: Recording) -> None:
        recording.changed.set()
        if recording.block.ended:
            recording.ended.set()

    # -- the archive -------------------------------------------------------------------------------

    async def _record(self, key: tuple[int, str], recording: Recording) -> None:
        block, pause = recording.block, _FIRST_PAUSE
        while True:
            await recording.changed.wait()
            try:
                status = await self._store(recording)
            except Invalid as error:
                LOG.error("Execution block %s is not recorded in the archive: %s", block.eb_id, error)
                break
            except Refusal as error:
                LOG.warning(
                    "Could not record execution block %s in the archive; will retry: %s", block.eb_id, error
                )
                recording.changed.set()
                if isinstance(error, Rejected):
                    await self._wait(recording, _REJECTED_PAUSE)
                else:
                    await asyncio.sleep(pause)
                    pause = min(2 * pause, _LONGEST_PAUSE)
                continue
            pause = _FIRST_PAUSE
            if recording.activity.execution_blocks.get(block.eb_id) != status:
                self._tell(recording.activity, block.eb_id, status)
            if status != PENDING:
                break
            await self._wait(recording, min(_SELDOM, _EVERY * max(1.0, block.size / _SMALL)))
        del self._recordings[key]

    async def _store(self, recording: Recording) -> str:
        """Store a block as it is; tells the status that the archive has then."""
        async with self._sending:  # waiting for the others does not count as being late
            recording.changed.clear()
            recording.seen_end = recording.block.ended
            status, form = recording.block.status, recording.block.form()
            await self._archive.record_execution_block(form)
            return status

    @staticmethod
    async def _wait(recording: Recording, seconds: float) -> None:
        """Wait before a block is stored again, at the most until it ends."""
        if recording.seen_end:
            await asyncio.sleep(seconds)
        else:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(recording.ended.wait(), seconds)

    def _tell(self, activity: Activity, eb_id: str, status: str) -> None:
        activity.execution_blocks[eb_id] = status
        fields = {"aid": activity.id, "eb_id": eb_id, "status": status, "result": activity.to_dict()}
        self._bus.send([self._bus.envelope(topics.ACTIVITY_BLOCK_RECORDED, fields)])

    # -- after a restart ---------------------------------------------------------------------------

    async def restore(self, activities: Iterable[Activity]) -> None:
        """Take up the blocks of activities that the archive may not have as they are.

        :raises ConnectionError: if the journal cannot be read
        """
        known = {activity.id: activity for activity in activities}
        newest = await self._bus.lookup.all_documents(kind="activity", limit=_LOOKED_AT)
        older = [Activity.from_dict(document) for document in newest if document["id"] not in known]
        for activity in (*older, *known.values()):
            if activity.final and all(_is_end(status) for status in activity.execution_blocks.values()):
                continue
            found = self._bus.lookup.all_messages(
                about=[activity.procedure_id], topics=[topics.EXECUTION_BLOCK]
            )
            async for envelope in found:
                if envelope.topic in topics.EXECUTION_BLOCKS and envelope.msg_src.isdecimal():
                    with contextlib.suppress(Invalid):  # it was told by an earlier life
                        self._take(activity, message(envelope.topic, envelope.payload), envelope.time)
        for activity in older:
            if activity.final:
                self.end(activity)

    def open(self) -> None:
        """Every activity of an earlier life is known: take in what was said meanwhile."""
        self._restored = True
        for activity in self._activities:
            self.begin(activity)


def _is_end(status: str | None) -> bool:
    return status is not None and status != PENDING
