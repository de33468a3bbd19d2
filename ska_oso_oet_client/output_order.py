"""Output in order and once, from a source that may skip pieces and one that has them all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from .events import OutputChunk


class OutputOrder:
    """Live pieces go in, all pieces come out.

    Output events are not kept by the server and may be skipped under load; a jump in their
    numbers shows it, and ``fetch(after)`` then gets the missing pieces from the server's record.
    """

    def __init__(self, fetch: Callable[[int], Iterable[OutputChunk]], after: int = 0) -> None:
        self._fetch = fetch
        self._last = after

    def accept(self, chunk: OutputChunk) -> Iterator[OutputChunk]:
        """Everything up to and including this live piece that has not been passed on yet."""
        if chunk.n > self._last + 1:
            yield from self.catch_up()
        yield from self._pass_on(chunk)

    def catch_up(self) -> Iterator[OutputChunk]:
        """Everything the server has recorded that has not been passed on yet."""
        for chunk in self._fetch(self._last):
            yield from self._pass_on(chunk)

    def _pass_on(self, chunk: OutputChunk) -> Iterator[OutputChunk]:
        if chunk.n > self._last:
            self._last = chunk.n
            yield chunk
