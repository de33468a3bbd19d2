"""Operations that find things: scripts, and the files that they have written."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

from ..errors import InvalidRequestError
from ..model import DescribedScript, FoundScript, RunFiles
from .connection import Connection

_PREFIX = "file://"


class FindingOperations(Connection):
    """See scripts without running them, and fetch what they have written."""

    def scripts(self) -> list[FoundScript]:
        """The scripts in the server's SCRIPTS_LOCATION, then those that come with the OET."""
        return self._decode_all(FoundScript.from_json, self._transport.get("/scripts"))

    def script(self, uri: str) -> DescribedScript:
        """What a script says of itself; ``file://`` may be left out."""
        path = uri.removeprefix(_PREFIX)
        if not path or "://" in path:
            raise InvalidRequestError(f"{uri} is none of the server's own scripts, file://...")
        answer = self._transport.get(f"/scripts/{quote(path, safe='')}")
        return self._decode(DescribedScript.from_json, answer)

    def files(self, pid: int) -> RunFiles:
        """The files that a script has written in its working directory, also while it runs."""
        return self._decode(RunFiles.from_json, self._transport.get(f"/procedures/{pid}/files"))

    def file(self, pid: int, name: str | bytes) -> Iterator[bytes]:
        """The content of one of them, piece by piece; as large as it is when it is asked for."""
        return self._transport.pieces(f"/procedures/{pid}/files/{quote(name)}")
