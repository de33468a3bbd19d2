"""Operations on what scripts print."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from ..happenings import OutputChunk, OutputPage
from ..patience import PATIENCE
from ..stream import EventStream
from .connection import Connection, Notify, comma_list, log


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
        """A page of what the script printed: after chunk ``after``, or the last ``tail`` lines."""
        answer = self._transport.get(
            f"/procedures/{pid}/output", after=after, tail=tail, stream=comma_list(streams)
        )
        return self._decode(OutputPage.from_json, answer)

    def all_output(
        self, pid: int, *, after: int = 0, streams: Sequence[str] = (), patient: bool = False
    ) -> Iterator[OutputChunk]:
        """Everything printed so far after chunk ``after``.

        ``patient``: outlast a restart of the server.
        """
        while True:
            ask = partial(self.output, pid, after=after, streams=streams)
            page = self.patiently(ask) if patient else ask()
            yield from page.chunks
            if not page.chunks or page.next <= after:
                return
            after = page.next

    def live_output(
        self,
        pid: int,
        *,
        tail: int | None = None,
        streams: Sequence[str] = (),
        notify: Notify = log.warning,
    ) -> Iterator[OutputChunk]:
        """What the script printed and prints, until it has ended."""
        stream = EventStream(
            self._transport,
            f"/procedures/{pid}/output",
            params={"follow": "true", "tail": tail, "stream": comma_list(streams)},
            patience=PATIENCE,
            notify=notify,
        )
        last = 0
        for message in stream:
            if message.name == "procedure.output.end":
                stream.close()
                return
            if message.name == "procedure.output":
                chunk = self._decode(OutputChunk.from_json, message.data)
                # With ``tail``, a connection lost early begins again with lines already seen.
                if chunk.n > last:
                    last = chunk.n
                    yield chunk
