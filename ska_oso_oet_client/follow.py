"""Following one procedure: its events and its output, in order, until it is final.

The live stream is quick but may skip output and break. Therefore the record on the server has the
last word: on a jump in the output's numbers, after each reconnect and at the end it is asked.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from .decoding import decode
from .happenings import Event, OutputChunk
from .model import COMPLETE, FAILED, FINAL_STATES, READY, STOPPED, Procedure
from .output_order import OutputOrder
from .stream import EventStream, Message

if TYPE_CHECKING:
    from .client import OETClient

QUIET = 2.0
"""Seconds of a quiet stream after which a procedure known to be final has nothing more to say."""

_CREATED = "procedure.lifecycle.created"
_STATE_AFTER = {
    "procedure.lifecycle.ready": READY,
    "procedure.lifecycle.complete": COMPLETE,
    "procedure.lifecycle.failed": FAILED,
    "procedure.lifecycle.stopped": STOPPED,
}


class Follower:
    """A stream opened before the procedure is created or started, so that nothing is missed."""

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
        self._create_requests: dict[Any, Event] = {}

    def __enter__(self) -> Follower:
        self._stream.open()
        self._messages = iter(self._stream)
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stream.close()

    def skip_output(self, pid: int) -> None:
        """Leave out what the procedure has printed before now."""
        page = self._client.output(pid, tail=1)
        last = max((chunk.n for chunk in page.chunks), default=page.next)
        self._output = self._order(pid, last)

    def follow(
        self, pid: int, until: Collection[str] = ()
    ) -> Iterator[Event | OutputChunk | Procedure]:
        """What the procedure does; the last item is the procedure, final or in a state ``until``.

        A second call goes on where the first one ended.
        """
        output = self._output = self._output or self._order(pid, 0)
        ended: Procedure | None = None
        asked_at = self._clock()
        for message in self._messages:
            now = self._clock()
            if message.reconnected or (message.name is None and now - asked_at >= QUIET):
                known = ended is not None
                asked_at, ended = now, ended or self._ended(pid, until)
                yield from output.catch_up()
                # The stream first gets a chance to repeat what we missed, if it can.
                if ended is not None and (known or self._stream.last_id is None):
                    yield ended
                    return
            if message.name is None:
                continue
            event = Event.from_message(message.name, message.data, message.id)
            if event.topic == "procedure.output":
                if str(event.fields.get("pid")) == str(pid):
                    chunk = decode(OutputChunk.from_json, event.fields, self._client.url)
                    yield from output.accept(chunk)
            elif concerns(event, pid):
                procedure = self._procedure_after(event, until)
                if procedure is not None:
                    yield from output.catch_up()
                yield from self._with_create_request(event)
                if procedure is not None:
                    yield procedure
                    return
            else:
                self._remember_create_request(event)

    def _order(self, pid: int, after: int) -> OutputOrder:
        def fetch(last: int) -> Iterator[OutputChunk]:
            return self._client.all_output(pid, after=last, patient=True)

        return OutputOrder(fetch, after)

    def _ended(self, pid: int, until: Collection[str]) -> Procedure | None:
        procedure = self._client.patiently(lambda: self._client.procedure(pid), self._notify)
        return procedure if procedure.is_final or procedure.state in until else None

    def _procedure_after(self, event: Event, until: Collection[str]) -> Procedure | None:
        """The procedure, when this event says that following it is over."""
        state = _STATE_AFTER.get(event.topic)
        if state in FINAL_STATES or state in until:
            return decode(Procedure.from_json, event.fields.get("result"), self._client.url)
        return None

    def _remember_create_request(self, event: Event) -> None:
        # It names no procedure: whose it was, only the reply with the same request_id tells.
        if event.topic == "request.procedure.create":
            self._create_requests[event.fields.get("request_id")] = event

    def _with_create_request(self, event: Event) -> Iterator[Event]:
        if event.topic == _CREATED:
            request = self._create_requests.pop(event.fields.get("request_id"), None)
            if request is not None:
                yield request
        yield event


def concerns(event: Event, pid: int) -> bool:
    """Whether the event is about this procedure, or about all of them."""
    fields = event.fields
    if event.topic.startswith("operator."):
        return True
    names = [fields.get("msg_src"), fields.get("pid")]
    if event.topic.startswith("procedure."):
        names.append(_part(fields, "result").get("id"))
    if event.topic.startswith("request.procedure."):
        names.append(_part(fields, "cmd").get("pid"))
    return str(pid) in (str(name) for name in names if name is not None)


def _part(fields: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = fields.get(name)
    return part if isinstance(part, Mapping) else {}
