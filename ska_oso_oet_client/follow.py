"""Following a procedure or an activity: its events and output, in order, until it is final.

The live stream is quick but may skip output and break. Therefore the record on the server has the
last word: on a jump in the output's numbers, after each reconnect and at the end it is asked.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import partial
from typing import Any, TypeVar

from .decoding import answer_of, decode
from .events import Event, OutputChunk
from .model import Activity, Procedure
from .output_order import OutputOrder
from .stream import EventStream, Message
from .subjects import ACTIVITY_WORKER, STATE_AFTER, ActivitySubject, ProcedureSubject, Subject

QUIET = 2.0
"""Seconds of a quiet stream after which something known to be final has nothing more to say."""

# Such a request names no procedure or activity: whose it was, only the reply to it tells.
_REQUESTS = frozenset(
    {
        "request.procedure.create",
        "request.procedure.rerun",
        "request.activity.run",
        "request.activity.rerun",
    }
)
_REPLIES = frozenset({"procedure.lifecycle.created", "activity.lifecycle.running"})

T = TypeVar("T", Procedure, Activity)


class Follower:
    """A stream opened before its subject begins, so that no event is missed.

    ``procedure``, ``activity`` and ``output`` ask for the record and outlast a restart of the
    server; the last one takes a procedure id and the number of the last known chunk.
    """

    def __init__(
        self,
        stream: EventStream,
        *,
        procedure: Callable[[int], Procedure],
        activity: Callable[[int], Activity],
        output: Callable[[int, int], Iterable[OutputChunk]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stream = stream
        self._ask_procedure = procedure
        self._ask_activity = activity
        self._ask_output = output
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

    def follow(
        self, pid: int, until: Collection[str] = (), after: int = 0
    ) -> Iterator[Event | OutputChunk | Procedure]:
        """Events and output of the procedure; the last item is it, final or in a state ``until``.

        Output up to chunk ``after`` is left out. A second call goes on where the first one ended.
        """
        ask = partial(self._ask_procedure, pid)
        return self._follow(ProcedureSubject(pid, until, ask, self._stream.url), after)

    def follow_activity(
        self, activity: Activity, until: Collection[str] = ()
    ) -> Iterator[Event | OutputChunk | Activity]:
        """Events and output of the activity and its procedure; the activity is the last item."""
        ask = partial(self._ask_activity, activity.id)
        return self._follow(ActivitySubject(activity, until, ask, self._stream.url))

    def _follow(self, subject: Subject[T], after: int = 0) -> Iterator[Event | OutputChunk | T]:
        output = self._output = self._output or self._order(subject.pid, after)
        ended: T | None = None
        asked_at = self._clock()
        for message in self._messages:
            now = self._clock()
            if message.reconnected or (message.name is None and now - asked_at >= QUIET):
                known = ended is not None
                asked_at, ended = now, ended or subject.ended()
                yield from output.catch_up()
                # The stream first gets a chance to replay missed events.
                if ended is not None and (known or self._stream.last_id is None):
                    yield ended
                    return
            if message.name is None:
                continue
            event = Event.from_message(message.name, message.data, message.id)
            if event.topic == "procedure.output":
                if str(event.fields.get("pid")) == str(subject.pid):
                    with answer_of(self._stream.url):
                        chunk = decode(OutputChunk, event.fields)
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
            return () if pid is None else self._ask_output(pid, last)

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
