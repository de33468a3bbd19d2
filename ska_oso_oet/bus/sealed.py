"""What a request says that the journal must not keep: aside, in files of the owner's, until it is answered.

Who asks puts it there before the request is sent, and takes it away once it is answered or nobody will
answer it. So the worker that follows one which was killed while it carried out the request finds it, too.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from typing import Any

_KEPT = 600.0  #: seconds after which what its asker has left behind, being killed, is removed


class Sealed:
    """The folder of what is kept aside; made when there is something."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def put(self, i: str, payload: dict[str, Any]) -> None:
        """Keep the fields of a request, whole, for who carries it out.

        :raises OSError: where it cannot be written
        """
        os.makedirs(self._folder, mode=0o700, exist_ok=True)
        self.tidy()
        with open(f"{self._file(i)}.new", "w", opener=owners_only) as file:
            json.dump(payload, file)
        os.replace(f"{self._file(i)}.new", self._file(i))

    def get(self, i: str) -> dict[str, Any] | None:
        """The fields of a request; none where they are not there any more."""
        try:
            with open(self._file(i)) as file:
                found: dict[str, Any] = json.load(file)
                return found
        except (OSError, ValueError):
            return None

    def remove(self, i: str) -> None:
        """They are not needed any more."""
        with contextlib.suppress(OSError):
            os.unlink(self._file(i))

    def tidy(self) -> None:
        """Remove what nobody will ask for any more."""
        with contextlib.suppress(OSError):
            for entry in os.scandir(self._folder):
                with contextlib.suppress(OSError):
                    if time.time() - entry.stat().st_mtime > _KEPT:
                        os.unlink(entry.path)

    def _file(self, i: str) -> str:
        return os.path.join(self._folder, i)


def owners_only(path: str, flags: int) -> int:
    """Open a file that only its owner may read; for ``open``."""
    return os.open(path, flags, 0o600)
