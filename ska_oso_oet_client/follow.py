"""Following a procedure or an activity: its events and output, in order, until it is final.

The live stream is quick but may skip output and break. Therefore the record on the server has the
last word: on a jump in the output's numbers, after each reconnect and at the end it is asked.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from .decoding import decode
from .happenings import Event, OutputChunk
from .model import Activity, Procedure
from .output_order import OutputOrder
from .stream import EventStream, Message
from .subjects import ACTIVITY_WORKER, STATE_AFTER, ActivitySubject, ProcedureSubject, Subject

if TYPE_CHECKING:
    from .client import OETClient

QUIET = 2.0
"""Seconds of a quiet stream after which something known to be final has nothing more to say."""

# Such a request names no procedure or activity: whose it was, only the reply to it tells.
_REQUESTS = frozenset({"request.procedure.create", "request.activity.run"})
_REPLIES = frozenset({"procedure.lifecycle.created", "activity.lifecycle.running"})

T = TypeVar("T", Procedure, Activity)


class Follower:
    """A stream opened before what is followed begins, so that nothing is missed."""

    def __init__(
        self,
        client: OETClient,
        stream: EventStream,
        notify: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._stream = stream
        self._notify = notify
        self._clock = clock
        self._messages: Iterator[Message] = iter(())
        self._output: OutputOrder | None = None
        self._requests: dict[Any, Event] = {}

    def __enter__(self) -> Follower:
        self._stream.open()
        self._messages = iter(self._stream)
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stream.close()

    def skip_output(self, pid: int) -> None:
        """Leave out what the procedure has printed before now."""
        self._output = self._order(pid, self._client.output(pid, tail=0).next)

    def follow(
        self, pid: int, until: Collection[str] = ()
    ) -> Iterator[Event | OutputChunk | Procedure]:
        """What the procedure does; the last item is the procedure, final or in a state ``until``.

        A second call goes on where the first one ended.
        """
        return self._follow(ProcedureSubject(self._client, pid, until))

    def follow_activity(
        self, activity: Activity, until: Collection[str] = ()
    ) -> Iterator[Event | OutputChunk | Activity]:
        """What the activity and its procedure do, in the same way; the activity is the last."""
        return self._follow(ActivitySubject(self._client, activity, until))

    def _follow(self, subject: Subject[T]) -> Iterator[Event | OutputChunk | T]:
        output = self._output = self._output or self._order(subject.pid, 0)
        ended: T | None = None
        asked_at = self._clock()
        for message in self._messages:
            now = self._clock()
            if message.reconnected or (message.name is None and now - asked_at >= QUIET):
                known = ended is not None
                asked_at, ended = now, ended or subject.ended(self._notify)
                yield from output.catch_up()
                # The stream first gets a chance to repeat what we missed, if it can.
                if ended is not None and (known or self._stream.last_id is None):
                    yield ended
                    return
            if message.name is None:
                continue
            event = Event.from_message(message.name, message.data, message.id)
            if event.topic == "procedure.output":
                if str(event.fields.get("pid")) == str(subject.pid):
                    chunk = decode(OutputChunk.from_json, event.fields, self._client.url)
                    yield from output.accept(chunk)
            elif subject.concerns(event):
                over = subject.ended_by(event)
                if over is not None or event.topic in STATE_AFTER:
                    yield from output.catch_up()
                yield from self._with_request(event)
                if over is not None:
                    yield over
                    return
            else:
                self._remember_request(event)

    def _order(self, pid: int | None, after: int) -> OutputOrder:
        def fetch(last: int) -> Iterable[OutputChunk]:
            return () if pid is None else self._client.all_output(pid, after=last, patient=True)

        return OutputOrder(fetch, after)

    def _remember_request(self, event: Event) -> None:
        # That an activity loads its script is no request of the user.
        if event.topic in _REQUESTS and event.source != ACTIVITY_WORKER:
            self._requests[event.fields.get("request_id")] = event

    def _with_request(self, event: Event) -> Iterator[Event]:
        if event.topic in _REPLIES:
            request = self._requests.pop(event.fields.get("request_id"), None)
            if request is not None:
                yield request
        yield event
