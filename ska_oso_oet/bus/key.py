"""The key of the bus: who has it is a worker, and may say anything.

An arbiter hands it down to its workers, and nobody else has it. Workers that run alone find it in a file of
the state directory, for the server's account only, which the bus writes.
"""

from __future__ import annotations

import contextlib
import os
import secrets

from .. import confidential
from .sealed import owners_only

NAME = "bus_key"


def make() -> None:
    """Make a key for this server."""
    confidential.keep(NAME, secrets.token_urlsafe(32))


def required(path: str) -> str:
    """The key that the bus asks for.

    :param path: the bus's socket
    """
    found = confidential.known(NAME)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(_file(path))
    if found is None:
        found = secrets.token_urlsafe(32)
        with open(_file(path), "x", opener=owners_only) as file:
            file.write(found)
    return found


def known(path: str) -> str | None:
    """The key, where this process has it."""
    found = confidential.known(NAME)
    if found is None:
        with contextlib.suppress(OSError), open(_file(path)) as file:
            found = file.read()
    return found


def _file(path: str) -> str:
    return os.path.join(os.path.dirname(path), "bus.key")
