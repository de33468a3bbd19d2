"""Secrets of the server's own processes, and how these keep them.

A script runs under the server's account unless it is isolated, so it could read a process's environment and
memory, unless the kernel is told that the process is private (``PR_SET_DUMPABLE``). Passwords are handed
down through a pipe; if a library wants one in the environment, it is there for this process only, and not in
``/proc``. Standard library only. Linux only.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping

from .linux import libc

#: In the environment of a worker: the descriptor from which it reads secrets.
GIVEN = "OET_CONFIDENTIAL"

#: Variables of the server's environment that may hold passwords.
PASSWORDS = ("PGPASSWORD", "PGSSLPASSWORD")  #: of PostgreSQL, for those workers that use it
DATABASE = ("OET_DATABASE_URL", *PASSWORDS)  #: CentralWorker's business
ARCHIVE = ("OET_ODA_URL",)  #: ActivityWorker's business only
COLLECTORS = tuple(f"OTEL_EXPORTER_OTLP_{kind}HEADERS" for kind in ("", "TRACES_", "LOGS_", "METRICS_"))
_KEYS = tuple(f"OTEL_EXPORTER_OTLP_{kind}CLIENT_KEY" for kind in ("", "TRACES_", "LOGS_", "METRICS_"))
#: Variables that name files of passwords.
FILES = (
    *("OET_GIT_CREDENTIALS", "OET_PIP_CREDENTIALS", "OET_ODA_TOKEN_FILE", "OET_ODA_CLIENT_SECRET_FILE"),
    *("PGPASSFILE", "PGSERVICEFILE", "PGSSLKEY", *_KEYS),
)

_PR_SET_DUMPABLE = 4

_kept: dict[str, str] = {}


def keep_private(private: bool = True) -> None:
    """Keep the memory, environment and descriptors of this process from others of its account, or not.

    Handed down by fork, not by exec. Root may look all the same.
    """
    libc().prctl(_PR_SET_DUMPABLE, int(not private), 0, 0, 0)


def begin() -> None:
    """Keep this process private, and remove its secrets from ``/proc``."""
    keep_private()
    given = os.environ.pop(GIVEN, None)
    if given is not None:
        with open(int(given)) as file:
            _kept.update(json.load(file))
    for name in (*DATABASE, *ARCHIVE, *COLLECTORS):
        value = os.environ.get(name)
        if value is not None:
            erase(name)
            _kept[name] = value
        if name in _kept:
            os.environ[name] = _kept[name]


def known(name: str) -> str | None:
    """Something confidential that this process was handed, or has kept."""
    return _kept.get(name)


def keep(name: str, value: str) -> None:
    """Keep something that those whom this process starts may be handed."""
    _kept[name] = value


def handed_down(names: Iterable[str]) -> int:
    """The descriptor of a pipe from which a child can read these; it is the caller's to close."""
    read_end, write_end = os.pipe()
    os.write(write_end, json.dumps({name: _kept[name] for name in names if name in _kept}).encode())
    os.close(write_end)
    return read_end


def without(environment: Mapping[str, str], *names: str) -> dict[str, str]:
    """An environment without secrets and without these variables."""
    hidden = {*DATABASE, *ARCHIVE, *COLLECTORS, *names}
    return {name: value for name, value in environment.items() if name not in hidden}


def erase(name: str) -> None:
    """Take a variable out of the environment, and overwrite the value that ``/proc/<pid>/environ`` shows."""
    import ctypes

    find = libc().getenv
    find.restype = ctypes.c_void_p
    place = find(os.fsencode(name))
    if place:
        ctypes.memset(place, ord("*"), len(ctypes.string_at(place)))
    del os.environ[name]
