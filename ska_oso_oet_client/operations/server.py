"""Operations on scripts, files, environments, drain and QA, and the status."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

from ..errors import InvalidRequestError
from ..model import (
    DescribedScript,
    DrainState,
    Environment,
    FoundScript,
    QaSwitch,
    RunFiles,
    ServerStatus,
)
from .connection import Connection

QA_ACTIONS = ("enable", "disable", "override")

_QA_PATH = "/operator/wait_for_qa_ready"
_PREFIX = "file://"


class ServerOperations(Connection):
    """See and change the state of an OET apart from its procedures and activities."""

    def status(self) -> ServerStatus:
        return self._get(ServerStatus, "/status")

    def drain(self, reason: str | None = None) -> DrainState:
        """Refuse new work; scripts continue. A drained server is not changed."""
        return self._change(
            DrainState, "POST", "/drain", {} if reason is None else {"reason": reason}
        )

    def resume(self) -> DrainState:
        """Accept new work again."""
        return self._change(DrainState, "POST", "/resume", {})

    def qa_switch(self) -> QaSwitch:
        return self._get(QaSwitch, _QA_PATH)

    def set_qa_switch(self, action: str) -> QaSwitch:
        """``enable`` or ``disable`` the wait, or ``override`` it once for the script that runs."""
        if action not in QA_ACTIONS:
            raise InvalidRequestError(f"{action!r} is not one of {', '.join(QA_ACTIONS)}")
        return self._change(QaSwitch, "PUT", _QA_PATH, {"action": action})

    def scripts(self) -> list[FoundScript]:
        """The scripts in the server's SCRIPTS_LOCATION, then those that come with the OET."""
        return self._get(list[FoundScript], "/scripts")

    def script(self, uri: str) -> DescribedScript:
        """The docstrings and signatures of a script; ``file://`` may be left out."""
        path = uri.removeprefix(_PREFIX)
        if not path or "://" in path:
            raise InvalidRequestError(
                f"{uri} is not a script on the server (file://...); "
                "to see which there are: oet script list"
            )
        return self._get(DescribedScript, f"/scripts/{quote(path, safe='')}")

    def files(self, pid: int) -> RunFiles:
        """The files written by a script in its working directory, even while it runs."""
        return self._get(RunFiles, f"/procedures/{pid}/files")

    def file(self, pid: int, name: str | bytes) -> Iterator[bytes]:
        """The content of one of them, piece by piece, with its size at the request."""
        return self._transport.pieces(f"/procedures/{pid}/files/{quote(name)}")

    def environments(self) -> list[Environment]:
        """Environments, work trees and mirrors for scripts from git, last used first."""
        return self._get(list[Environment], "/environments")

    def remove_environment(self, environment_id: str) -> Environment:
        """Refused while a procedure uses it; rebuilt if it is needed again."""
        return self._change(
            Environment, "DELETE", f"/environments/{quote(environment_id, safe='')}"
        )
