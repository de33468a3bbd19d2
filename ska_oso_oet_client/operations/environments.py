"""Operations on what the server keeps for scripts from git."""

from __future__ import annotations

from urllib.parse import quote

from ..model import Environment
from .connection import Connection


class EnvironmentOperations(Connection):
    """See and free environments, work trees and mirrors."""

    def environments(self) -> list[Environment]:
        """What the server keeps for scripts from git, what was used last first."""
        answer = self._transport.get("/environments")
        return self._decode_all(Environment.from_json, answer)

    def remove_environment(self, environment_id: str) -> Environment:
        """Refused while a procedure uses it; what is needed again is made again."""
        path = f"/environments/{quote(environment_id, safe='')}"
        answer = self._transport.change("DELETE", path)
        return self._decode(Environment.from_json, answer)
