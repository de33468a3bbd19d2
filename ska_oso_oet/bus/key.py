"""The key of the bus, which authenticates workers.

The arbiter passes it to its workers only. Workers that run alone read it from a file in the state directory,
which the bus writes, for the server's account only.
"""

from __future__ import annotations

import contextlib
import os
import secrets

from ..files.opening import at_once
from ..kernel import confidential

NAME = "bus_key"


def make() -> None:
    """Make a key for this server."""
    confidential.keep(NAME, secrets.token_urlsafe(32))


def required(path: str) -> str:
    """The key that the broker requires; written to the file if no arbiter passed it.

    :param path: path of the broker's socket
    """
    key = confidential.known(NAME)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(_file(path))
    if key is None:
        key = secrets.token_urlsafe(32)
        with open(_file(path), "x", opener=at_once) as file:
            file.write(key)
    return key


def for_connection(path: str) -> str | None:
    """The key for a connection; None if this process has none."""
    key = confidential.known(NAME)
    if key is None:
        with contextlib.suppress(OSError), open(_file(path), opener=at_once) as file:
            key = file.read()
    return key


def _file(path: str) -> str:
    return os.path.join(os.path.dirname(path), "bus.key")
