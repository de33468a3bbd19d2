"""What only the server's own processes may know, and how they keep it to themselves.

A script runs under the server's account unless it is isolated, so what stands in a process's environment or
memory is its to read, unless the kernel is told that this process is nobody's business
(``PR_SET_DUMPABLE``). Passwords are handed down through a pipe; where a library wants one in the environment
it is there for this process only, and not in ``/proc``. Standard library only. Linux only.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from typing import Any

#: In the environment of a worker: the descriptor it reads what is confidential from.
GIVEN = "OET_CONFIDENTIAL"

#: Variables of the server's environment that may hold passwords. The first two are the bus's business only.
DATABASE = ("OET_DATABASE_URL", "PGPASSWORD")
COLLECTORS = tuple(f"OTEL_EXPORTER_OTLP_{kind}HEADERS" for kind in ("", "TRACES_", "LOGS_", "METRICS_"))
#: Variables that say where passwords are.
FILES = ("OET_GIT_CREDENTIALS", "OET_PIP_CREDENTIALS", "PGPASSFILE")

_PR_SET_DUMPABLE = 4

_kept: dict[str, str] = {}


def keep_private(private: bool = True) -> None:
    """Keep the memory, environment and descriptors of this process from others of its account, or not.

    Handed down by fork, not by exec. Root may look all the same.
    """
    _libc().prctl(_PR_SET_DUMPABLE, int(not private), 0, 0, 0)


def begin() -> None:
    """Keep this process private, and take what is confidential out of what ``/proc`` shows of it."""
    keep_private()
    given = os.environ.pop(GIVEN, None)
    if given is not None:
        with open(int(given)) as file:
            _kept.update(json.load(file))
    for name in (*DATABASE, *COLLECTORS):
        value = os.environ.get(name)
        if value is not None:
            _erase(name)
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
    ear, mouth = os.pipe()
    os.write(mouth, json.dumps({name: _kept[name] for name in names if name in _kept}).encode())
    os.close(mouth)
    return ear


def without(environment: Mapping[str, str], *names: str) -> dict[str, str]:
    """An environment without what is confidential, nor these variables."""
    hidden = {*DATABASE, *COLLECTORS, *names}
    return {name: value for name, value in environment.items() if name not in hidden}


def _erase(name: str) -> None:
    """Overwrite the value that this process was started with, which ``/proc/<pid>/environ`` shows."""
    import ctypes

    find = _libc().getenv
    find.restype = ctypes.c_void_p
    place = find(os.fsencode(name))
    if place:
        ctypes.memset(place, 0, len(ctypes.string_at(place)))
    del os.environ[name]


def _libc() -> Any:
    import ctypes  # slow, and of no use to a script's own interpreter

    return ctypes.CDLL(None)
