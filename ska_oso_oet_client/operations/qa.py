"""Operations on the switch that makes scripts wait for QA before a scan."""

from __future__ import annotations

from ..errors import InvalidRequestError
from ..model import QaSwitch
from .connection import Connection

ACTIONS = ("enable", "disable", "override")

_PATH = "/operator/wait_for_qa_ready"


class QaOperations(Connection):
    """See and turn the switch."""

    def qa_switch(self) -> QaSwitch:
        return self._decode(QaSwitch.from_json, self._transport.get(_PATH))

    def set_qa_switch(self, action: str) -> QaSwitch:
        """``enable`` or ``disable`` the wait, or ``override`` it once for the script that runs."""
        if action not in ACTIONS:
            raise InvalidRequestError(f"{action!r} is none of {', '.join(ACTIONS)}")
        return self._decode(
            QaSwitch.from_json, self._transport.change("PUT", _PATH, {"action": action})
        )
