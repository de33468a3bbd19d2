"""Operations on events, and on the output of scripts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from ..events import Event, OutputChunk, OutputPage
from ..limits import PATIENCE
from ..stream import EventStream
from .connection import Connection, Notify, comma_list, log

PAGE = 256 * 1024
"""Characters with which a page is full; it ends with the piece that fills it."""


class StreamOperations(Connection):
    """Listen to the event bus, and read a script's output, recorded or live."""

    def events(
        self,
        *,
        topics: Sequence[str] = (),
        exclude: Sequence[str] = (),
        all_subarrays: bool = False,
        from_id: str | None = None,
        notify: Notify = log.warning,
    ) -> Iterator[Event]:
        """All events from now on, or after event ``from_id``; endless.

        With ``all_subarrays`` each event has a field ``subarray``, and ids are those of the
        central history.
        """
        for message in self.event_stream(
            topics=topics,
            exclude=exclude,
            all_subarrays=all_subarrays,
            from_id=from_id,
            notify=notify,
        ):
            if message.name is not None:
                yield Event.from_message(message.name, message.data, message.id)

    def event_stream(
        self,
        *,
        topics: Sequence[str] = (),
        exclude: Sequence[str] = (),
        all_subarrays: bool = False,
        from_id: str | None = None,
        patience: float | None = None,
        notify: Notify = log.warning,
    ) -> EventStream:
        """The stream below ``events``, for those who need its bytes or its moment of opening."""
        params = {"topics": comma_list(topics), "exclude": comma_list(exclude)}
        if all_subarrays:
            params["all_subarrays"] = "true"
        self._stream = EventStream(
            self._transport, params=params, last_id=from_id, patience=patience, notify=notify
        )
        return self._stream

    def output(
        self,
        pid: int,
        *,
        after: int | None = None,
        tail: int | None = None,
        streams: Sequence[str] = (),
    ) -> OutputPage:
        """A page of the script's output: after chunk ``after``, or of the last ``tail`` lines.

        With ``tail=0`` it is empty, and only has the current position.
        """
        return self._get(
            OutputPage,
            f"/procedures/{pid}/output",
            after=after,
            tail=tail,
            stream=comma_list(streams),
            limit=PAGE,
        )

    def all_output(
        self,
        pid: int,
        *,
        after: int = 0,
        tail: int | None = None,
        streams: Sequence[str] = (),
        patient: bool = False,
    ) -> Iterator[OutputChunk]:
        """Everything printed so far after chunk ``after``, or only its last ``tail`` lines.

        ``patient``: outlast a restart of the server.
        """
        while True:
            ask = partial(self.output, pid, after=after, tail=tail, streams=streams)
            page = self.patiently(ask) if patient else ask()
            yield from page.chunks
            if tail is not None and sum(len(chunk.text) for chunk in page.chunks) < PAGE:
                return
            if not page.chunks or page.next <= after:
                return
            after, tail = page.next, None

    def live_output(
        self,
        pid: int,
        *,
        tail: int | None = None,
        streams: Sequence[str] = (),
        notify: Notify = log.warning,
    ) -> Iterator[OutputChunk]:
        """The script's output, or its last ``tail`` lines, until the script has ended."""
        last = 0
        if tail is not None:
            page = self.output(pid, tail=tail, streams=streams)
            yield from page.chunks
            last = page.next
        stream = self._stream = EventStream(
            self._transport,
            f"/procedures/{pid}/output",
            params={"follow": "true", "stream": comma_list(streams)},
            last_id=str(last),
            patience=PATIENCE,
            notify=notify,
        )
        for message in stream:
            if message.name == "procedure.output.end":
                stream.close()
                return
            if message.name == "procedure.output":
                chunk = self._decode(OutputChunk, message.data)
                if chunk.n > last:
                    last = chunk.n
                    yield chunk
