"""Operations on what scripts print."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from ..happenings import OutputChunk, OutputPage
from ..patience import PATIENCE
from ..stream import EventStream
from .connection import Connection, Notify, comma_list, log

PAGE = 256 * 1024
"""Characters with which a page is full; it ends with the piece that fills it."""


class OutputOperations(Connection):
    """Read a script's output, recorded or live."""

    def output(
        self,
        pid: int,
        *,
        after: int | None = None,
        tail: int | None = None,
        streams: Sequence[str] = (),
    ) -> OutputPage:
        """A page of what the script printed: after chunk ``after``, or of the last ``tail`` lines.

        With ``tail=0`` it is empty and only tells how far the output is.
        """
        answer = self._transport.get(
            f"/procedures/{pid}/output",
            after=after,
            tail=tail,
            stream=comma_list(streams),
            limit=PAGE,
        )
        return self._decode(OutputPage.from_json, answer)

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
        """What the script printed, or its last ``tail`` lines, and prints until it has ended."""
        last = 0
        if tail is not None:
            page = self.output(pid, tail=tail, streams=streams)
            yield from page.chunks
            last = page.next
        stream = EventStream(
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
                chunk = self._decode(OutputChunk.from_json, message.data)
                if chunk.n > last:
                    last = chunk.n
                    yield chunk
