"""Lines of a stream that arrives in pieces. Standard library only."""

from __future__ import annotations


class Lines:
    """Joins pieces to lines. A long line costs no copy of its beginning for each of its pieces."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def take(self, piece: bytes) -> list[bytes]:
        """The lines that end in this piece, without their newlines."""
        first, *others = piece.split(b"\n")
        self._rest += first
        if not others:
            return []
        lines = [bytes(self._rest), *others[:-1]]
        self._rest = bytearray(others[-1])
        return lines

    @property
    def unfinished(self) -> int:
        """Bytes of the line that has not ended yet."""
        return len(self._rest)

    def spoil(self) -> None:
        """Keep little of the line that has not ended yet; it is no longer wanted."""
        self._rest = bytearray(b"too long")
