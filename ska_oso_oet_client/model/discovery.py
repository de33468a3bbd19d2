"""Scripts on the server, the files of runs, and environments of scripts from git."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from ..decoding import at
from .record import Documented


@dataclass(frozen=True, kw_only=True)
class FoundScript(Documented):
    """A script on the server: the first line of its docstring, or why it cannot be read."""

    uri: str
    packaged: bool
    summary: str | None
    error: str | None


@dataclass(frozen=True, kw_only=True)
class ScriptFunction:
    """``init`` or ``main``; one that is imported or made by other code has no signature here."""

    signature: str | None
    docstring: str | None


@dataclass(frozen=True, kw_only=True)
class DescribedScript(Documented):
    """A script's docstring and parameters, read without running it."""

    uri: str
    path: str
    error: str | None
    docstring: str | None
    init: ScriptFunction | None
    main: ScriptFunction | None


@dataclass(frozen=True, kw_only=True)
class RunFile(Documented):
    """A file that a script has written; ``size`` in bytes, ``modified`` in seconds since the epoch.

    ``path`` is for people: bytes that are no UTF-8 are replaced. ``name`` is exact.
    """

    path: str
    name: bytes = at("uri", lambda uri: unquote_to_bytes(uri.partition("/files/")[2]))
    size: int
    modified: float


@dataclass(frozen=True, kw_only=True)
class RunFiles(Documented):
    """The files of a run; ``more`` if there are more than these."""

    files: tuple[RunFile, ...]
    more: bool


@dataclass(frozen=True, kw_only=True)
class Environment(Documented):
    """Something the server keeps for scripts from git: an environment, a work tree or a mirror.

    ``size`` in bytes; ``created`` and ``used`` in seconds since the epoch.
    """

    id: str
    kind: str
    repository: str | None = None
    commit: str | None = None
    size: int
    created: float
    used: float
