"""The secrets of a request, which must not be in the journal: in private files until the request is answered.

The sender writes the file before it sends the request, and removes it after the reply or its time limit. So
if a worker is killed while it carries out the request, its successor can read it as well.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from typing import Any

from .opening import at_once

_LIFETIME = 600.0  #: seconds after which a file is removed whose sender was killed


class Sealed:
    """The folder of these files; made with the first one."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def put(self, i: str, payload: dict[str, Any]) -> None:
        """Write all fields of a request.

        :raises OSError: if it cannot be written
        """
        os.makedirs(self._folder, mode=0o700, exist_ok=True)
        self.tidy()
        with open(f"{self._file(i)}.new", "w", opener=at_once) as file:
            json.dump(payload, file)
        os.replace(f"{self._file(i)}.new", self._file(i))

    def get(self, i: str) -> dict[str, Any] | None:
        """The fields of a request; None if they were removed."""
        try:
            with open(self._file(i), opener=at_once) as file:
                payload: dict[str, Any] = json.load(file)
                return payload
        except (OSError, ValueError):
            return None

    def remove(self, i: str) -> None:
        """Remove the fields of a request."""
        with contextlib.suppress(OSError):
            os.unlink(self._file(i))

    def tidy(self) -> None:
        """Remove files beyond their lifetime."""
        with contextlib.suppress(OSError):
            for entry in os.scandir(self._folder):
                with contextlib.suppress(OSError):
                    if time.time() - entry.stat().st_mtime > _LIFETIME:
                        os.unlink(entry.path)

    def _file(self, i: str) -> str:
        return os.path.join(self._folder, i)
