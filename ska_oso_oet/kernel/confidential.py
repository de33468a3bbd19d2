"""Secrets of the server's own processes, and how these keep them.

A script runs under the server's account unless it is isolated, so it could read a process's environment and
memory, unless the kernel is told that the process is private (``PR_SET_DUMPABLE``). Passwords of one worker
only are in files in memory, which other workers close unread; if a library wants one in the environment, it
is there for this process only, and not in ``/proc``. Standard library only. Linux only.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from typing import NoReturn

from .linux import libc

#: In the environment of a server: its sealed secrets, as ``name=descriptor`` with commas between them.
_SEALED = "OET_CONFIDENTIAL"

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
_sealed: dict[str, int] = {}


def keep_private(private: bool = True) -> None:
    """Keep the memory, environment and descriptors of this process from others of its account, or not.

    Handed down by fork, not by exec. Root may look all the same.
    """
    libc().prctl(_PR_SET_DUMPABLE, int(not private), 0, 0, 0)


def begin() -> None:
    """Keep this process private, and remove its secrets from ``/proc``."""
    keep_private()
    for name, _, descriptor in (one.partition("=") for one in os.environ.pop(_SEALED, "").split(",") if one):
        os.set_inheritable(int(descriptor), False)
        _sealed[name] = int(descriptor)
    for name in (*DATABASE, *ARCHIVE, *COLLECTORS):
        value = os.environ.get(name)
        if value is not None:
            erase(name)
            _kept[name] = os.environ[name] = value


def known(name: str) -> str | None:
    """Something confidential that this process was handed, or has kept."""
    return _kept.get(name)


def keep(name: str, value: str) -> None:
    """Keep something that those whom this process starts may be handed."""
    _kept[name] = value


def seal(names: Iterable[str], **instead: str) -> NoReturn:
    """Start this program again with secrets in files in memory: those that it forks then do not have them.

    :param instead: variables of its environment
    """
    sealed = {name: os.memfd_create(name, 0) for name in names}
    for name, file in sealed.items():
        os.write(file, _kept[name].encode())
    given = {_SEALED: ",".join(f"{name}={file}" for name, file in sealed.items()), **instead}
    environment = {name: value for name, value in os.environ.items() if name not in sealed}
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment | given)


def sealed() -> tuple[int, ...]:
    """The descriptors of the sealed secrets."""
    return tuple(_sealed.values())


def unseal(names: Iterable[str]) -> None:
    """Read these of the sealed secrets."""
    for name in names:
        if name in _sealed:
            _kept[name] = os.environ[name] = os.pread(_sealed[name], 2**20, 0).decode()


def close_sealed() -> None:
    """Forget those that were not read."""
    while _sealed:
        os.close(_sealed.popitem()[1])


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
