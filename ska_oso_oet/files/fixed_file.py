"""A small persistent document that can be changed on a full disk."""

from __future__ import annotations

import json
import os
from typing import Any

from .opening import at_once

#: Bytes of the file for any document: the space is allocated once, and overwritten from then on.
_SIZE = 4096


class FixedFile:
    """A file with one document."""

    def __init__(self, path: str) -> None:
        self._path = path

    def read(self) -> Any:
        """The document; None if there is no file.

        :raises OSError: if the file cannot be read
        :raises ValueError: if it is not a JSON document
        """
        try:
            with open(self._path, encoding="utf-8", opener=at_once) as file:
                return json.load(file)
        except FileNotFoundError:
            return None

    def write(self, document: Any) -> None:
        """Replace the document, in one write: complete or not at all, even if this process is killed.

        :raises OSError: if the file cannot be written
        :raises ValueError: if the document is too large
        """
        data = json.dumps(document, ensure_ascii=False).encode().ljust(_SIZE)
        if len(data) > _SIZE:
            raise ValueError(f"more than {_SIZE} bytes")
        file = at_once(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC)
        try:
            os.pwrite(file, data, 0)
        finally:
            os.close(file)
