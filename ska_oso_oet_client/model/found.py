"""What can be found on an OET: scripts, and the files of runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

from .record import Document


@dataclass(frozen=True, kw_only=True)
class FoundScript:
    """A script on the server: the first line of its docstring, or why it cannot be read."""

    uri: str
    packaged: bool
    summary: str | None
    error: str | None
    document: Document = field(repr=False, compare=False)

    @classmethod
    def from_json(cls, document: Document) -> FoundScript:
        return cls(
            uri=document["uri"],
            packaged=bool(document["packaged"]),
            summary=document["summary"],
            error=document["error"],
            document=document,
        )


@dataclass(frozen=True, kw_only=True)
class ScriptFunction:
    """``init`` or ``main``; one that is imported or made by other code has no signature here."""

    signature: str | None
    docstring: str | None

    @classmethod
    def from_json(cls, document: Document | None) -> ScriptFunction | None:
        if document is None:
            return None
        return cls(signature=document["signature"], docstring=document["docstring"])


@dataclass(frozen=True, kw_only=True)
class DescribedScript:
    """What a script says of itself; it was not run for that."""

    uri: str
    path: str
    error: str | None
    docstring: str | None
    init: ScriptFunction | None
    main: ScriptFunction | None
    document: Document = field(repr=False, compare=False)

    @classmethod
    def from_json(cls, document: Document) -> DescribedScript:
        return cls(
            uri=document["uri"],
            path=document["path"],
            error=document["error"],
            docstring=document["docstring"],
            init=ScriptFunction.from_json(document["init"]),
            main=ScriptFunction.from_json(document["main"]),
            document=document,
        )


@dataclass(frozen=True, kw_only=True)
class RunFile:
    """A file that a script has written; ``size`` in bytes, ``modified`` in seconds since the epoch.

    ``path`` is for people: it has a replacement character for what is no UTF-8. ``name`` is exact.
    """

    path: str
    name: bytes
    size: int
    modified: float
    document: Document = field(repr=False, compare=False)

    @classmethod
    def from_json(cls, document: Document) -> RunFile:
        return cls(
            path=document["path"],
            name=unquote_to_bytes(document["uri"].partition("/files/")[2]),
            size=int(document["size"]),
            modified=float(document["modified"]),
            document=document,
        )


@dataclass(frozen=True, kw_only=True)
class RunFiles:
    """The files of a run; ``more`` where there are more than these."""

    files: Sequence[RunFile]
    more: bool
    document: Document = field(repr=False, compare=False)

    @classmethod
    def from_json(cls, document: Document) -> RunFiles:
        files = [RunFile.from_json(one) for one in document["files"]]
        return cls(files=files, more=bool(document["more"]), document=document)
