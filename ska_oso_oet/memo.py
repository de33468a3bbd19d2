"""A small document that outlives a process, and can be changed on a full disk."""

from __future__ import annotations

import json
import os
from typing import Any

#: Bytes of the file, whatever it says: room that is taken once and written over from then on.
_SIZE = 4096


class Memo:
    """One file that holds a document, or none."""

    def __init__(self, path: str) -> None:
        self._path = path

    def read(self) -> Any:
        """The document; None where there is none.

        :raises OSError: where the file cannot be read
        :raises ValueError: where it holds something else
        """
        try:
            with open(self._path, encoding="utf-8") as file:
                return json.load(file)
        except FileNotFoundError:
            return None

    def write(self, document: Any) -> None:
        """Replace the document; the change is whole, or not there, whenever this process is killed.

        :raises OSError: where the file cannot be written
        :raises ValueError: where the document is too large
        """
        data = json.dumps(document, ensure_ascii=False).encode().ljust(_SIZE)
        if len(data) > _SIZE:
            raise ValueError(f"more than {_SIZE} bytes")
        file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.pwrite(file, data, 0)
        finally:
            os.close(file)
