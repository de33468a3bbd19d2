"""Operations that have the server take no new work, or take it again."""

from __future__ import annotations

from ..model import DrainState
from .connection import Connection


class DrainOperations(Connection):
    """Drain the server, and end that."""

    def drain(self, reason: str | None = None) -> DrainState:
        """Have new work refused; what runs goes on. A server that is drained stays as it was."""
        body = {} if reason is None else {"reason": reason}
        return self._decode(DrainState.from_json, self._transport.change("POST", "/drain", body))

    def resume(self) -> DrainState:
        """Have new work taken again."""
        return self._decode(DrainState.from_json, self._transport.change("POST", "/resume", {}))
