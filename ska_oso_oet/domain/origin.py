"""Where a run comes from: the content of its script's file, and the earlier run that it repeats."""

from __future__ import annotations

import dataclasses
from typing import Any

SHORT = 12  #: digits of a commit or hash in a sentence
NEWEST = "the newest commit instead of "  #: until it is resolved


@dataclasses.dataclass(frozen=True, kw_only=True)
class Origin:
    """Part of a procedure."""

    rerun_of: int | None = None  #: the procedure that it runs once more
    differs: tuple[str, ...] = ()  #: in words, what is not as it was there
    script_sha256: str | None = None  #: of a script's file as it was loaded; none for scripts from git
    simulated: bool = False  #: whether it is a dry run, which commands nothing and needs no subarray

    def loaded(self, sha256: str | None) -> Origin:
        """The same once the file is loaded; none if that is not known."""
        return dataclasses.replace(self, script_sha256=sha256 or self.script_sha256)

    def resolved(self, commit: str) -> Origin:
        """The same once it is known which commit is the newest."""
        return dataclasses.replace(self, differs=tuple(_resolved(self.differs, commit[:SHORT])))

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form, part of the document of a procedure."""
        return {**vars(self), "differs": list(self.differs)}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Origin:
        """Read it from the document of a procedure, of whatever release."""
        return cls(
            rerun_of=data.get("rerun_of"),
            differs=tuple(data.get("differs") or ()),
            script_sha256=data.get("script_sha256"),
            simulated=bool(data.get("simulated")),
        )


def _resolved(differs: tuple[str, ...], commit: str) -> list[str]:
    told = []
    for sentence in differs:
        before = sentence.removeprefix(NEWEST)
        if before == sentence:
            told.append(sentence)
        elif before != commit:  # the newest may be the same
            told.append(f"commit {commit} instead of {before}")
    return told
